"""What the compiler says, as editors show it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from lsprotocol import types as lsp

from inferc.editor.features.diagnostics import diagnostics, explained

from .conftest import Desk

FINE = 'deployment d { model = "gpt-4o", runtime openai { api_key = env("K") } }\n'


def found(desk: Desk, text: str) -> list[lsp.Diagnostic]:
    return diagnostics(desk.open(text))[desk.uri()]


def test_a_finding_says_all_and_links_to_its_explanation(desk: Desk) -> None:
    [item] = found(
        desk,
        'gateway { timeout = 30 }\ndeployment _d { model = "m", runtime vllm { endpoint = "http://x/v1" } }',
    )
    assert item.code == "E0302"
    assert item.severity is lsp.DiagnosticSeverity.Error
    assert item.range == lsp.Range(lsp.Position(0, 20), lsp.Position(0, 22))
    assert item.message.startswith("`timeout` needs a unit: 30 what?\n")
    assert "durations are written like `30s`" in item.message
    assert item.code_description is not None
    page = Path(unquote(urlparse(item.code_description.href).path))
    assert page.read_text("utf-8").startswith("# E0302: ")


def test_a_parameter_that_is_set_from_outside_is_no_mistake(desk: Desk) -> None:
    text = "param region: text\n" + FINE.replace(
        "api_key", 'endpoint = "https://${region}.example.com", api_key'
    )
    assert [(each.code, each.severity) for each in found(desk, text)] == [
        ("E0310", lsp.DiagnosticSeverity.Hint)
    ]


def test_other_places_that_explain_it(desk: Desk) -> None:
    [item] = [each for each in found(desk, "let _a = 1\nlet _a = 2\n") if each.code == "E0202"]
    [related] = item.related_information or []
    assert related.message == "first declared here"
    assert related.location.range.start == lsp.Position(0, 4)


@pytest.mark.parametrize(
    "spare", ["let x = 1", "type x = { y: int }", 'extern x() -> int = python("m:f")', "template x { }"]
)
def test_what_is_not_used_is_faded(desk: Desk, spare: str) -> None:
    [item] = found(desk, f"{spare}\n{FINE}")
    assert item.code == "W0210"
    assert item.tags == [lsp.DiagnosticTag.Unnecessary]
    assert item.severity is lsp.DiagnosticSeverity.Warning


def test_imported_files_have_their_own(desk: Desk) -> None:
    desk.write("lib.infer", "template t { replica = 1 }\n")
    text = 'import "lib.infer" as lib\n' + FINE.replace("d {", "d from lib.t {")
    by_file = diagnostics(desk.open(text))
    assert by_file[desk.uri()] == []
    assert [each.code for each in by_file[desk.uri("lib.infer")]] == ["E0204"]


def test_an_imported_file_counts_as_it_is_open(desk: Desk) -> None:
    desk.write("lib.infer", "template t { replica = 1 }\n")
    desk.open("template t { replicas = 1 }\n", "lib.infer")
    text = 'import "lib.infer" as lib\n' + FINE.replace("d {", "d from lib.t {")
    assert diagnostics(desk.open(text)) == {desk.uri(): [], desk.uri("lib.infer"): []}


def test_positions_count_as_the_protocol_does(desk: Desk) -> None:
    [item] = [each for each in found(desk, 'let _x = "𝒳é" + 1s\n') if each.code == "E0307"]
    assert item.range.start == lsp.Position(0, 15)


def test_a_key_is_never_repeated(desk: Desk) -> None:
    key = "sk-proj-0123456789abcdefghijklmnopqrstuvwxyzABCD"
    items = found(desk, f'deployment d {{ model = "gpt-4o", runtime openai {{ api_key = "{key}" }} }}')
    assert "E0306" in [each.code for each in items]
    assert key not in repr(items)


def test_a_text_that_was_never_saved(desk: Desk) -> None:
    from inferc.editor.documents import Document
    from inferc.editor.view import View

    document = Document.make("untitled:Untitled-1", "let x = y\n", 1)
    desk.workspace.put(document)
    by_file = diagnostics(View(desk.workspace, document))
    assert [each.code for each in by_file["untitled:Untitled-1"]] == ["E0201"]


def test_the_page_of_a_code(desk: Desk) -> None:
    assert (explained("e0302") or "").startswith("# E0302: ")
    assert explained("E9999") is None
