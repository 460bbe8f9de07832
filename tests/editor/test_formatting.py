"""Formatting: of all, of a part, and while typing."""

from __future__ import annotations

import pytest
from lsprotocol import types as lsp

from inferc.dsl.formatting import format_source
from inferc.dsl.source import Source
from inferc.editor.features.formatting import formatting, on_type_formatting, range_formatting

from .conftest import Desk

UGLY = 'let  a=1\nlet  b=2\n\n\n\ndeployment d {\nmodel="m"\n  replicas  =  2}\n'
FORMED = format_source(Source("x", UGLY)).text


def test_the_whole_document_as_inferc_fmt_writes_it(desk: Desk) -> None:
    view = desk.open(UGLY)
    edits = formatting(view)
    assert desk.text_after(view, edits) == FORMED
    assert formatting(desk.open(FORMED)) == []


def test_edits_leave_the_lines_that_are_right_alone(desk: Desk) -> None:
    text = FORMED.replace("let b = 2", "let  b=2")
    [edit] = formatting(desk.open(text))
    assert (edit.range.start.line, edit.range.end.line) == (1, 2)


def test_odd_line_ends_and_characters(desk: Desk) -> None:
    for text in (UGLY.replace("\n", "\r\n"), "let  a=1\rlet  b=2\n", 'let  a="𝒳\u2028"\nlet  b=2'):
        view = desk.open(text)
        assert desk.text_after(view, formatting(view)) == format_source(Source("x", text)).text


def test_a_broken_declaration_stays_as_it_is(desk: Desk) -> None:
    text = "let  a=1\ndeployment { {\n"
    view = desk.open(text)
    assert desk.text_after(view, formatting(view)) == "let a = 1\ndeployment { {\n"


def test_a_part_of_the_document(desk: Desk) -> None:
    view = desk.open(UGLY)
    edits = range_formatting(view, lsp.Range(lsp.Position(0, 0), lsp.Position(1, 0)))
    assert desk.text_after(view, edits).startswith("let a = 1\n")
    assert 'model="m"' in desk.text_after(view, edits)


def test_a_closing_brace_brings_its_block_into_form(desk: Desk) -> None:
    view, place = desk.at('let  a=1\ndeployment d {\nmodel="m"\nreplicas=2\n}|\nlet  b=2\n')
    after = desk.text_after(view, on_type_formatting(view, place, "}"))
    assert after == 'let  a=1\ndeployment d {\n  model = "m"\n  replicas = 2\n}\nlet  b=2\n'


def test_a_new_line_brings_the_line_before_it_into_form(desk: Desk) -> None:
    view, place = desk.at('deployment d {\nmodel="m"\n|\nreplicas=2\n}\n')
    after = desk.text_after(view, on_type_formatting(view, place, "\n"))
    assert after == 'deployment d {\n  model = "m"\n\nreplicas=2\n}\n'


@pytest.mark.parametrize(
    ("before", "first", "last", "after"),
    [
        ("let a = 1\n\n\nlet   b=2\n\nlet   c=3\n", 3, 3, "let a = 1\n\n\nlet b = 2\n\nlet   c=3\n"),
        ("let  a=1\nlet  b=2\nlet  c=3\n", 0, 1, "let a = 1\nlet b = 2\nlet  c=3\n"),
        ("let  a=1\n\n\n\nlet  b=2\n", 0, 4, "let a = 1\n\nlet b = 2\n"),
        (
            'deployment a {\n    model = "m"\n\n\n    runtime openai {\n        endpoint="x"   \n    }\n}\n',
            4,
            6,
            'deployment a {\n    model = "m"\n\n\n  runtime openai {\n    endpoint = "x"\n  }\n}\n',
        ),
        ("let x = [\n1,\n   2 # two\n]\n", 1, 2, "let x = [\n  1,\n  2  # two\n]\n"),
        ('deployment d {\nmodel="m",\n#odd\nreplicas=2,\n}\n', 1, 3, None),
        ('let x = """\n  a   \n b"""\nlet  y=1\n', 1, 3, 'let x = """\n  a   \n b"""\n\nlet y = 1\n'),
        ("let  a=1\r\nlet  b=[\r\n1]\r\n", 1, 2, "let  a=1\r\nlet b = [\r\n  1\r\n]\r\n"),
    ],
)
def test_a_selection_is_formatted_and_nothing_else(
    desk: Desk, before: str, first: int, last: int, after: str | None
) -> None:
    view = desk.open(before)
    end = lsp.Position(last, len(before.splitlines()[last]))
    result = desk.text_after(view, range_formatting(view, lsp.Range(lsp.Position(first, 0), end)))
    assert "".join(result.split()) == "".join(before.split())
    if after is not None:
        assert result == after


@pytest.mark.parametrize("text", ["deployment d {\nmodel='m' # }|\n}", 'deployment d {\nmodel="}|"\n}'])
def test_a_brace_in_a_comment_or_a_text_closes_nothing(desk: Desk, text: str) -> None:
    view, place = desk.at(text)
    assert on_type_formatting(view, place, "}") == []
