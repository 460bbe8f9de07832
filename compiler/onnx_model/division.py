"""Integers that are sent and divided by each other: for some of them, ONNX Runtime ends the process."""

from __future__ import annotations

import os
from pathlib import Path

from ...dsl.files import open_regular
from .signature import DType, Signature
from .wire import Damaged, Wire
from .work import names_of

_DIVIDES = ("Div", "Mod")
_KEEPS = names_of("""
    Add Concat Div Expand Flatten Gather GatherElements GatherND Identity Mod Mul Neg Pad ReduceSum Reshape
    Slice Split Squeeze Sub Sum Tile Transpose Unsqueeze Where
""")
"""What they make of integers may be any integer again."""
_SMALL_NODE = 1 << 16


def divided_integers(path: Path, signature: Signature) -> tuple[str, str] | None:
    """The two values of the main graph, both made of integers that are sent, of which one is divided by the
    other; None where there are none."""
    sent = {
        each.name for each in (*signature.inputs, *signature.optional) if each.dtype in (DType.I32, DType.I64)
    }
    if not sent:
        return None
    try:
        with open_regular(path) as file:
            wire = Wire(file, os.fstat(file.fileno()).st_size)
            for number, start, end in wire.fields(0, wire.size):
                if number == 7 and (found := _in_graph(wire, start, end, sent)):
                    return found
    except (OSError, Damaged):  # which the reader of models tells
        pass
    return None


def _in_graph(wire: Wire, start: int, end: int, sent: set[str]) -> tuple[str, str] | None:
    for number, first, last in wire.fields(start, end):
        if number != 1 or last - first > _SMALL_NODE:
            continue
        taken: list[str] = []
        given: list[str] = []
        operator = ""
        for each, begins, stops in wire.fields(first, last):
            if each in (1, 2):
                (taken if each == 1 else given).append(wire.text(begins, stops))
            elif each == 4:
                operator = wire.text(begins, stops)
        if operator in _DIVIDES and len(taken) == 2 and sent.issuperset(taken):
            return taken[0], taken[1]
        if operator in _KEEPS and not sent.isdisjoint(taken):
            sent.update(given)
    return None
