"""Names across files: where they are declared, where they are used, and what they can be called instead."""

from __future__ import annotations

import pytest
from lsprotocol import types as lsp

from inferc.editor.features.definitions import declaration, definition
from inferc.editor.features.references import highlights, references
from inferc.editor.features.rename import RenameRefused, prepare_rename, rename
from inferc.editor.view import View

from .conftest import Desk, edited

LIB = """\
let patience = 20s
template careful { runtime openai { timeouts { request = patience } } }
deployment spare from careful { model = "gpt-4o", runtime openai { api_key = env("K") } }
"""
MAIN = """\
import "lib.infer" as lib
import { careful } from "lib.infer"
param region: text = "eu"
let url = "https://${region}.example.com"
deployment "my-gpt" from careful {
  model = "gpt-4o"
  runtime openai { api_key = env("K"), endpoint = url, timeouts { request = lib.patience } }
  serving { on_capacity_exhausted = fallback(lib.spare) }
}
route both = fallback ["my-gpt", lib.spare]
pipeline reply(message: text) -> text {
  draft = both(message)
  final = both(prompt "Better: {{ draft | upper }} for {{ message }}")
  return final
}
extern shorten(text_in: text) -> text = python("a:b")
pipeline outer(message: text) -> text { return shorten(text_in = reply(message = message)) }
"""


def at(desk: Desk, before: str, text: str = MAIN, name: str = "main.infer") -> tuple[View, lsp.Position]:
    """A view of the text and the place right after the first `before`."""
    view = desk.open(text, name)
    return view, view.document.lines.position(text.index(before) + len(before))


def places(desk: Desk, links: list[lsp.LocationLink]) -> list[tuple[str, int]]:
    return [(each.target_uri.rpartition("/")[2], each.target_selection_range.start.line) for each in links]


@pytest.fixture
def files(desk: Desk) -> Desk:
    desk.write("lib.infer", LIB)
    return desk


@pytest.mark.parametrize(
    ("before", "target"),
    [
        ('"https://${reg', ("main.infer", 2)),
        ("endpoint = ur", ("main.infer", 3)),
        ("from care", ("lib.infer", 1)),
        ("import { care", ("lib.infer", 1)),
        ("lib.pati", ("lib.infer", 0)),
        ("fallback(lib.sp", ("lib.infer", 2)),
        ('["my-g', ("main.infer", 4)),
        ("draft = bo", ("main.infer", 9)),
        ("Better: {{ dr", ("main.infer", 11)),
        ("return fin", ("main.infer", 12)),
        ("shorten(text_", ("main.infer", 15)),
        ("reply(mess", ("main.infer", 10)),
        ('import "lib', ("lib.infer", 0)),
        ("request = li", ("lib.infer", 0)),
    ],
)
def test_a_name_leads_to_its_declaration(files: Desk, before: str, target: tuple[str, int]) -> None:
    assert places(files, definition(*at(files, before))) == [target]


def test_the_declaration_of_an_imported_file_is_the_import(files: Desk) -> None:
    assert places(files, declaration(*at(files, "request = li"))) == [("main.infer", 0)]


def test_a_word_with_a_meaning_of_its_own_leads_nowhere(desk: Desk) -> None:
    view, place = desk.at("let queue2 = 1\ndeployment d { serving { on_capacity_exhausted = que|ue } }")
    assert definition(view, place) == []


def test_uses_in_all_files_open_or_not(files: Desk) -> None:
    files.write("other.infer", 'import "lib.infer" as l\nroute r = fallback [l.spare]\n')
    view, place = at(files, "fallback(lib.sp")
    found = [(each.uri.rpartition("/")[2], each.range.start.line) for each in references(view, place)]
    assert sorted(found) == [("lib.infer", 2), ("main.infer", 7), ("main.infer", 9), ("other.infer", 1)]
    without = references(view, place, with_declaration=False)
    assert len(without) == 3


