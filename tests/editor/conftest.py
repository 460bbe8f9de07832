"""What an editor does: texts with a cursor in them, and a real client of the language server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

from inferc.editor.documents import Document, uri_of
from inferc.editor.view import View
from inferc.editor.workspace import Workspace

from ..support.forked import begun
from .asking import converter

PATIENCE = 30
"""Seconds after which an answer that does not come is taken for lost."""


class Desk:
    """A folder with files, some of them open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = Workspace()
        self.workspace.folders = [folder]

    def write(self, name: str, text: str) -> Path:
        """Put a file on disk."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        self.workspace.touch()
        return path

    def open(self, text: str, name: str = "main.infer") -> View:
        """A view of a text that is open and not saved."""
        document = Document.make(uri_of(self.folder / name), text, 1)
        self.workspace.put(document)
        return View(self.workspace, document)

    def at(self, marked: str, name: str = "main.infer") -> tuple[View, lsp.Position]:
        """A view of a text without its `|`, and where that stood; `¦` is a bar of the text itself."""
        before, bar, after = marked.partition("|")
        assert bar, "the text has no cursor"
        before, after = before.replace("¦", "|"), after.replace("¦", "|")
        view = self.open(before + after, name)
        return view, view.document.lines.position(len(before))

    def text_after(self, view: View, edits: list[lsp.TextEdit]) -> str:
        """The text of a view with `edits` made."""
        return edited(view.text, edits)

    def uri(self, name: str = "main.infer") -> str:
        return uri_of(self.folder / name)


def edited(text: str, edits: list[lsp.TextEdit]) -> str:
    """`text` with `edits` made, which must not overlap."""
    lines = Document.make("untitled:x", text).lines
    spans = sorted(
        (
            (lines.offset(e.range.start), lines.offset(e.range.end), i, e.new_text)
            for i, e in enumerate(edits)
        ),
        reverse=True,
    )
    for (start, _, _, _), (_, end, _, _) in pairwise(spans):
        assert end <= start, "edits overlap"
    for start, end, _, new in spans:
        text = text[:start] + new + text[end:]
    return text


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def _in_time(send: Callable[..., Awaitable[Any]], method: str, *rest: Any, **options: Any) -> Any:
    """What is answered. A server that has ended answers nothing, and nobody says so."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await send(method, *rest, **options)
    except TimeoutError:
        raise TimeoutError(f"no answer to {method}") from None


class Client(LanguageClient):
    """A client that keeps what is published."""

    def __init__(self) -> None:
        super().__init__("tests", "1", converter_factory=converter)
        self.published: list[lsp.PublishDiagnosticsParams] = []
        self.arrived = asyncio.Event()
        self.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda params: self._keep(params))
        self.protocol.send_request_async = partial(_in_time, self.protocol.send_request_async)

    def _keep(self, params: lsp.PublishDiagnosticsParams) -> None:
        self.published.append(params)
        self.arrived.set()

    async def start(self, folder: Path, *encodings: str, **capabilities: Any) -> lsp.InitializeResult:
        """Start the server as an editor does, and introduce oneself."""
        with patch.object(asyncio, "create_subprocess_exec", begun):
            await self.start_io("lsp")
        return await self.introduce(folder, *encodings, **capabilities)

    async def introduce(self, folder: Path, *encodings: str, **capabilities: Any) -> lsp.InitializeResult:
        general = lsp.GeneralClientCapabilities(position_encodings=list(encodings) or None)
        params = lsp.InitializeParams(
            lsp.ClientCapabilities(general=general, **capabilities),
            workspace_folders=[lsp.WorkspaceFolder(uri_of(folder), "folder")],
        )
        result = await asyncio.wait_for(self.initialize_async(params), PATIENCE)
        self.initialized(lsp.InitializedParams())
        return result

    def open(self, uri: str, text: str, version: int = 1) -> None:
        self.text_document_did_open(
            lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(uri, "infer", version, text))
        )

    def change(self, uri: str, version: int, *changes: Any) -> None:
        """Changes are whole texts, or pairs of a range and what to put there."""
        events = [
            lsp.TextDocumentContentChangeWholeDocument(change)
            if isinstance(change, str)
            else lsp.TextDocumentContentChangePartial(change[0], change[1])
            for change in changes
        ]
        self.text_document_did_change(
            lsp.DidChangeTextDocumentParams(lsp.VersionedTextDocumentIdentifier(version, uri), events)
        )

    async def findings(self, uri: str, version: int | None = None) -> list[lsp.Diagnostic]:
        """What is published about a file, of this version or a newer one; waits for it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for params in reversed(self.published):
                    if params.uri == uri and (version is None or (params.version or 0) >= version):
                        return list(params.diagnostics)
                self.arrived.clear()
                await self.arrived.wait()

    def send(self, message: dict[str, Any]) -> None:
        """A message as it is, right or wrong."""
        assert self._server is not None
        assert self._server.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._server.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    async def end(self) -> int | None:
        """Say goodbye; gives the exit status of the server."""
        await asyncio.wait_for(self.shutdown_async(None), PATIENCE)
        self.exit(None)
        assert self._server is not None
        return await asyncio.wait_for(self._server.wait(), PATIENCE)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client; its server is ended with the test."""
    made = Client()
    yield made
    process = made._server
    if process is not None and process.returncode is None:
        process.kill()
        await asyncio.wait_for(process.wait(), PATIENCE)
    for task in made._async_tasks:
        task.cancel()
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*made._async_tasks, return_exceptions=True)
