"""Calls of models that take tensors, or texts to classify."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy
from numpy.typing import NDArray

from .....compiler.plan import CallNode, DType, OnnxServingPlan
from ....requests.answer import ClassifyChunk, Label, LabelledSpan, TensorChunk
from ....requests.datatypes import NUMPY_TYPES, bfloat16_bits
from ....requests.errors import StepFailed
from ....requests.request import ClassifyRequest, TensorRequest
from ....requests.tensor import Tensor
from ...deployment import Deployment
from ...model import Model
from ...routes.route import Route
from ..text_sink import Sink
from ..values.shapes import shape_of

if TYPE_CHECKING:
    from .asker import Ask, Asker

Frame = list[Any]

_TEXT = "input"
_DATATYPES = {kind: name for name, kind in NUMPY_TYPES.items() if name not in ("BF16", "BYTES")}


def classify(node: CallNode, arguments: Mapping[str, int], model: Model) -> Ask:
    """A label with its confidence for a text or a row of tensors, a list of them for several."""
    gives_list = node.type.startswith("list<")
    only = arguments.get(_TEXT) if len(arguments) == 1 else None
    bfloat16 = _bfloat16_inputs(model)

    async def ask(asker: Asker, frame: Frame, until: float | None, sink: Sink | None) -> Any:
        given = frame[only] if only is not None else None
        texts = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, list) else None
        if texts == ():
            return []
        request = (
            ClassifyRequest(texts, top_k=1)
            if texts
            else ClassifyRequest(inputs=_inputs(arguments, frame, bfloat16), top_k=1)
        )
        chunk = await asker.whole(request, until)
        assert isinstance(chunk, ClassifyChunk)
        rows: list[Any] = [_record(row[0]) for row in chunk.rows]
        if chunk.spans is not None:
            rows = [[_span(span) for span in spans] for spans in chunk.spans]
        is_list = isinstance(given, list) if texts else gives_list
        return rows if is_list else rows[0]

    return ask


def infer(node: CallNode, arguments: Mapping[str, int], model: Model) -> Ask:
    """The model's output, or a record of them where there are several."""
    bfloat16 = _bfloat16_inputs(model)

    async def ask(asker: Asker, frame: Frame, until: float | None, sink: Sink | None) -> Any:
        chunk = await asker.whole(TensorRequest(_inputs(arguments, frame, bfloat16)), until)
        assert isinstance(chunk, TensorChunk)
        outputs = {tensor.name: _values(tensor) for tensor in chunk.outputs}
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs

    return ask


def _span(span: LabelledSpan) -> dict[str, Any]:
    return {
        "label": span.label,
        "confidence": span.score,
        "text": span.text,
        "start": span.start,
        "end": span.end,
    }


def _record(label: Label) -> dict[str, Any]:
    return {"label": label.label, "confidence": label.score}


def _bfloat16_inputs(model: Model) -> frozenset[str]:
    """The names of its inputs of that type, which steps hold as f32."""
    if isinstance(model, Route):
        return _bfloat16_inputs(model.members[0])
    if not isinstance(model, Deployment) or not isinstance(model.plan, OnnxServingPlan):
        return frozenset()
    signature = model.plan.signature
    return frozenset(
        each.name for each in (*signature.inputs, *signature.optional) if each.dtype is DType.BF16
    )


def _inputs(arguments: Mapping[str, int], frame: Frame, bfloat16: frozenset[str]) -> tuple[Tensor, ...]:
    return tuple(_tensor(name, frame[slot], name in bfloat16) for name, slot in arguments.items())


def _tensor(name: str, value: Any, is_bfloat16: bool) -> Tensor:
    values = numpy.asarray(value)
    if is_bfloat16 and values.dtype == numpy.float32:
        return Tensor(name, "BF16", bfloat16_bits(values))
    if values.dtype.kind in "OU":
        encoded = numpy.empty(values.shape, numpy.object_)
        encoded.flat[:] = [str(each).encode() for each in values.flat]
        return Tensor(name, "BYTES", encoded)
    datatype = _DATATYPES.get(values.dtype)
    if datatype is None:
        raise StepFailed(f"`{name}` cannot be sent to a model: {shape_of(values)}")
    return Tensor(name, datatype, values)


def _values(tensor: Tensor) -> NDArray[Any]:
    """What steps compute with: bf16 as f32, texts as objects."""
    if tensor.datatype == "BF16":
        return (tensor.values.astype(numpy.uint32) << 16).view(numpy.float32)
    if tensor.datatype == "BYTES":
        decoded = numpy.empty(tensor.values.shape, numpy.object_)
        decoded.flat[:] = [value.decode("utf-8", "replace") for value in tensor.values.flat]
        return decoded
    return tensor.values
