"""What can be folded away: bodies, lists, long texts, comments in a row, and imports."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types as lsp

from ...dsl import syntax as s
from ...dsl.parsing.tokens import CLOSER_OF
from ..view import View


def folding(view: View) -> list[lsp.FoldingRange]:
    """Every stretch of more than one line; of those that begin on the same line the longest."""
    found: dict[int, lsp.FoldingRange] = {}
    for each in (*_brackets(view), *_texts(view), *_comments(view), *_imports(view)):
        known = found.get(each.start_line)
        if each.end_line > each.start_line and (known is None or known.end_line < each.end_line):
            found[each.start_line] = each
    return sorted(found.values(), key=lambda each: each.start_line)


def _brackets(view: View) -> Iterator[lsp.FoldingRange]:
    line_of, opened = view.document.lines.line_of, []
    for token in view.tokens:
        if token.type in CLOSER_OF:
            opened.append(token)
        elif opened and token.type == CLOSER_OF[opened[-1].type]:
            first = line_of(opened.pop().start)
            yield lsp.FoldingRange(first, max(first, line_of(token.start) - 1))


def _texts(view: View) -> Iterator[lsp.FoldingRange]:
    line_of = view.document.lines.line_of
    for token in view.tokens:
        if token.type == "STRING" and "\n" in token.text:
            yield lsp.FoldingRange(line_of(token.start), line_of(token.end))


def _comments(view: View) -> Iterator[lsp.FoldingRange]:
    starts = view.document.lines.starts
    first: int | None = None
    for number, start in enumerate([*starts, len(view.text)]):
        is_comment = number < len(starts) and view.text[start : start + 200].lstrip(" \t").startswith("#")
        if is_comment and first is None:
            first = number
        elif not is_comment and first is not None:
            yield lsp.FoldingRange(first, number - 1, kind=lsp.FoldingRangeKind.Comment)
            first = None


def _imports(view: View) -> Iterator[lsp.FoldingRange]:
    line_of = view.document.lines.line_of
    row: list[s.Declaration] = []
    for node in (*view.declarations, None):
        if isinstance(node, s.ImportAs | s.ImportNames):
            row.append(node)
        elif row:
            kind = lsp.FoldingRangeKind.Imports
            yield lsp.FoldingRange(line_of(row[0].start), line_of(row[-1].end), kind=kind)
            row = []
