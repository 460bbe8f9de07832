"""Names across files: where they are declared, where they are used, and what they can be called instead."""

from __future__ import annotations

import os
import re

import pytest
from lsprotocol import types as lsp

from inferc.editor.features.definitions import declaration, definition
from inferc.editor.features.references import highlights, references
from inferc.editor.features.rename import prepare_rename, rename
from inferc.editor.new_names import RenameRefused
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


# ---- in texts and prompts

PIPE = """\
import { patience } from "lib.infer"
type Verdict = { label: text }
deployment gpt { model = "gpt-4o", runtime openai { api_key = env("K") } }
pipeline p(old: text, olds: list<text>) -> text {
  step = gpt("${old}, ${ old }é\\n${patience}") as Verdict
  long = gpt(\"\"\"
    old \\${old} ${old}
    ${step.label}\"\"\")
  many = [gpt("${each}${old}", system = prompt "{{ each }}{{ old }}") for each in olds]
  return gpt(prompt \"\"\"
    {# old #}{{ old | replace("old", old) | upper }} old {{ olds[0].old }} {{ patience }}
    {% raw %}{{ old }}{% endraw %}{% if old is defined and 'old' -%} {{ dict(old=old)["old"] }} {%- endif %}
    \"\"\") else "${old}"
}
"""
NEW = (
    PIPE.replace("(old: text", "(zz: text")
    .replace("${old}, ${ old }é", "${zz}, ${ zz }é")
    .replace("\\${old} ${old}", "\\${old} ${zz}")
    .replace("${each}${old}", "${each}${zz}")
    .replace("{{ each }}{{ old }}", "{{ each }}{{ zz }}")
    .replace('{{ old | replace("old", old)', '{{ zz | replace("old", zz)')
    .replace("{% if old is", "{% if zz is")
    .replace("dict(old=old)", "dict(old=zz)")
    .replace('else "${old}"', 'else "${zz}"')
)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("before", ["pipeline p(ol", "${ ol", 'else "${ol', "{% if ol"])
def test_a_new_name_where_texts_and_templates_say_it(files: Desk, ends: str, before: str) -> None:
    text = PIPE.replace("\n", ends)
    assert renamed(files, *at(files, before, text), "zz") == {"main.infer": NEW.replace("\n", ends)}


@pytest.mark.parametrize(
    ("before", "old"), [("  ste", "step"), ('"${ea', "each"), ("import { pat", "patience")]
)
def test_steps_variables_and_values_of_the_file_in_texts_and_templates(
    files: Desk, before: str, old: str
) -> None:
    texts = renamed(files, *at(files, before, PIPE), "zz")
    assert texts["main.infer"] == re.sub(rf"\b{old}\b", "zz", PIPE)


def test_files_that_import_it_are_renamed_as_they_are_open_and_not_saved(files: Desk) -> None:
    files.write("other.infer", "let x = 1\n")
    files.open('import "lib.infer" as l\nlet _x = "${l.patience}"\n', "other.infer")
    texts = renamed(files, *at(files, "lib.pati"), "zz")
    assert texts["other.infer"] == 'import "lib.infer" as l\nlet _x = "${l.zz}"\n'


@pytest.mark.parametrize(
    ("change", "new", "why"),
    [
        (("return gpt", "return gpt(old\n  x = ="), "zz", "has `old` beside a mistake"),
        (("{% if old", "{% if if old"), "zz", "cannot be read"),
        (("{# old #}", "{% for old in olds %}{{ old }}{% endfor %}"), "zz", "has a `old` of its own, too"),
        (("{# old #}", "{% for zz in olds %}{{ zz }}{% endfor %}"), "zz", "has a `zz` of its own"),
        (("", ""), "each", "has a `each` already"),
        (("return gpt(", "x = join(olds, old)\n  return gpt("), "join", "would be hidden"),
    ],
)
def test_a_new_name_that_cannot_reach_every_place_is_refused(
    files: Desk, change: tuple[str, str], new: str, why: str
) -> None:
    with pytest.raises(RenameRefused, match=why):
        rename(*at(files, "pipeline p(ol", PIPE.replace(*change)), new)


def test_a_mistake_in_another_pipeline_is_in_no_ones_way(files: Desk) -> None:
    text = f"{PIPE}pipeline q(old: text) -> text {{\n  x = = old\n}}\n"
    texts = renamed(files, *at(files, "pipeline p(ol", text), "zz")
    assert texts["main.infer"] == text.replace(PIPE, NEW)


def test_a_file_with_a_mistake_that_names_it_is_said(files: Desk) -> None:
    files.write("other.infer", 'import "lib.infer" as l\nlet x = => l.patience\n')
    with pytest.raises(RenameRefused, match=r"line 2 of `other\.infer` has `patience` beside a mistake"):
        rename(*at(files, "lib.pati"), "zz")


def test_files_that_cannot_be_looked_through_are_said(files: Desk) -> None:
    (files.folder / "latin.infer").write_bytes(b"\xff\xfe")
    os.mkfifo(files.folder / "pipe.infer")
    said: list[str] = []
    assert rename(*at(files, "lib.pati"), "zz", said.append) is not None
    assert said == ["renamed, but not in what could not be looked through: `latin.infer`, `pipe.infer`"]
    rename(*at(files, "draft = bo", MAIN), "zz", said.append)
    rename(*at(files, "Better: {{ dr", MAIN), "zz", said.append)
    assert len(said) == 2


def test_the_extern_of_a_guard_is_found_and_renamed(desk: Desk) -> None:
    text = 'extern hide(texts: list<text>) -> bool = python("a:b")\ngateway { guard g { request = hide } }\n'
    view, position = at(desk, "request = hi", text)
    assert places(desk, definition(view, position)) == [("main.infer", 0)]
    assert renamed(desk, view, position, "conceal")["main.infer"] == text.replace("hide", "conceal")


def test_functions_of_a_model_are_found_and_renamed(desk: Desk) -> None:
    text = (
        'deployment gpt { model = "gpt-4o", runtime openai { api_key = env("K") } }\n'
        'extern look(x: text) -> text = python("a:b")\n'
        "pipeline p(m: text) -> text { return gpt(m) with { tools = [look] } }\n"
    )
    assert renamed(desk, *at(desk, "extern lo", text), "find") == {"main.infer": text.replace("look", "find")}
