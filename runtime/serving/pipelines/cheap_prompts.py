"""Which prompts may be rendered on the event loop: those whose work grows no faster than their values."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache

from jinja2 import Environment, nodes

_FILTERS = frozenset(
    (
        *("abs", "capitalize", "count", "d", "default", "first", "float", "int", "join", "last", "length"),
        *("lower", "string", "title", "tojson", "trim", "upper"),
    )
)
_TESTS = frozenset(
    (
        *("boolean", "defined", "even", "false", "float", "integer", "mapping", "none", "number", "odd"),
        *("sequence", "string", "true", "undefined"),
    )
)
_PLAIN = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr),
    *(nodes.Getitem, nodes.If, nodes.CondExpr, nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Operand),
)


class Cost(IntEnum):
    """What rendering costs."""

    COPYING = 0
    """The values are put into the text as they are."""
    LINEAR = 1
    """Each is gone through once, or a few times."""
    ANY = 2
    """It may be anything: loops in loops, sorting, texts that grow."""


@lru_cache(256)  # with the prompt itself
def cost_of(template: str) -> Cost:
    """By what the template says alone; it has been read before, and is one."""
    parsed = Environment(autoescape=False).parse(template)
    if not _is_linear(parsed, None):
        return Cost.ANY
    goes_through = (nodes.For, nodes.Filter, nodes.Compare)
    return Cost.COPYING if next(parsed.find_all(goes_through), None) is None else Cost.LINEAR


def _is_linear(node: nodes.Node, inside: frozenset[str] | None) -> bool:
    """inside: the variables of the loop around; each turn may look at those, and not through all others."""
    match node:
        case nodes.For():
            if inside is not None or node.recursive or _root(node.iter) is None:
                return False
            names = [node.target, *node.target.find_all(nodes.Name)]
            inside = frozenset({"loop", *(each.name for each in names if isinstance(each, nodes.Name))})
            parts = [*node.body, *node.else_, *([node.test] if node.test is not None else [])]
            return all(_is_linear(each, inside) for each in parts)
        case nodes.Filter():
            if node.name not in _FILTERS or (inside is not None and _root(node.node) not in inside):
                return False
        case nodes.Test():
            if node.name not in _TESTS:
                return False
        case nodes.Compare():
            if inside is not None and any(each.op in ("in", "notin") for each in node.ops):
                return False
        case _ if not isinstance(node, _PLAIN):
            return False
    return all(_is_linear(each, inside) for each in node.iter_child_nodes())


def _root(node: nodes.Node | None) -> str | None:
    """The variable that a value is a part of."""
    while isinstance(node, nodes.Getattr | nodes.Getitem | nodes.Filter):
        node = node.node
    return node.name if isinstance(node, nodes.Name) else None
