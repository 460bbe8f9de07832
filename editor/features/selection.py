"""What to select next when a selection grows: the word, the value, the field, the block, the declaration."""

from __future__ import annotations

from lsprotocol import types as lsp

from ..view import View


def selection(view: View, positions: list[lsp.Position]) -> list[lsp.SelectionRange]:
    """For each position, the stretches around it, each inside of the next."""
    return [_around(view, view.offset(position)) for position in positions]


def _around(view: View, offset: int) -> lsp.SelectionRange:
    spans = [(0, len(view.text))]
    spans += [(node.start, node.end) for node in view.path_to(offset)]
    spans += [(token.start, token.end) for token in view.tokens if token.start <= offset <= token.end][-1:]
    grown: lsp.SelectionRange | None = None
    last: tuple[int, int] | None = None
    for start, end in spans:
        if last is None or (start >= last[0] and end <= last[1] and (start, end) != last):
            grown = lsp.SelectionRange(view.range(start, end), grown)
            last = (start, end)
    assert grown is not None
    return grown
