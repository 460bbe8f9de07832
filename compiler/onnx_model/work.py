"""Whether the shapes of its inputs alone settle how long a model runs, or their values, too.

One `Reshape` to a shape that a client sends makes of a column a row, and of a sum of two columns a table.
So a value that says how large another one becomes must be settled: a constant of the model, or what follows
from constants and shapes. All inputs of an operator but the first are taken for such values, unless the
operator is known to look only at their shapes. What is not known is taken to depend on values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

from ...dsl.files import read_regular
from ...dsl.record import frozen
from .wire import Damaged, Field, Wire

LARGEST_MODEL = 16 << 20
"""Bytes of a file; what larger models do takes long anyway."""


def names_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SETTLED = names_of("Constant Shape Size")
"""What they give is the same for all inputs of the same shapes."""
_BY_SHAPE = names_of("""
    Add And BatchNormalization BiasGelu BitShift BitwiseAnd BitwiseOr BitwiseXor Clip Concat Conv ConvInteger
    ConvTranspose CumSum DequantizeLinear Div DynamicQuantizeLinear Einsum Equal FusedConv FusedGemm
    FusedMatMul Gather GatherElements GatherND Gemm Greater GreaterOrEqual GridSample GroupNormalization
    InstanceNormalization LayerNormalization Less LessOrEqual MatMul MatMulInteger Max Mean Min Mod Mul Or Pow
    PRelu QLinearConv QLinearMatMul QuantizeLinear ScatterElements ScatterND SimplifiedLayerNormalization
    SkipLayerNormalization SkipSimplifiedLayerNormalization Sub Sum Where Xor
""")
"""Their work follows from the shapes of all inputs."""
_BY_VALUE = names_of("""
    BlackmanWindow Compress ConstantOfShape HammingWindow HannWindow ImageDecoder MelWeightMatrix
    NonMaxSuppression NonZero Range Unique
""")
"""The first input, too, says how much there is to do."""
_WITH_GRAPHS = names_of("BeamSearch GreedySearch If Loop Sampling Scan SequenceMap WhisperBeamSearch")
"""They have graphs of their own, which may use any value of the one around them."""

_GRAPH, _FUNCTION = 7, 25
"""Numbers of fields of a `ModelProto`."""


@frozen
class _Numbers:
    """Of the fields of a `GraphProto`, or of a `FunctionProto`, which has no weights and no types."""

    node: int
    weights: int | None = None
    sent: int | None = None


_NUMBERS = {_GRAPH: _Numbers(1, weights=5, sent=11), _FUNCTION: _Numbers(7)}


def is_settled(model: Path) -> bool:
    """Whether how long a run takes follows from the shapes of the inputs alone."""
    try:
        if model.suffix != ".onnx" or model.stat().st_size > LARGEST_MODEL:
            return False
        data = read_regular(model, LARGEST_MODEL)
        wire = Wire(BytesIO(data), len(data))
        parts = [each for each in wire.fields(0, wire.size) if each[0] in _NUMBERS]
        return all(_is_settled(wire, start, end, _NUMBERS[number]) for number, start, end in parts)
    except (OSError, ValueError, Damaged):
        return False


def _is_settled(wire: Wire, start: int, end: int, numbers: _Numbers) -> bool:
    fields = list(wire.fields(start, end))
    settled = {""} | _names_in(wire, fields, numbers.weights, 8)
    # A weight that is an input, too, has the value that a client sends.
    settled -= _names_in(wire, fields, numbers.sent, 1)
    for number, first, last in fields:
        if number != numbers.node:
            continue
        parts = list(wire.fields(first, last))
        operator = "".join(_texts(wire, parts, 4))
        unsettled = [name not in settled for name in _texts(wire, parts, 1)]
        if operator in _WITH_GRAPHS:
            return False
        if operator in _SETTLED or not any(unsettled):
            settled.update(_texts(wire, parts, 2))
        elif operator in _BY_VALUE or (any(unsettled[1:]) and operator not in _BY_SHAPE):
            return False
    return True


def _names_in(wire: Wire, fields: list[Field], number: int | None, name: int) -> set[str]:
    """The names of the messages in the fields of one number."""
    return {
        text
        for each, start, end in fields
        if each == number
        for text in _texts(wire, wire.fields(start, end), name)
    }


def _texts(wire: Wire, fields: Iterable[Field], number: int) -> Iterator[str]:
    return (wire.text(start, end) for each, start, end in fields if each == number)
