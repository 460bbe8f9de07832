"""Fields of records: found and renamed wherever they are named, or refused with the reason."""

from __future__ import annotations

import pytest
from lsprotocol import types as lsp

from inferc.editor.features.references import highlights, references
from inferc.editor.features.rename import prepare_rename, rename
from inferc.editor.new_names import RenameRefused

from .conftest import Desk, edited

TYPES = """\
type Place = { city: text, zip: text? }
type Verdict = { label: "refund" | "other", score: float, place: Place }
"""
MAIN = """\
import { Verdict, Place } from "types.infer"
deployment gpt { model = "gpt-4o-mini", runtime openai { api_key = env("K") } }
pipeline judge(label: text) -> Verdict {
  return gpt(label) as Verdict
}
pipeline p(m: text, all: list<Verdict>) -> text {
  verdict = judge(m)
  made = Verdict(label = "refund", score = 1.0, place = Place(city = m))
  label = match verdict.label { "refund" => m, "other" => made.label }
  every = join([v.label for v in all], label)
  x = gpt("Text ${every}", system = prompt \"\"\"
    label {{ label }} {{ verdict.label | upper }} {% for one in all %}{{ one["label"] }}{% endfor %}
    {{ verdict.place.city }} {% if made . label == "label" %}label{% endif %}
    \"\"\")
  return if verdict.label == "refund" { x } else { judge(m).label }
}
"""
NEW_MAIN = (
    MAIN.replace("verdict.label", "verdict.topic")
    .replace("Verdict(label =", "Verdict(topic =")
    .replace("made.label", "made.topic")
    .replace("v.label", "v.topic")
    .replace('one["label"]', 'one["topic"]')
    .replace("made . label", "made . topic")
    .replace("judge(m).label", "judge(m).topic")
)


def renamed(desk: Desk, marked: str, new: str, name: str = "main.infer") -> dict[str, str]:
    """All texts that are changed, by the names of their files. The cursor is a `§`."""
    before, _, after = marked.partition("§")
    view = desk.open(before + after, name)
    edit = rename(view, view.document.lines.position(len(before)), new)
    texts = {}
    for change in edit.document_changes or () if edit is not None else ():
        assert isinstance(change, lsp.TextDocumentEdit)
        document = desk.workspace.any_document(change.text_document.uri)
        assert document is not None
        edits = [each for each in change.edits if isinstance(each, lsp.TextEdit)]
        texts[change.text_document.uri.rpartition("/")[2]] = edited(document.text, edits)
    return texts


@pytest.fixture
def files(desk: Desk) -> Desk:
    desk.write("types.infer", TYPES)
    return desk


@pytest.mark.parametrize(
    "place",
    ["verdict.la§bel {", "Verdict(la§bel", "v.la§bel", "verdict.la§bel |", 'one["la§bel', "judge(m).label§"],
)
def test_a_field_is_renamed_where_it_is_declared_and_wherever_it_is_named(files: Desk, place: str) -> None:
    assert renamed(files, MAIN.replace(place.replace("§", ""), place, 1), "topic") == {
        "types.infer": TYPES.replace("label", "topic"),
        "main.infer": NEW_MAIN,
    }


def test_from_its_declaration_into_files_that_import_it_by_way_of_others(files: Desk) -> None:
    files.write("main.infer", MAIN)
    far = 'import "main.infer" as main\npipeline q(m: text) -> text { return main.judge(m).label }\n'
    files.write("far.infer", far)
    files.write("apart.infer", "type Other = { label: text }\n")
    texts = renamed(files, TYPES.replace("label", "la§bel"), "topic", "types.infer")
    assert texts.keys() == {"types.infer", "main.infer", "far.infer"}
    assert texts["main.infer"] == NEW_MAIN
    assert texts["far.infer"] == far.replace(").label", ").topic")


