"""How many requests run at the same time where that follows what a model can do."""

from __future__ import annotations

import pytest

from inferc.compiler.plan import AdaptiveKind
from inferc.runtime.policies.adaptive_concurrency import MEASURE_EVERY, MEASURED, QUIET, AdaptiveConcurrency


def answer(adaptive: AdaptiveConcurrency, answers: int, *, room: int, seconds: float = 0.1) -> None:
    """As many answers of a model that does so much at once, and lets the rest wait, to whoever may ask."""
    for _ in range(answers):
        running = adaptive.limit
        adaptive.answered(seconds * max(running / room, 1.0), running)


def test_gradient_finds_about_what_a_model_does_without_queueing() -> None:
    adaptive = AdaptiveConcurrency(AdaptiveKind.GRADIENT, 500)
    assert adaptive.limit == QUIET, "it measures first"
    answer(adaptive, MEASURED + 500, room=20)
    assert 20 <= adaptive.limit <= 40


def test_gradient_finds_out_anew_what_is_best_also_when_a_model_has_become_slower() -> None:
    adaptive = AdaptiveConcurrency(AdaptiveKind.GRADIENT, 500)
    answer(adaptive, MEASURED + 500, room=20)
    answer(adaptive, 300, room=20, seconds=1.0)
    assert adaptive.limit < 10, "as if they queued"
    answer(adaptive, MEASURE_EVERY + 500, room=20, seconds=1.0)
    assert 20 <= adaptive.limit <= 40


@pytest.mark.parametrize("kind", AdaptiveKind)
def test_signs_of_overload_let_fewer_run_and_never_none(kind: AdaptiveKind) -> None:
    adaptive = AdaptiveConcurrency(kind, 10)
    answer(adaptive, MEASURED, room=100)
    assert adaptive.limit == 10
    assert adaptive.overloaded() == 9
    for _ in range(100):
        adaptive.overloaded()
    assert adaptive.limit == 1
    answer(adaptive, 100, room=100)
    assert adaptive.limit == 10


def test_aimd_adds_one_for_each_round_of_answers_and_only_while_it_is_used() -> None:
    adaptive = AdaptiveConcurrency(AdaptiveKind.AIMD, 100)
    for _ in range(30):
        adaptive.overloaded()
    before = adaptive.limit
    for _ in range(before):
        adaptive.answered(0.1, 1)
    assert adaptive.limit == before
    for _ in range(before + 1):
        adaptive.answered(0.1, before)
    assert adaptive.limit == before + 1
