"""Endpoints that cannot be reached, said when a plan starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferc.runtime.executor import Executor
from inferc.runtime.http.server import bind
from inferc.runtime.requests.errors import StartError

from ..support.remote import executor_of, mock_provider, plan_of, remote_plan


@pytest.fixture
def nobody() -> str:
    """An endpoint at which nobody listens."""
    taken = bind("127.0.0.1", 0, advice="")
    port = taken.getsockname()[1]
    taken.close()
    return f"http://127.0.0.1:{port}/v1"


async def test_an_endpoint_that_cannot_be_reached_is_named_once_and_starting_goes_on(
    nobody: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        mock_provider() as mock,
        executor_of(remote_plan("there", mock.endpoint), remote_plan("gone", nobody, replicas=3)) as executor,
    ):
        assert list(executor.deployments) == ["there", "gone"]
    assert caplog.messages == [
        f"deployment `gone`: its endpoint {nobody} cannot be reached: connection refused; "
        "its requests will fail until it can be"
    ]


async def test_a_strict_start_fails_with_every_endpoint_that_cannot_be_reached(nobody: str) -> None:
    plan = plan_of(remote_plan("a", nobody), remote_plan("b", "http://no-such-host.invalid:1/v1"))
    executor = Executor(plan, Path.cwd(), strict=True)
    with pytest.raises(StartError) as caught:
        await executor.start()
    assert caught.value.problems == (
        f"deployment `a`: its endpoint {nobody} cannot be reached: connection refused",
        "deployment `b`: its endpoint http://no-such-host.invalid:1/v1 cannot be reached: "
        "there is no host `no-such-host.invalid`",
    )


async def test_a_strict_start_is_content_with_endpoints_that_answer() -> None:
    async with mock_provider() as mock:
        executor = Executor(plan_of(remote_plan("a", mock.endpoint)), Path.cwd(), strict=True)
        await executor.start()
        await executor.stop()


@pytest.mark.parametrize("user", ["user:pass-word-1@", "pass-word-1@", "%40:pass-word-1@"])
async def test_a_plan_with_a_password_in_an_endpoint_is_not_started_and_shows_it_nowhere(
    user: str, caplog: pytest.LogCaptureFixture
) -> None:
    executor = Executor(plan_of(remote_plan("a", f"http://{user}127.0.0.1:9/v1")), Path.cwd())
    with pytest.raises(StartError, match="`a`: its `endpoint` holds a user name or a password") as caught:
        await executor.start()
    assert "pass-word-1" not in f"{caught.value} {caplog.text}"
