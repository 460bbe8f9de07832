"""Tests in files, as editors see them: what is offered, shown, found and renamed in them."""

from __future__ import annotations

import pytest

from inferc.editor.features.references import references

from .conftest import Desk
from .test_completion import offered
from .test_hover import shown

FILE = """\
deployment gpt { model = "gpt-4o" }
deployment claude { model = "claude-sonnet-4" }
route assistant = fallback [gpt, claude]
"""


@pytest.mark.parametrize(
    ("inside", "wanted"),
    [
        ("|", {"world", "ask", "load", "wait", "expect"}),
        ("ask |", {"gpt", "claude", "assistant"}),
        ("world { | }", {"gpt", "claude"}),
        ("world { gpt | }", {"fails", "answers", "with"}),
        ("world { gpt fails | }", {"cut", "stall", "unreachable"}),
        ("world { gpt { | } }", {"first_token", "rate", "requests_per_minute"}),
        ("load { | }", {"assistant", "prompt", "answer", "shape"}),
        ("load { gpt = 5 per | }", {"second", "minute", "hour"}),
        ("expect |", {"seconds", "answered_by", "p99", "calls"}),
        ("expect ok && |", {"seconds", "calls"}),
        ("expect answered_by == |", {"gpt", "claude"}),
        ("expect circuit(gpt) == |", {"open", "closed", "half_open"}),
        ("expect calls(|)", {"gpt", "claude"}),
    ],
)
def test_what_is_offered(desk: Desk, inside: str, wanted: set[str]) -> None:
    found = offered(desk, f'{FILE}test "it" {{\n  {inside}\n}}\n')
    assert wanted <= found.keys()
    assert "deployment" not in found


@pytest.mark.parametrize(
    ("inside", "told"),
    [
        ("exp|ect ok", "what must hold"),
        ("expect se|conds < 3", "how long the client waited"),
        ("world { gpt fails cu|t }", "the connection ends in the middle"),
        ("world { gpt { ra|te = 5 per second } }", "tokens of an answer"),
        ('ask g|pt "x"', "gpt-4o"),
    ],
)
def test_what_is_shown(desk: Desk, inside: str, told: str) -> None:
    assert told in shown(desk, f'{FILE}test "it" {{\n  {inside}\n}}\n')


def test_names_in_tests_are_those_of_the_file(desk: Desk) -> None:
    view, place = desk.at(
        FILE.replace("deployment gpt", "deployment g|pt")
        + 'test "it" {\n  world { gpt fails 503 }\n  ask gpt "x"\n  expect calls(gpt) == 4\n}\n'
    )
    assert len(references(view, place, with_declaration=True)) == 5
