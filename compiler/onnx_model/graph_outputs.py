"""What the nodes of an ONNX graph say of its outputs: whether they are scores, and the names of classes."""

from __future__ import annotations

from collections.abc import Sequence

from .wire import Wire

Nodes = Sequence[tuple[int, int]]
"""Where each node of a graph begins and ends."""

SMALL_NODE = 1 << 16
"""Bytes of a node that is read whole, to see whether it is worth a closer look."""

_LAST_NODES = 1000

_SHAPING = ("Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape", "Flatten")
"""Operators that leave numbers as they are."""

_SCORES = {
    "Softmax": "softmax",
    "Sigmoid": "sigmoid",
    "Normalizer": "shares",
    "TreeEnsembleClassifier": "shares",
}
"""Operators whose outputs are scores, and what those are called."""

_CLASSES = b"classlabels_strings"
_MOST_CLASSES = 10_000

_LINEAR = "LinearClassifier"
_TRANSFORMS = {"SOFTMAX": "softmax", "LOGISTIC": "sigmoid"}
"""Of its numbers it makes scores where its attribute `post_transform` says so."""


def scores_of(wire: Wire, nodes: Nodes, output: str) -> str | None:
    """What makes scores of the numbers of an output, at the end of the graph; None where nothing does."""
    position = len(nodes)
    while position > 0 and len(nodes) - position < _LAST_NODES:
        position -= 1
        start, end = nodes[position]
        if end - start <= SMALL_NODE and output.encode() not in wire.read(start, end):
            continue
        operator, taken, given = _wired(wire, start, end)
        if output not in given:
            continue
        if operator in _SHAPING and taken:
            output = taken[0]
            continue
        if operator == _LINEAR:
            return _TRANSFORMS.get("".join(_texts_of(wire, start, end, "post_transform")))
        return _SCORES.get(operator)
    return None


def class_names(wire: Wire, nodes: Nodes) -> tuple[str, ...]:
    """The names of classes that a node of the main graph has."""
    for start, end in nodes:
        may_have = end - start > SMALL_NODE or _CLASSES in wire.read(start, end)
        if may_have and (names := _texts_of(wire, start, end, _CLASSES.decode())):
            return names
    return ()


def _texts_of(wire: Wire, start: int, end: int, wanted: str) -> tuple[str, ...]:
    """An attribute of a node that is a text, or texts; none where it has none."""
    for number, first, last in wire.fields(start, end):
        if number != 5:
            continue
        texts: list[str] = []
        for inner, begins, stops in wire.fields(first, last):
            if inner == 1 and wire.text(begins, stops) != wanted:  # which stands before the rest
                break
            if inner in (4, 9) and len(texts) < _MOST_CLASSES:
                texts.append(wire.text(begins, stops))
        else:
            return tuple(texts)
    return ()


def _wired(wire: Wire, start: int, end: int) -> tuple[str, list[str], list[str]]:
    """The operator of a node, and the names of what it takes and gives."""
    operator = ""
    taken: list[str] = []
    given: list[str] = []
    for number, first, last in wire.fields(start, end):
        if number == 4:
            operator = wire.text(first, last)
        elif number in (1, 2):
            (taken if number == 1 else given).append(wire.text(first, last))
    return operator, taken, given
