"""An ONNX file → its signature, and the files its weights are in. The weights stay on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from attrs import field

from ...dsl.files import open_regular
from ...dsl.record import define, frozen
from .graph_outputs import SMALL_NODE, class_names, scores_of
from .signature import Dimension, DType, Signature, TensorSpec
from .wire import Damaged, Wire

_DTYPES: dict[int, tuple[DType, int]] = {
    1: (DType.F32, 32),
    2: (DType.U8, 8),
    3: (DType.I8, 8),
    4: (DType.U16, 16),
    5: (DType.I16, 16),
    6: (DType.I32, 32),
    7: (DType.I64, 64),
    8: (DType.TEXT, 0),
    9: (DType.BOOL, 8),
    10: (DType.F16, 16),
    11: (DType.F64, 64),
    12: (DType.U32, 32),
    13: (DType.U64, 64),
    14: (DType.C64, 64),
    15: (DType.C128, 128),
    16: (DType.BF16, 16),
    17: (DType.F8E4M3FN, 8),
    18: (DType.F8E4M3FNUZ, 8),
    19: (DType.F8E5M2, 8),
    20: (DType.F8E5M2FNUZ, 8),
    21: (DType.U4, 4),
    22: (DType.I4, 4),
    23: (DType.F4E2M1, 4),
    24: (DType.F8E8M0, 8),
    25: (DType.U2, 2),
    26: (DType.I2, 2),
    27: (DType.F6E2M3, 6),
    28: (DType.F6E3M2, 6),
}
"""ONNX's numbers of the types of elements: the type, and the bits of one element."""

_MOST_DIMENSIONS = 64
_DEEPEST = 32
_SMALL_WEIGHT = 128
"""Bytes of a constant that is worth counting: those below hold sizes and axes."""

_CONSTANT = b"Constant"
_DYNAMIC = b"DynamicQuantize"
_MOST_DYNAMIC = 8
_MOST_OPTIONAL = 64
"""Old models list all their weights as inputs, of which nobody means to give a value."""


class ModelError(Exception):
    """A model that cannot be read; the text continues "it cannot be used: …"."""


@frozen(slots=False)
class ExternalFile:
    """A file beside a model that holds weights. bytes: how many it must have at least."""

    location: str
    bytes: int


@frozen(slots=False)
class OnnxModel:
    """What is in an ONNX file, without the weights.

    ir_version: of its form; 0 where it does not say. classes: their names, in a classifier of scikit-learn.
    """

    signature: Signature
    external: tuple[ExternalFile, ...]
    ir_version: int = 0
    classes: tuple[str, ...] = ()


def read_model(path: Path) -> OnnxModel:
    """The model at `path`, which has passed `check_onnx_file`. Raises ModelError."""
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            return _Reader(Wire(file, size)).model()
    except Damaged as damaged:
        raise ModelError(f"it is damaged: {damaged}") from None
    except OSError as error:
        raise ModelError(f"it cannot be read: {error.strerror}") from None


@define(eq=False, repr=False)
class _Graph:
    """What is found in the main graph."""

    inputs: list[TensorSpec] = field(factory=list)
    outputs: list[TensorSpec] = field(factory=list)
    weights: set[str] = field(factory=set)
    parameters: int = 0
    parameter_bits: int = 0
    nodes: list[tuple[int, int]] = field(factory=list)
    """Where each begins and ends."""


_Weight = tuple[str, int, int]
"""Its name, the number of its elements, and ONNX's number of their type."""


