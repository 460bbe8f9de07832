"""Integers that are sent and divided by each other: for some of them, ONNX Runtime ends the process."""

from __future__ import annotations

import os
from pathlib import Path

from attrs import field

from ...dsl.files import open_regular
from ...dsl.record import define
from .signature import DType, Signature
from .wire import Damaged, Wire
from .work import names_of

_DIVIDES = ("Div", "Mod")
_KEEPS_FIRST = names_of("""
    Expand Flatten Gather GatherElements GatherND Identity Neg Pad ReduceSum Reshape Slice Split Squeeze Tile
    Transpose Unsqueeze
""")
_KEEPS_ANY = names_of("Add Concat Div Mod Mul Sub Sum Where")
"""What they make of integers may be any integer again; the others, of the first thing that they take."""
_INTEGERS = (6, 7)
"""ONNX's numbers of the types that crash."""
_SMALL_NODE = 1 << 20
_DEEPEST = 16
_PASSES = 3
"""Times that the body of a loop is looked at: what it gives comes back into it."""

_Found = tuple[str, str]
_Sent = dict[str, bool]
"""Names of values that are made of what is sent, and whether they are integers."""


def divided_integers(path: Path, signature: Signature) -> _Found | None:
    """The two values, both made of what is sent, of which one is divided by the other; None where there are
    none. Bodies of loops, branches and functions are looked into, too."""
    given = (*signature.inputs, *signature.optional)
    sent = {each.name: each.dtype in (DType.I32, DType.I64) for each in given}
    try:
        with open_regular(path) as file:
            wire = Wire(file, os.fstat(file.fileno()).st_size)
            fields = list(wire.fields(0, wire.size))
            search = _Search(wire)
            for number, start, end in fields:
                if number == 25:
                    function = _function(wire, start, end)
                    search.functions[function.name] = function
            graphs = (_graph(wire, start, end) for number, start, end in fields if number == 7)
            return next((found for graph in graphs if (found := search.body(graph, sent))), None)
    except (OSError, Damaged):  # which the reader of models tells
        return None


@define(eq=False)
class _Body:
    """Nodes, and what they take from around them and give. name: of a function, with its domain."""

    name: tuple[str, str] = ("", "")
    takes: list[str] = field(factory=list)
    gives: list[str] = field(factory=list)
    nodes: list[tuple[int, int]] = field(factory=list)


@define(eq=False)
class _Node:
    operator: str = ""
    domain: str = ""
    takes: list[str] = field(factory=list)
    gives: list[str] = field(factory=list)
    bodies: list[_Body] = field(factory=list)
    to: int = 0
    """The type that it casts to."""


@define(eq=False)
class _Search:
    wire: Wire
    functions: dict[tuple[str, str], _Body] = field(factory=dict)

    def body(self, body: _Body, sent: _Sent, depth: int = 0) -> _Found | None:
        """What is divided in `body`. Adds to `sent` what its nodes make of that."""
        for start, end in body.nodes if depth < _DEEPEST else ():
            node = _node(self.wire, start, end)
            if found := self._inside(node, sent, depth):
                return found
            if node.operator in _DIVIDES and len(node.takes) == 2 and all(map(sent.get, node.takes)):
                return node.takes[0], node.takes[1]
            if node.operator == "Cast" and node.takes and node.takes[0] in sent:
                sent.update(dict.fromkeys(node.gives, node.to in _INTEGERS))
            elif node.operator in _KEEPS_FIRST or node.operator in _KEEPS_ANY:
                taken = node.takes[:1] if node.operator in _KEEPS_FIRST else node.takes
                kinds = [sent[name] for name in taken if name in sent]
                if kinds:
                    sent.update(dict.fromkeys(node.gives, any(kinds)))
        return None

    def _inside(self, node: _Node, sent: _Sent, depth: int) -> _Found | None:
        """The same for what is inside a node, which takes and gives its values in the order of the node's."""
        function = self.functions.get((node.domain, node.operator))
        is_loop = node.operator in ("Loop", "Scan")
        skipped = 1 if node.operator == "Loop" else 0  # whether it goes on; before that, how often
        for body in (function,) if function else node.bodies:
            known: _Sent = {} if function else dict(sent)
            for _ in range(_PASSES if is_loop else 1):
                for outer, inner in zip(node.takes[2 * skipped :], body.takes[2 * skipped :], strict=False):
                    if outer in sent:
                        known[inner] = sent[outer]
                if found := self.body(body, known, depth + 1):
                    return found
                for inner, back in zip(body.gives[skipped:], body.takes[2 * skipped :], strict=False):
                    if is_loop and inner in known:
                        known[back] = known[inner]
            for inner, outer in zip(body.gives[skipped:], node.gives, strict=False):
                if inner in known:
                    sent[outer] = known[inner]
        return None


def _graph(wire: Wire, start: int, end: int) -> _Body:
    body = _Body()
    for number, first, last in wire.fields(start, end):
        if number == 1 and last - first <= _SMALL_NODE:
            body.nodes.append((first, last))
        elif number in (11, 12):
            (body.takes if number == 11 else body.gives).append(_text(wire, first, last, 1))
    return body


def _function(wire: Wire, start: int, end: int) -> _Body:
    body = _Body(name=(_text(wire, start, end, 10), _text(wire, start, end, 1)))
    for number, first, last in wire.fields(start, end):
        if number == 7 and last - first <= _SMALL_NODE:
            body.nodes.append((first, last))
        elif number in (4, 5):
            (body.takes if number == 4 else body.gives).append(wire.text(first, last))
    return body


def _node(wire: Wire, start: int, end: int) -> _Node:
    node = _Node()
    for number, first, last in wire.fields(start, end):
        if number in (1, 2):
            (node.takes if number == 1 else node.gives).append(wire.text(first, last))
        elif number == 4:
            node.operator = wire.text(first, last)
        elif number == 7:
            node.domain = wire.text(first, last)
        elif number == 5:
            for inner, begins, stops in wire.fields(first, last):
                if inner in (6, 11):
                    node.bodies.append(_graph(wire, begins, stops))
                elif inner == 3 and node.operator == "Cast" and _text(wire, first, last, 1) == "to":
                    node.to = wire.signed(begins, stops)
    return node


def _text(wire: Wire, start: int, end: int, wanted: int) -> str:
    """A field that is a text; empty where there is none."""
    fields = wire.fields(start, end)
    return next((wire.text(first, last) for number, first, last in fields if number == wanted), "")
