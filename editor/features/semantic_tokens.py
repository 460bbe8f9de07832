"""What each name is, for colours that a grammar alone cannot give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lsprotocol import types as lsp

from ...dsl import syntax as s
from ...dsl.parsing.tokens import KEYWORDS
from ...dsl.tree import walk
from ..occurrences import Role
from ..view import View

_TYPES = (
    *("namespace", "type", "class", "interface", "function", "parameter", "variable", "property"),
    *("enumMember", "event", "keyword", "struct", "decorator"),
)
_MODIFIERS = ("declaration", "readonly", "defaultLibrary")
LEGEND = lsp.SemanticTokensLegend(list(_TYPES), list(_MODIFIERS))

_OF_KIND = {
    "import": "namespace",
    "parameter": "parameter",
    "let": "variable",
    "template": "interface",
    "deployment": "class",
    "route": "event",
    "pipeline": "function",
    "type": "type",
    "extern": "function",
    "step": "variable",
    "variable": "variable",
}
_DECLARATION, _READONLY, _LIBRARY = 1, 2, 4

Piece = tuple[int, int, str, int]
"""Start and end of a name, its type, and its modifiers as bits."""


def semantic_tokens(view: View) -> list[int]:
    """All names of the document, five numbers each, as the protocol wants them."""
    lines = view.document.lines
    data: list[int] = []
    line = column = 0
    for start, end, kind, modifiers in _single_lines(view, sorted(_pieces(view).values())):
        position = lines.position(start)
        length = lines.position(end).character - position.character
        same = position.line == line
        data += (
            position.line - line,
            position.character - column if same else position.character,
            length,
            _TYPES.index(kind),
            modifiers,
        )
        line, column = position.line, position.character
    return data


def delta(before: Sequence[int], after: Sequence[int]) -> list[lsp.SemanticTokensEdit]:
    """What turns one list of numbers into another: the stretch between what both begin and end with."""
    shorter = min(len(before), len(after))
    start = next((i for i in range(shorter) if before[i] != after[i]), shorter)
    end = next((i for i in range(shorter - start) if before[-1 - i] != after[-1 - i]), shorter - start)
    if start == len(before) == len(after):
        return []
    return [lsp.SemanticTokensEdit(start, len(before) - end - start, list(after[start : len(after) - end]))]


def _pieces(view: View) -> dict[int, Piece]:
    """The names by where they start; what a name stands for says more than where it stands."""
    found = {
        token.start: (token.start, token.end, "keyword", 0) for token in view.tokens if token.text in KEYWORDS
    }
    for start, end, kind, modifiers in _by_place(view):
        found[start] = (start, end, kind, modifiers)
    for each in view.occurrences:
        modifiers = _DECLARATION if each.role is Role.DECLARES else 0
        modifiers |= _READONLY if each.target.kind in ("let", "parameter", "step", "variable") else 0
        kind = "variable" if isinstance(each.target.node, s.ParamDeclaration) else _OF_KIND[each.target.kind]
        found[each.start] = (each.start, each.end, kind, modifiers)
    return found


def _by_place(view: View) -> Iterator[Piece]:
    for node in walk(view.declarations):
        match node:
            case s.Field(name=name):
                yield name.start, name.end, "property", 0
                if isinstance(node.value, s.Reference):
                    yield node.value.start, node.value.end, "enumMember", 0
            case s.Block(name=name, label=label):
                yield name.start, name.end, "property", 0
                if label is not None:
                    yield label.start, label.end, "enumMember", 0
            case s.ListExpression(items=items):
                for item in items:
                    if isinstance(item, s.Reference):
                        yield item.start, item.end, "enumMember", 0
            case s.CallExpression(function=s.Reference() as function):
                yield function.start, function.end, "function", _LIBRARY
            case s.RouteList() | s.RouteSplit():
                yield node.strategy.start, node.strategy.end, "decorator", 0
            case s.TypeName(name=name, module=None):
                yield node.start, node.end, "type", _LIBRARY
            case s.TypeGeneric(name=name):
                yield node.start, node.start + len(name), "type", _LIBRARY
            case s.Member(name=name):
                yield name.start, name.end, "property", 0
            case s.Parameter(name=name) | s.NamedArgument(name=name):
                yield name.start, name.end, "property", 0


def _single_lines(view: View, pieces: list[Piece]) -> Iterator[Piece]:
    """The pieces without those that span lines or overlap another: clients do not expect them."""
    after = 0
    for start, end, kind, modifiers in pieces:
        if (
            start >= after
            and end > start
            and "\n" not in view.text[start:end]
            and "\r" not in view.text[start:end]
        ):
            yield start, end, kind, modifiers
            after = end
