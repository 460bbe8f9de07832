"""What is read and parsed, and what is not done again."""

from __future__ import annotations

import os
from pathlib import Path

from lsprotocol import types as lsp

from inferc.editor.documents import Document, path_of, uri_of
from inferc.editor.features.diagnostics import diagnostics
from inferc.editor.positions import UTF8, UTF16, UTF32, Lines

from ..support.rows import each_row
from .conftest import Desk

MAIN = 'import "a.infer" as a\nimport "b.infer" as b\nlet _x = a.one + b.two\n'


def test_files_that_did_not_change_are_not_parsed_again(desk: Desk) -> None:
    desk.write("a.infer", "let one = 1\n")
    desk.write("b.infer", "let two = 2\n")
    for number in range(5):
        diagnostics(desk.open(f"{MAIN}let _y = {number}\n"))
    assert desk.workspace.parses == 5 + 2
    diagnostics(desk.open(f"{MAIN}let _y = 4\n"))
    assert desk.workspace.parses == 5 + 2


def test_every_question_about_one_version_shares_its_tree(desk: Desk) -> None:
    view = desk.open("let _x = 1\n")
    assert view.parsed is desk.workspace.parsed(view.document)
    assert view.checked.modules[0].declarations is view.parsed.declarations
    assert desk.workspace.parses == 1


def test_a_file_that_changes_on_disk_is_read_again(desk: Desk) -> None:
    path = desk.write("a.infer", "let one = 1\n")
    desk.write("b.infer", "let two = 2\n")
    view = desk.open(MAIN)
    assert diagnostics(view)[desk.uri()] == []
    path.write_text("let other = 1\n")
    os.utime(path, ns=(1, 1))
    desk.workspace.touch()
    assert [each.code for each in diagnostics(desk.open(MAIN))[desk.uri()]] == ["E0201"]


def test_a_file_that_appears_is_imported(desk: Desk) -> None:
    desk.write("a.infer", "let one = 1\n")
    assert [each.code for each in diagnostics(desk.open(MAIN))[desk.uri()]] == ["E0206"]
    desk.open("let two = 2\n", "b.infer")
    assert diagnostics(desk.open(MAIN))[desk.uri()] == []


def test_who_imports_a_file_is_known_by_way_of_others_too(desk: Desk) -> None:
    desk.write("b.infer", "let two = 2\n")
    main = desk.open(MAIN)
    middle = desk.open('import { two } from "b.infer"\nlet one = two\n', "a.infer")
    for view in (main, middle):
        diagnostics(view)
    inner = desk.open("let two = 3\n", "b.infer")
    importers = desk.workspace.importers(inner.document)
    assert {each.uri for each in importers} == {main.document.uri, middle.document.uri}


def test_a_closed_text_leaves_nothing_behind(desk: Desk) -> None:
    desk.write("main.infer", "let _x = 1\n")
    view = desk.open("let _x = 2\n")
    diagnostics(view)
    desk.workspace.close(view.document.uri)
    assert desk.workspace.documents == []
    assert desk.workspace.read(desk.folder / "main.infer") == "let _x = 1\n"


def test_uris_of_odd_paths_lead_back_to_them(tmp_path: Path) -> None:
    for name in ("a b.infer", "ü#%?.infer", "c:d.infer"):
        assert path_of(uri_of(tmp_path / name)) == tmp_path / name
    assert path_of("untitled:Untitled-1") is None


# ---- positions

TEXT = "aé𝒳b\r\n\u2028x\ry\n"


@each_row(("encoding", "column"), [(UTF8, 1 + 2 + 4), (UTF16, 1 + 1 + 2), (UTF32, 3)])
def test_columns_are_counted_in_the_unit_of_the_client(encoding: str, column: int) -> None:
    lines = Lines(TEXT, encoding)
    assert lines.position(3) == lsp.Position(0, column)
    assert lines.offset(lsp.Position(0, column)) == 3


def test_lines_end_where_the_protocol_says() -> None:
    lines = Lines(TEXT)
    assert [TEXT[start] for start in lines.starts[:-1]] == ["a", "\u2028", "y"]


@each_row("encoding", [UTF8, UTF16, UTF32])
def test_places_beyond_the_text_are_brought_into_it(encoding: str) -> None:
    lines = Lines(TEXT, encoding)
    assert lines.offset(lsp.Position(0, 999)) == TEXT.index("\r")
    assert lines.offset(lsp.Position(999, 0)) == len(TEXT)
    assert lines.position(10_000) == lsp.Position(3, 0)


def test_a_place_inside_of_a_character_is_that_character() -> None:
    assert Lines(TEXT).offset(lsp.Position(0, 3)) == 2


def test_changes_are_made_one_after_the_other() -> None:
    document = Document.make("untitled:x", "one\ntwo\n", 1)

    def change(line: int, start: int, end: int, text: str) -> lsp.TextDocumentContentChangePartial:
        where = lsp.Range(lsp.Position(line, start), lsp.Position(line, end))
        return lsp.TextDocumentContentChangePartial(where, text)

    after = document.changed([change(0, 0, 3, "1\n"), change(1, 0, 0, "x"), change(2, 3, 3, "!")], 2)
    assert after.text == "1\nx\ntwo!\n"
    assert after.version == 2
    assert document.text == "one\ntwo\n"
    assert after.changed([lsp.TextDocumentContentChangeWholeDocument("new")], 3).text == "new"
