"""A text as an editor has it: named by a URI, with a version, never changed but replaced."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from lsprotocol.types import (
    Location,
    TextDocumentContentChangeEvent,
    TextDocumentContentChangePartial,
)
from pygls.uris import from_fs_path, to_fs_path

from ..dsl.record import frozen
from .positions import UTF16, Lines


@frozen(eq=False)
class Document:
    """One version of one text.

    name: what messages call it. path: None for a text that was never saved. version: None when no editor has
    it open.
    """

    uri: str
    name: str
    path: Path | None
    version: int | None
    lines: Lines
    encoding: str = UTF16

    @classmethod
    def make(
        cls, uri: str, text: str, version: int | None = None, encoding: str = UTF16, name: str | None = None
    ) -> Document:
        path = path_of(uri)
        shown = name or (path.name if path is not None else uri.rpartition(":")[2] or uri)
        return cls(uri, shown, path, version, Lines(text, encoding), encoding)

    @property
    def text(self) -> str:
        return self.lines.text

    def changed(self, changes: Iterable[TextDocumentContentChangeEvent], version: int | None) -> Document:
        """The text after `changes`, made one after the other."""
        lines = self.lines
        for change in changes:
            text = change.text
            if isinstance(change, TextDocumentContentChangePartial):
                start, end = sorted((lines.offset(change.range.start), lines.offset(change.range.end)))
                text = lines.text[:start] + change.text + lines.text[end:]
            lines = Lines(text, self.encoding)
        return Document(self.uri, self.name, self.path, version, lines, self.encoding)

    def location(self, start: int, end: int) -> Location:
        return Location(self.uri, self.lines.range(start, end))


@lru_cache(maxsize=4096)
def path_of(uri: str) -> Path | None:
    """The file behind a URI, None when it is no file's."""
    path = to_fs_path(uri)
    return Path(path) if path else None


@lru_cache(maxsize=4096)
def uri_of(path: Path) -> str:
    """The URI of a file."""
    return str(from_fs_path(str(path.absolute())))