def test_uses_in_this_file_with_reads_and_writes(files: Desk) -> None:
    found = highlights(*at(files, "endpoint = ur"))
    kinds = [(each.range.start.line, each.kind) for each in found]
    assert kinds == [(3, lsp.DocumentHighlightKind.Write), (6, lsp.DocumentHighlightKind.Read)]


# ---- new names


def renamed(desk: Desk, view: View, place: lsp.Position, new: str) -> dict[str, str]:
    """The files after the edits, by their names."""
    edit = rename(view, place, new)
    assert edit is not None
    assert edit.document_changes is not None
    texts = {}
    for change in edit.document_changes:
        assert isinstance(change, lsp.TextDocumentEdit)
        document = desk.workspace.any_document(change.text_document.uri)
        assert document is not None
        edits = [each for each in change.edits if isinstance(each, lsp.TextEdit)]
        texts[document.name.rpartition("/")[2]] = edited(document.text, edits)
    return texts


def test_a_new_name_in_all_files(files: Desk) -> None:
    texts = renamed(files, *at(files, "from care"), "patient")
    assert texts["main.infer"] == MAIN.replace("careful", "patient")
    assert texts["lib.infer"] == LIB.replace("careful", "patient")


@pytest.mark.parametrize(
    ("before", "old", "new"),
    [("${reg", "region", "place"), ("draft = bo", "both", "all"), ("Better: {{ dr", "draft", "sketch")],
)
def test_a_new_name_within_texts_and_prompts(files: Desk, before: str, old: str, new: str) -> None:
    assert renamed(files, *at(files, before), new) == {"main.infer": MAIN.replace(old, new)}


def test_a_quoted_name_stays_quoted(files: Desk) -> None:
    view, place = at(files, '["my-g')
    shown = prepare_rename(view, place)
    assert shown is not None
    assert shown.placeholder == "my-gpt"
    assert view.text[view.offset(shown.range.start) : view.offset(shown.range.end)] == "my-gpt"
    assert renamed(files, view, place, "other") == {"main.infer": MAIN.replace("my-gpt", "other")}


def test_a_name_that_is_no_word_gets_quotes(files: Desk) -> None:
    texts = renamed(files, *at(files, "draft = bo"), "both of them")
    assert 'route "both of them" = ' in texts["main.infer"]
    assert 'draft = "both of them"(message)' in texts["main.infer"]


def test_the_parameter_of_a_pipeline_with_the_calls_that_name_it(files: Desk) -> None:
    text = renamed(files, *at(files, "pipeline reply(mess"), "question")["main.infer"]
    assert "pipeline reply(question: text)" in text
    assert "both(question)" in text
    assert "{{ question }}" in text
    assert "reply(question = message)" in text


def test_the_name_of_an_imported_file(files: Desk) -> None:
    text = renamed(files, *at(files, "request = li"), "shared")["main.infer"]
    assert 'import "lib.infer" as shared' in text
    assert "fallback(shared.spare)" in text


@pytest.mark.parametrize(
    ("before", "new", "why"),
    [
        ("from care", "template", "word of the language"),
        ("endpoint = ur", "region", "has a parameter called `region` already"),
        ("endpoint = ur", "two words", "must be a word"),
        ("endpoint = ur", "", "a name is a word"),
        ("from care", "patience", "`lib.infer` has a let called `patience` already"),
        ("from care", "not a word", "imports it"),
        ("Better: {{ dr", "final", "has a `final` already"),
        ("Better: {{ dr", "both", "declared in this file already"),
        ("draft = bo", "message", "calls something of its own `message`"),
        ("request = li", "url", "has a let called `url` already"),
    ],
)
def test_a_name_that_would_mean_something_else_is_refused(
    files: Desk, before: str, new: str, why: str
) -> None:
    with pytest.raises(RenameRefused, match=why):
        rename(*at(files, before), new)


def test_the_same_name_changes_nothing(files: Desk) -> None:
    assert renamed(files, *at(files, "${reg"), "region") == {"main.infer": MAIN}


def test_what_is_no_name_cannot_be_renamed(files: Desk) -> None:
    assert prepare_rename(*at(files, "serv")) is None
    assert rename(*at(files, "serv"), "x") is None