def test_another_record_with_such_a_field_keeps_it(desk: Desk) -> None:
    text = (
        "type A = { name: text }\ntype B = { name: text, size: int }\n"
        "pipeline p(a: A, b: B, c: { name: text, n: int }) -> text {\n"
        '  return "${a.name}${b.name}${c.name}"\n}\n'
    )
    new = text.replace("type A = { name", "type A = { title").replace("a.name", "a.title")
    assert renamed(desk, text.replace("A = { na", "A = { na§"), "title")["main.infer"] == new
    inline = text.replace("c: { name", "c: { title").replace("c.name", "c.title")
    assert renamed(desk, text.replace("c.na", "c.na§"), "title")["main.infer"] == inline


def test_where_it_is_used_and_what_would_be_changed(files: Desk) -> None:
    view = files.open(MAIN)
    place = view.document.lines.position(MAIN.index("verdict.label") + 10)
    shown = prepare_rename(view, place)
    assert isinstance(shown, lsp.PrepareRenamePlaceholder)
    assert shown.placeholder == "label"
    found = references(view, place)
    assert [each.uri.rpartition("/")[2] for each in found].count("types.infer") == 1
    assert len(references(view, place, with_declaration=False)) == len(found) - 1 == 9
    assert len(highlights(view, place)) == 9


SMALL = """\
type V = { label: text, score: float }
deployment gpt { model = "gpt-4o-mini", runtime openai { api_key = env("K") } }
pipeline p(m: text) -> text {
  v = gpt(m) as V
  return v.la§bel
}
"""


@pytest.mark.parametrize(
    ("new", "more", "why"),
    [
        ("score", "", "has a field `score` already"),
        ("match", "", "is a word of the language"),
        ("", "", "a name is a word"),
        ("topic", 'extern f(v: V) -> text = python("m:f")\n', "line 7 of `main.infer` may mean `label`: `f`"),
        (
            "topic",
            "pipeline q(a: list<V>) -> text { return prompt \"{{ a | map(attribute='label') | join }}\" }\n",
            "a filter is told it as a text",
        ),
        (
            "topic",
            'pipeline q(a: list<V>) -> text { return prompt "{% set b = [a] %}{{ b[0][0].label }}" }\n',
            "what it is a part of is not known",
        ),
        (
            "topic",
            'pipeline q(v: V) -> json { return json_path(v, "$.label") else v }\n',
            "the path is a text",
        ),
        (
            "topic",
            "type W = { label: text }\npipeline q(v: V) -> W { return v }\n",
            "it would be a mistake: line 8",
        ),
        (
            "topic",
            "type W = { label: text?, score: float }\npipeline q(v: V) -> W { return v }\n",
            "W may be given it, too, and its `label` may be missing",
        ),
        (
            "topic",
            "type W = { topic: text?, score: float }\npipeline q(v: V) -> W { return v }\n",
            "W may be given it, too, and its `topic` may be missing",
        ),
        (
            "topic",
            "pipeline q(v: V) -> text { return v.label + v.nothing }\n",
            "has a mistake beside `label`",
        ),
    ],
)
def test_a_field_that_cannot_be_followed_keeps_its_name(desk: Desk, new: str, more: str, why: str) -> None:
    with pytest.raises(RenameRefused, match=why):
        renamed(desk, SMALL + more, new)


def test_a_mistake_elsewhere_is_in_no_ones_way_and_json_in_texts_is_said(desk: Desk) -> None:
    text = SMALL.replace("§", "") + 'let _x = "{\\"label\\": 1}"\ndeployment other { modle = 1 }\n'
    view = desk.open(text)
    said: list[str] = []
    place = view.document.lines.position(text.index("v.label") + 3)
    assert rename(view, place, "topic", said.append) is not None
    assert said == ["renamed, but not in JSON that stands in a text, as in line 7 of `main.infer`"]


def test_fields_of_the_language_are_not_renamed(desk: Desk) -> None:
    text = 'pipeline p(a: list<text>) -> text { return first(top_k([1.0], 1, of = a)).it§em else "" }\n'
    assert renamed(desk, text, "x") == {}
