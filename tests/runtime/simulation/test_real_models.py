"""Models that run for real in tests: loaded once, and no more of them at a time than a test needs."""

from __future__ import annotations

import pytest

from inferc.runtime.replicas.onnx import OnnxReplica
from inferc.runtime.replicas.onnx.loading import loaded_model
from inferc.runtime.requests.errors import BadRequest
from inferc.runtime.simulation.real_models import RealModels
from inferc.runtime.simulation.tests import play

from ...support.commands import SAMPLES
from ...support.played import HERE, scenarios

MODEL = f'{{ model = "{SAMPLES}/models/magika.onnx", task classify {{}} }}'
FILE = f"""\
deployment one {MODEL}
deployment other {MODEL}

test "the first" {{ world {{ one with real }}, ask one "1", expect error == "bad_request" }}
test "played" {{ ask one "1", expect ok }}
test "the second" {{ world {{ one with real }}, ask one "1", expect calls(one) == 1 && status == 400 }}
test "the other" {{ world {{ other with real }}, ask other "1", expect error == "bad_request" }}
test "both" {{ world {{ one with real, other with real }}, ask one "1", expect error == "bad_request" }}
"""


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which models were loaded and unloaded."""
    seen: list[str] = []

    def noted(what: str) -> None:
        plain = getattr(OnnxReplica, what)

        async def really(replica: OnnxReplica) -> None:
            seen.append(f"{what} {replica._serving.plan.deployment}")
            await plain(replica)

        monkeypatch.setattr(OnnxReplica, what, really)

    noted("start")
    noted("stop")
    return seen


def test_a_model_stays_until_a_test_has_to_load_another_one(seen: list[str]) -> None:
    plan, tests = scenarios(FILE)
    with RealModels() as models:
        for title, scenario in tests.items():
            seen.append(title)
            outcome = play(plan, HERE, scenario, 0, models)
            assert outcome.passed, (title, outcome)
        seen.append("the end")
    assert seen == [
        *("the first", "start one", "played", "the second"),
        *("the other", "stop one", "start other"),
        *("both", "start one"),
        *("the end", "stop other", "stop one"),
    ]


def test_a_test_that_is_played_alone_leaves_nothing(seen: list[str]) -> None:
    plan, tests = scenarios(FILE)
    assert play(plan, HERE, tests["the first"], 0).passed
    assert seen == ["start one", "stop one"]


def test_a_model_whose_first_run_fails_leaves_nothing_and_the_next_test_has_it(
    seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise BadRequest("no run works")

    plan, tests = scenarios(FILE)
    with RealModels() as models:
        with monkeypatch.context() as patched:
            patched.setattr(loaded_model, "warm_up", failing)
            [problem] = play(plan, HERE, tests["the first"], 0, models).problems
        assert "no run works" in problem
        assert seen == ["start one", "stop one"]
        assert play(plan, HERE, tests["the first"], 0, models).passed
    assert seen == ["start one", "stop one"] * 2
