"""The nodes of a pipeline as one would write them: `verdict.label`, `it.confidence >= 0.8`, `gpt(prompt)`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from ..plan.nodes import (
    AttemptNode,
    BuiltinNode,
    CallNode,
    ConstantNode,
    ConvertNode,
    ExternNode,
    FieldNode,
    IfNode,
    IndexNode,
    InterpolationNode,
    ListNode,
    MapNode,
    MatchNode,
    Node,
    OperatorNode,
    PlacePlan,
    PromptNode,
    RecordNode,
)
from .names import shortened

_INNER = 32
"""Characters of an operand or an argument; longer ones are cut."""

_FIRST = ("message", "input", "query", "documents")
"""Arguments of a model that are usually given without their name."""

_QUOTED = 22
"""Characters of a template, which stands in quotes after a word."""


def is_step(name: str) -> bool:
    """Whether a node is a step with a name in the file: parts of one have a number after a dot."""
    return "." not in name and name != "return"


def written(name: str, nodes: Mapping[str, Node], *, whole: bool = False) -> str:
    """The value called `name`: a step or a parameter by its name, all else as it is put together.

    whole: a step is put together, too.
    """
    node = nodes.get(name)
    if node is None or (is_step(name) and not whole):
        return name
    return _expression(node, nodes)


def _place(place: PlacePlan, inner: Callable[[str], str]) -> str:
    first, last = (inner(part) if part is not None else "" for part in (place.first, place.last))
    return f"{first}:{last}" if place.is_slice else first


def _expression(node: Node, nodes: Mapping[str, Node]) -> str:
    def inner(name: str) -> str:
        return shortened(written(name, nodes), _INNER)

    match node:
        case ConstantNode(value=value):
            return constant(value)
        case FieldNode(of=of, field=field):
            return f"{inner(of)}.{field}"
        case IndexNode(of=of, places=places):
            return f"{inner(of)}[{', '.join(_place(place, inner) for place in places)}]"
        case OperatorNode(operator=operator, operands=(one,)):
            return f"{operator}{_operand(one, node, nodes)}"
        case OperatorNode(operator=operator, operands=names):
            return f" {operator} ".join(_operand(name, node, nodes) for name in names)
        case ListNode(items=names):
            return f"[{', '.join(inner(name) for name in names)}]"
        case RecordNode(fields=fields):
            return f"{{ {', '.join(fields)} }}"
        case InterpolationNode(literals=literals, values=values):
            parts = [literals[0]]
            for value, literal in zip(values, literals[1:], strict=True):
                parts.append(f"${{{inner(value)}}}{literal}")
            return constant(shortened(" ".join("".join(parts).split()), _QUOTED))
        case PromptNode(template=template):
            return f"prompt {constant(shortened(' '.join(template.split()), _QUOTED))}"
        case ConvertNode(of=of, to=to):
            return f"{inner(of)} as {shortened(str(to), _INNER)}"
        case BuiltinNode(function=function, arguments=names, named=named):
            given = [inner(name) for name in names]
            return f"{function}({', '.join([*given, *(f'{key} = {inner(v)}' for key, v in named.items())])})"
        case CallNode(target=target, task=task, arguments=arguments):
            said = [
                inner(value)
                if task is None or name in _FIRST or len(arguments) == 1
                else f"{name} = {inner(value)}"
                for name, value in arguments.items()
            ]
            return f"{target}({', '.join(said)})"
        case ExternNode(extern=extern, arguments=arguments):
            return f"{extern}({', '.join(inner(value) for value in arguments.values())})"
        case MatchNode(subject=subject):
            return f"match {inner(subject)}"
        case IfNode(condition=condition):
            return f"if {inner(condition)}"
        case MapNode(variable=variable, over=over):
            return f"for {variable.rpartition('.')[2]} in {inner(over)}"
        case AttemptNode(first=first, otherwise=other):
            return f"({inner(first)} else {inner(other)})"
        case _:
            raise TypeError(f"no node of a plan: {node!r}")


def _operand(name: str, outer: OperatorNode, nodes: Mapping[str, Node]) -> str:
    text = shortened(written(name, nodes), _INNER)
    node = nodes.get(name)
    if not isinstance(node, OperatorNode) or is_step(name) or len(node.operands) == 1:
        return text
    return text if _BINDS.index(_group(node)) > _BINDS.index(_group(outer)) else f"({text})"


_BINDS = ("||", "&&", "==", "+", "*", "")
"""Operators from the loosest to the tightest: one of each kind; the last are those before one operand."""


def _group(node: OperatorNode) -> str:
    if len(node.operands) == 1:
        return ""
    if node.operator in "+-":
        return "+"
    if node.operator in "*/":
        return "*"
    return node.operator if node.operator in _BINDS else "=="


def constant(value: object) -> str:
    """A JSON value as the language writes it."""
    return json.dumps(value, ensure_ascii=False)
