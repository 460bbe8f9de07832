"""Paths that lead to files: imports, models, tokenizers."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types as lsp

from ...dsl import syntax as s
from ...dsl.tree import walk
from ..documents import uri_of
from ..fields import FILE_ENDINGS
from ..view import View


def links(view: View) -> list[lsp.DocumentLink]:
    """The texts in this document that name files which are there."""
    path = view.document.path
    if path is None:
        return []
    found = []
    for node, written in _paths(view):
        try:
            file = path.parent / written
            if file.is_file():
                found.append(lsp.DocumentLink(view.range(node.start + 1, node.end - 1), uri_of(file)))
        except (OSError, ValueError):
            continue
    return found


def _paths(view: View) -> Iterator[tuple[s.Node, str]]:
    for node in walk(view.declarations):
        match node:
            case s.ImportAs(path=s.Text(parts=(str(text),)) as path):
                yield path, text
            case s.ImportNames(path=s.Text(parts=(str(text),)) as path):
                yield path, text
            case s.Field(name=name, value=s.Text(parts=(str(text),)) as value) if name.text in FILE_ENDINGS:
                yield value, text
