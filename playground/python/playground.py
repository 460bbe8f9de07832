"""What the page asks of the compiler: JSON in, JSON out. Runs in Pyodide, on files in its memory.

Places are lines and columns in UTF-16, as the language server protocol and the editor count.
"""

from __future__ import annotations

import asyncio
import gc
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp

from inferc.cli.main import main
from inferc.compiler.compile import compile_checked
from inferc.dsl.codes import explain
from inferc.dsl.diagnostics import Diagnostic, Fix
from inferc.dsl.render import OutputFormat, render, summary
from inferc.dsl.secrets.texts import masked
from inferc.dsl.version import __version__
from inferc.editor.documents import Document, uri_of
from inferc.editor.features.completion import completion
from inferc.editor.features.diagnostics import explained, of_diagnostic
from inferc.editor.features.formatting import formatting
from inferc.editor.features.hover import hover
from inferc.editor.features.rename import prepare_rename, rename
from inferc.editor.new_names import RenameRefused
from inferc.editor.view import View
from inferc.editor.workspace import Workspace

FOLDER = Path("/files")


class Playground:
    """The files of the page, and answers about them."""

    def __init__(self) -> None:
        self._workspace = Workspace()
        self._workspace.folders = [FOLDER]
        self._views: dict[str, tuple[int, View]] = {}

    # ---- files

    def start(self) -> dict[str, Any]:
        """Which compiler this is."""
        return {"version": __version__}

    def open(self, files: dict[str, str]) -> None:
        """Work on these files, and on no others."""
        for document in self._workspace.documents:
            self._workspace.close(document.uri)
        os.chdir("/")  # where one is cannot be removed
        if FOLDER.exists():
            shutil.rmtree(FOLDER)
        FOLDER.mkdir()
        os.chdir(FOLDER)
        for name, text in files.items():
            self._put(name, text)

    def check(self, name: str, text: str, columns: int) -> dict[str, Any]:
        """What is found in a file that has changed, and in those that it imports.

        columns: how wide what is shown may be.
        """
        self._put(name, text)
        view = self._view(name)
        found = view.checked.diagnostics
        return {"findings": [self._finding(view, each, columns) for each in found], "summary": summary(found)}

    def _put(self, name: str, text: str) -> None:
        path = FOLDER / name
        document = self._workspace.document(uri_of(path))
        if document is not None and document.text == text:
            return
        path.write_text(text, "utf-8", newline="")
        self._workspace.put(Document.make(uri_of(path), text, 0, name=name))

    def _view(self, name: str) -> View:
        document = self._workspace.document(uri_of(FOLDER / name))
        assert document is not None, "a file is opened before anything is asked about it"
        generation, view = self._views.get(name, (-1, None))
        if view is None or generation != self._workspace.generation:
            view = View(self._workspace, document)
            self._views[name] = (self._workspace.generation, view)
        return view

    def _finding(self, view: View, item: Diagnostic, columns: int) -> dict[str, Any]:
        place = item.primary.span.source if item.primary is not None else view.parsed.source
        document = view.document_of(place)
        shown = of_diagnostic(View(self._workspace, document), item)
        return {
            "file": document.name,
            "range": _range(shown.range),
            "severity": item.severity.value,
            "code": item.code,
            "message": shown.message,
            "shown": masked(render([item], OutputFormat.TERMINAL, color=True, width=columns)),
            "fixes": [
                {"title": fix.title, "edits": list(self._edits(view, fix))} for fix in item.fixes if fix.edits
            ],
        }

    def _edits(self, view: View, fix: Fix) -> Iterator[dict[str, Any]]:
        for edit in fix.edits:
            document = view.document_of(edit.span.source)
            where = document.lines.range(edit.span.start, edit.span.end)
            yield {"file": document.name, "range": _range(where), "text": edit.replacement}

    # ---- the editor

    def complete(self, name: str, text: str, line: int, column: int) -> dict[str, Any]:
        """What may stand at a place."""
        self._put(name, text)
        offers = completion(self._view(name), lsp.Position(line, column))
        return {"incomplete": offers.is_incomplete, "offers": [_offer(each) for each in offers.items]}

    def hover(self, name: str, line: int, column: int) -> dict[str, Any] | None:
        """What is known about a place, as Markdown."""
        shown = hover(self._view(name), lsp.Position(line, column))
        if shown is None or not isinstance(shown.contents, lsp.MarkupContent):
            return None
        where = _range(shown.range) if shown.range is not None else None
        return {"markdown": shown.contents.value, "range": where}

    def prepare_rename(self, name: str, text: str, line: int, column: int) -> dict[str, Any] | None:
        """The name at a place that can be changed, and where it stands."""
        self._put(name, text)
        found = prepare_rename(self._view(name), lsp.Position(line, column))
        return {"name": found.placeholder, "range": _range(found.range)} if found is not None else None

    def rename(self, name: str, line: int, column: int, new: str) -> dict[str, Any]:
        """The edits that give a thing another name, in all files; or why it keeps its own."""
        said: list[str] = []
        try:
            edit = rename(self._view(name), lsp.Position(line, column), new, said.append)
        except RenameRefused as refused:
            return {"edits": [], "said": str(refused)}
        edits = []
        for change in (edit.document_changes or ()) if edit is not None else ():
            assert isinstance(change, lsp.TextDocumentEdit)
            file = self._workspace.any_document(change.text_document.uri)
            for each in change.edits if file is not None else ():
                assert isinstance(each, lsp.TextEdit)
                edits.append({"file": file.name, "range": _range(each.range), "text": each.new_text})
        return {"edits": edits, "said": "; ".join(said)}

    def format(self, name: str, text: str) -> list[dict[str, Any]]:
        """The edits that bring a file into the one style."""
        self._put(name, text)
        edits = formatting(self._view(name)) or []
        return [{"range": _range(each.range), "text": each.new_text} for each in edits]

    # ---- what follows from a file

    def explain(self, code: str) -> dict[str, Any] | None:
        """The page of a code."""
        page = explain(code.strip().upper())
        return {"code": page.code, "markdown": explained(page.code)} if page is not None else None

    def graph(self, name: str) -> dict[str, Any]:
        """The picture of a file as DOT; nothing where it is wrong."""
        from inferc.compiler.pictures import picture_of, to_dot

        checked = self._view(name).checked
        if any(each.is_error for each in checked.diagnostics):
            return {"dot": None}
        return {"dot": to_dot(picture_of(compile_checked(checked, FOLDER)))}

    def command(self, arguments: list[str], columns: int) -> dict[str, Any]:
        """What `inferc` prints, and its exit status."""
        os.environ["COLUMNS"] = str(columns)
        said = io.StringIO()
        status: int | str | None = 1
        with redirect_stdout(said), redirect_stderr(said), _no_loop():
            try:
                status = main(arguments)
            except SystemExit as end:
                status = end.code
            finally:
                gc.enable()
        return {"status": status, "text": said.getvalue()}


