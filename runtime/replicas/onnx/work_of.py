"""Whether how long a model runs is settled by the shapes of its inputs, or by their values, too.

One `Reshape` to a shape that a client sends makes of a column a row, and of a sum of two columns a table.
So a value that says how large another one becomes must be settled: a constant of the model, or what follows
from constants and shapes. All inputs of an operator but the first are taken for such values, unless the
operator is known to look only at their shapes. What is not known is taken to depend on values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

LARGEST_MODEL = 16 << 20
"""Bytes of a file; what larger models do takes long anyway."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SETTLED = _names("Constant Shape Size")
"""What they give is the same for all inputs of the same shapes."""
_BY_SHAPE = _names("""
    Add And BatchNormalization BiasGelu BitShift BitwiseAnd BitwiseOr BitwiseXor Clip Concat Conv ConvInteger
    ConvTranspose CumSum DequantizeLinear Div DynamicQuantizeLinear Einsum Equal FusedConv FusedGemm
    FusedMatMul Gather GatherElements GatherND Gemm Greater GreaterOrEqual GridSample GroupNormalization
    InstanceNormalization LayerNormalization Less LessOrEqual MatMul MatMulInteger Max Mean Min Mod Mul Or Pow
    PRelu QLinearConv QLinearMatMul QuantizeLinear ScatterElements ScatterND SimplifiedLayerNormalization
    SkipLayerNormalization SkipSimplifiedLayerNormalization Sub Sum Where Xor
""")
"""Their work follows from the shapes of all inputs."""
_BY_VALUE = _names("""
    BlackmanWindow Compress ConstantOfShape HammingWindow HannWindow ImageDecoder MelWeightMatrix
    NonMaxSuppression NonZero Range Unique
""")
"""The first input, too, says how much there is to do."""
_WITH_GRAPHS = _names("BeamSearch GreedySearch If Loop Sampling Scan SequenceMap WhisperBeamSearch")
"""They have graphs of their own, which may use any value of the one around them."""

_GRAPH, _FUNCTION = 7, 25
"""Numbers of fields of a `ModelProto`; those of the others are beside their use."""


def depends_on_values(model: Path) -> bool:
    """Whether the time that a run takes may depend on more than the shapes of its inputs."""
    if model.suffix != ".onnx" or model.stat().st_size > LARGEST_MODEL:
        return True
    try:
        fields = list(_fields(memoryview(model.read_bytes())))
        return not all(
            _nodes_are_settled(graph, initializer=5, node=1, given=11)
            if number == _GRAPH
            else _nodes_are_settled(graph, initializer=0, node=7, given=4)
            for number, graph in fields
            if number in (_GRAPH, _FUNCTION)
        )
    except (IndexError, ValueError):
        return True


def _nodes_are_settled(graph: memoryview, *, initializer: int, node: int, given: int) -> bool:
    """Of a `GraphProto`, or of a `FunctionProto`; the numbers are those of its fields."""
    fields = list(_fields(graph))
    settled = {b""} | {bytes(name) for each in _of(fields, initializer) for name in _of(_fields(each), 8)}
    # An initializer that is an input has the value that a client sends.
    settled -= {bytes(name) for each in _of(fields, given) if initializer for name in _of(_fields(each), 1)}
    for each in _of(fields, node):
        parts = list(_fields(each))
        operator = b"".join(_of(parts, 4)).decode()
        unsettled = [bytes(name) not in settled for name in _of(parts, 1)]
        if operator in _WITH_GRAPHS:
            return False
        if operator in _SETTLED or not any(unsettled):
            settled.update(map(bytes, _of(parts, 2)))
        elif operator in _BY_VALUE or (any(unsettled[1:]) and operator not in _BY_SHAPE):
            return False
    return True


def _of(fields: Iterable[tuple[int, memoryview]], number: int) -> Iterator[memoryview]:
    return (content for each, content in fields if each == number)


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields of a message of protobuf that have a length, by number. Raises IndexError, ValueError."""
    at = 0
    while at < len(message):
        tag, at = _number(message, at)
        kind = tag & 7
        if kind == 2:
            length, at = _number(message, at)
            yield tag >> 3, message[at : at + length]
            at += length
        elif kind == 0:
            _, at = _number(message, at)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError(kind)


def _number(message: memoryview, at: int) -> tuple[int, int]:
    """A varint, and where it ends."""
    number = shift = 0
    while message[at] & 0x80:
        number |= (message[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return number | message[at] << shift, at + 1