class _Reader:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._external: dict[str, int] = {}
        self._dynamic_nodes: list[str] = []
        self._constants = _Graph()

    def model(self) -> OnnxModel:
        wire = self._wire
        graph = _Graph()
        opsets: dict[str, int] = {}
        producer = version = ""
        ir_version = 0
        for number, start, end in wire.fields(0, wire.size):
            if number == 1:
                ir_version = wire.signed(start, end)
            elif number == 2:
                producer = wire.text(start, end)
            elif number == 3:
                version = wire.text(start, end)
            elif number == 7:
                self._graph(graph, start, end)
            elif number == 8:
                domain, opset = self._opset(start, end)
                opsets[domain] = opset
            elif number == 25:  # a function, of which the nodes count
                for inner, first, last in wire.fields(start, end):
                    if inner == 7:
                        self._node(first, last, 0)
        activations = {
            each.name: operator
            for each in graph.outputs
            if (operator := scores_of(wire, graph.nodes, each.name))
        }
        signature = Signature(
            activations=activations,
            optional=tuple(each for each in graph.inputs if each.name in graph.weights)[:_MOST_OPTIONAL],
            inputs=tuple(each for each in graph.inputs if each.name not in graph.weights),
            outputs=tuple(graph.outputs),
            opsets=dict(sorted(opsets.items())),
            producer=f"{producer} {version}".strip(),
            parameters=graph.parameters + self._constants.parameters,
            parameter_bytes=(graph.parameter_bits + self._constants.parameter_bits + 7) // 8,
            dynamic_nodes=tuple(dict.fromkeys(self._dynamic_nodes)),
        )
        external = tuple(ExternalFile(*each) for each in sorted(self._external.items()))
        classes = class_names(wire, graph.nodes) if "ai.onnx.ml" in opsets else ()
        return OnnxModel(signature, external, ir_version, classes)

    def _opset(self, start: int, end: int) -> tuple[str, int]:
        domain, version = "", 0
        for number, first, last in self._wire.fields(start, end):
            if number == 1:
                domain = self._wire.text(first, last)
            elif number == 2:
                version = self._wire.signed(first, last)
        return "" if domain == "ai.onnx" else domain, version

    # ---- graphs and their weights

    def _graph(self, graph: _Graph, start: int, end: int) -> None:
        for number, first, last in self._wire.fields(start, end):
            if number == 1:
                graph.nodes.append((first, last))
                self._node(first, last, 0)
            elif number == 5:
                self._weight(graph, self._tensor(first, last))
            elif number == 15:
                values = [f for f in self._wire.fields(first, last) if f[0] == 1]
                for _, inner, stop in values:
                    self._weight(graph, self._tensor(inner, stop))
            elif number == 11:
                graph.inputs.append(self._value(first, last))
            elif number == 12:
                graph.outputs.append(self._value(first, last))

    def _weight(self, graph: _Graph, weight: _Weight) -> None:
        name, elements, dtype = weight
        _, bits = _DTYPES.get(dtype, (None, 0))
        graph.weights.add(name)
        graph.parameters += elements
        graph.parameter_bits += elements * bits

    def _node(self, start: int, end: int, depth: int) -> None:
        """Look for what inner graphs have, too: weights in other files, and quantisation at run time."""
        if depth > _DEEPEST:
            raise Damaged("its graphs are nested too deeply")
        if end - start <= SMALL_NODE:
            data = self._wire.read(start, end)
            # `find`, as `in` takes what it looks for for a number first
            is_weight = len(data) >= _SMALL_WEIGHT and data.find(_CONSTANT) >= 0
            if data.find(b"location") < 0 and data.find(_DYNAMIC) < 0 and not is_weight:
                return
        name = operator = ""
        for number, first, last in self._wire.fields(start, end):
            if number == 3:
                name = self._wire.text(first, last)
            elif number == 4:
                operator = self._wire.text(first, last)
            elif number == 5:
                self._attribute(first, last, depth)
        if operator.startswith(_DYNAMIC.decode()) and len(self._dynamic_nodes) < _MOST_DYNAMIC:
            self._dynamic_nodes.append(name or operator)

    def _attribute(self, start: int, end: int, depth: int) -> None:
        for number, first, last in self._wire.fields(start, end):
            if number == 5:  # Paddle's exporter writes weights as constants
                self._weight(self._constants, self._tensor(first, last))
            elif number == 10:
                self._tensor(first, last)
            elif number in (6, 11):
                for inner, begins, stops in self._wire.fields(first, last):
                    if inner == 1:
                        self._node(begins, stops, depth + 1)
                    elif inner == 5:
                        self._tensor(begins, stops)

    def _tensor(self, start: int, end: int) -> _Weight:
        name, elements, dtype, rank = "", 1, 0, 0
        external: dict[str, str] = {}
        for number, first, last in self._wire.fields(start, end):
            if number == 1:
                for size in self._numbers(first, last):
                    rank += 1
                    if rank > _MOST_DIMENSIONS or not 0 <= size < 1 << 62:
                        raise Damaged(f"a weight has {rank} dimensions, one of size {size}")
                    elements *= size
            elif number == 2:
                dtype = self._wire.signed(first, last)
            elif number == 8:
                name = self._wire.text(first, last)
            elif number == 13:
                key, value = self._entry(first, last)
                external[key] = value
        if location := external.get("location"):
            _, bits = _DTYPES.get(dtype, (None, 0))
            length = _whole(external.get("length")) or (elements * bits + 7) // 8
            needed = _whole(external.get("offset")) + length
            self._external[location] = max(needed, self._external.get(location, 0))
        return name, elements, dtype

    def _numbers(self, start: int, end: int) -> Iterator[int]:
        """A repeated number: each in a field of its own, or all packed into one."""
        position = start
        while position < end:
            value, position = self._wire.number(position, end)
            yield value

    def _entry(self, start: int, end: int) -> tuple[str, str]:
        key = value = ""
        for number, first, last in self._wire.fields(start, end):
            if number == 1:
                key = self._wire.text(first, last)
            elif number == 2:
                value = self._wire.text(first, last)
        return key, value

    # ---- inputs and outputs

    def _value(self, start: int, end: int) -> TensorSpec:
        name = ""
        dtype: DType | None = None
        shape: tuple[Dimension, ...] | None = None
        for number, first, last in self._wire.fields(start, end):
            if number == 1:
                name = self._wire.text(first, last)
            elif number == 2:
                for kind, inner, stop in self._wire.fields(first, last):
                    if kind == 1:
                        dtype, shape = self._tensor_type(inner, stop)
        return TensorSpec(name, dtype, shape)

    def _tensor_type(self, start: int, end: int) -> tuple[DType | None, tuple[Dimension, ...] | None]:
        dtype: DType | None = None
        shape: tuple[Dimension, ...] | None = None
        for number, first, last in self._wire.fields(start, end):
            if number == 1:
                dtype, _ = _DTYPES.get(self._wire.signed(first, last), (None, 0))
            elif number == 2:
                shape = tuple(self._dimension(a, b) for n, a, b in self._wire.fields(first, last) if n == 1)
                if len(shape) > _MOST_DIMENSIONS:
                    raise Damaged(f"an input or output has {len(shape):,} dimensions")
        return dtype, shape

    def _dimension(self, start: int, end: int) -> Dimension:
        size: Dimension = None
        for number, first, last in self._wire.fields(start, end):
            if number == 1:
                fixed = self._wire.signed(first, last)
                size = fixed if fixed >= 0 else None
            elif number == 2:
                # Exporters write `?` for any size: each may be another one.
                size = self._wire.text(first, last)
                size = None if size in ("", "?") else size
        return size


def _whole(text: str | None) -> int:
    """The number that `text` is; 0 for anything else."""
    return int(text) if text is not None and text.isdecimal() and len(text) < 20 else 0
