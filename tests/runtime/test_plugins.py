"""Replicas from installed packages, found by their entry points."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from types import ModuleType

import pytest

from inferc.compiler.plan import ProviderKind, RemotePoolPlan
from inferc.runtime.replicas.replica import ReplicaStatus
from inferc.runtime.requests.answer import ChatChunk
from inferc.runtime.requests.errors import StartError, Unsupported
from inferc.runtime.requests.request import ChatRequest

from ..support.remote import executor_of, remote_plan

PLUGINS = Path(__file__).parents[1] / "plugins"


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder with a plugin and the metadata that an installation leaves, on the path."""
    monkeypatch.syspath_prepend(str(PLUGINS))
    yield
    sys.modules.pop("echo_replicas", None)


def custom(target: str, **settings: object) -> RemotePoolPlan:
    return remote_plan("parrot", "", provider=ProviderKind.CUSTOM, target=target, settings=settings)


async def test_a_plugin_answers_with_the_settings_of_its_block() -> None:
    messages = [{"role": "user", "content": "hello there"}]
    async with executor_of(custom("echo", prefix="Again: ")) as executor:
        request = ChatRequest({"model": "parrot", "messages": messages}, stream=False)
        async with aclosing(executor.stream("parrot", request)) as chunks:
            chunk = await anext(chunks)
    assert isinstance(chunk, ChatChunk)
    assert json.loads(chunk.data)["choices"][0]["message"]["content"] == "Again: hello there"


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (
            "echoo",
            "deployment `parrot`: the plugin `echoo` is not installed; the plugins here are: "
            "`broken`, `clumsy`, `echo`, `number`, `unwilling`",
        ),
        (
            "broken",
            "deployment `parrot`: the plugin `broken` cannot be loaded from `echo_replicas:no_such_name`: "
            "AttributeError: module 'echo_replicas' has no attribute 'no_such_name'",
        ),
        (
            "number",
            "deployment `parrot`: the plugin `number` is no factory: `echo_replicas:NUMBER` cannot be called",
        ),
        ("unwilling", "deployment `parrot`: the parrot wants a cracker"),
        ("clumsy", "deployment `parrot`: the plugin `clumsy` cannot make a replica: KeyError: 'cracker'"),
    ],
)
async def test_a_plugin_that_cannot_be_used_is_named_with_the_reason(target: str, says: str) -> None:
    with pytest.raises(StartError) as caught:
        async with executor_of(custom(target)):
            pass
    assert str(caught.value) == says


async def test_a_plugin_is_loaded_only_when_a_plan_with_it_starts() -> None:
    async with executor_of(remote_plan()):
        assert "echo_replicas" not in sys.modules


async def test_the_plugin_in_the_documentation_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[2] / "docs" / "runtimes.md").read_text("utf-8")
    source = text.partition("```python\n")[2].partition("```")[0]
    module = ModuleType("echo_replicas")
    vars(module).update(
        json=json,
        ChatRequest=ChatRequest,
        ChatChunk=ChatChunk,
        ReplicaStatus=ReplicaStatus,
        Unsupported=Unsupported,
    )
    exec(source, vars(module))
    monkeypatch.setitem(sys.modules, "echo_replicas", module)
    async with executor_of(custom("echo", prefix="You said: ")) as executor:
        request = ChatRequest({"messages": [{"role": "user", "content": "hello"}]}, stream=False)
        [chunk] = [chunk async for chunk in executor.stream("parrot", request)]
    assert isinstance(chunk, ChatChunk)
    assert json.loads(chunk.data)["choices"][0]["message"]["content"] == "You said: hello"
