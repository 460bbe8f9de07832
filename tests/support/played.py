"""Files whose tests are played."""

from __future__ import annotations

from pathlib import Path

from inferc.compiler.compile import check_file, compile_checked
from inferc.compiler.plan import Plan
from inferc.compiler.plan.scenarios import Scenario
from inferc.runtime.simulation.tests import Outcome, play

HERE = Path()


def scenarios(text: str) -> tuple[Plan, dict[str, Scenario]]:
    """The plan of a file, and its tests by title."""
    checked = check_file("shop.infer", None, text=text)
    assert checked.program is not None
    assert [each for each in checked.diagnostics if each.is_error] == []
    plan = compile_checked(checked, HERE)
    return plan, {test.scenario.title: test.scenario for test in checked.program.tests}


def played(text: str, seed: int = 0) -> dict[str, Outcome]:
    """What became of each test of a file."""
    plan, tests = scenarios(text)
    return {title: play(plan, HERE, scenario, seed) for title, scenario in tests.items()}


def failed(text: str, seed: int = 0) -> list[str]:
    """The titles of the tests that did not pass."""
    return [title for title, outcome in played(text, seed).items() if not outcome.passed]