def _offer(item: lsp.CompletionItem) -> dict[str, Any]:
    edit = item.text_edit
    assert isinstance(edit, lsp.TextEdit)
    doc = item.documentation
    return {
        "label": item.label,
        "kind": lsp.CompletionItemKind(item.kind or 1).name.lower(),
        "detail": item.detail,
        "doc": doc.value if isinstance(doc, lsp.MarkupContent) else doc,
        "sort": item.sort_text,
        "filter": item.filter_text,
        "range": _range(edit.range),
        "text": edit.new_text,
        "snippet": item.insert_text_format == lsp.InsertTextFormat.Snippet,
    }


def _range(where: lsp.Range) -> list[int]:
    return [where.start.line, where.start.character, where.end.line, where.end.character]


class _no_loop:  # noqa: N801
    """Commands have loops of their own; Pyodide says that one runs already."""

    def __enter__(self) -> None:
        self._before = asyncio._get_running_loop()
        asyncio._set_running_loop(None)

    def __exit__(self, *_: object) -> None:
        asyncio._set_running_loop(self._before)


_PLAYGROUND = Playground()
os.environ.update(FORCE_COLOR="1", HOME="/home", INFERC_PROGRESS="never")  # which is a thread


def answer(question: str) -> str:
    """The answer to `{"ask": NAME, "with": {…}}`: `{"answer": …}`, or `{"error": …}` for a fault of ours."""
    said = json.loads(question)
    ask: Callable[..., Any] = getattr(_PLAYGROUND, said["ask"])
    try:
        return json.dumps({"answer": ask(**said["with"])})
    except (Exception, RecursionError) as error:
        with suppress(Exception):
            gc.collect()
        return json.dumps({"error": f"{type(error).__name__}: {error}"})
