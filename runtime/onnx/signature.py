"""What an embedding model takes and gives, read from its session; or why it is no embedding model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy
from attrs import frozen

from ...compiler.plan import Pooling
from ..errors import StartError

if TYPE_CHECKING:
    import onnxruntime

INPUT_IDS, ATTENTION_MASK = "input_ids", "attention_mask"
TOKEN_TYPE_IDS, POSITION_IDS = "token_type_ids", "position_ids"

_REQUIRED = (INPUT_IDS, ATTENTION_MASK)
_OPTIONAL = (TOKEN_TYPE_IDS, POSITION_IDS)
_INTEGERS: dict[str, type[numpy.signedinteger[Any]]] = {
    "tensor(int64)": numpy.int64,
    "tensor(int32)": numpy.int32,
}
_FLOATS = ("tensor(float)", "tensor(float16)", "tensor(double)")


@frozen
class EmbedSignature:
    """inputs: dtype of each input. batch, length: sizes that the model fixes; None where it does not."""

    inputs: dict[str, type[numpy.signedinteger[Any]]]
    output: str
    batch: int | None
    length: int | None


def read_signature(session: onnxruntime.InferenceSession, pooling: Pooling, owner: str) -> EmbedSignature:
    """The signature of `session` as an embedding model. Raises StartError, which shows the real one."""
    inputs = {value.name: value for value in session.get_inputs()}
    unknown = [name for name in inputs if name not in (*_REQUIRED, *_OPTIONAL)]
    absent = [name for name in _REQUIRED if name not in inputs]
    wrong = [name for name, value in inputs.items() if value.type not in _INTEGERS or len(value.shape) != 2]
    if unknown or absent or wrong:
        raise StartError(
            f"{owner}: its task is `embed`, which needs a model that takes {' and '.join(_REQUIRED)} "
            f"(and may take {' and '.join(_OPTIONAL)}), [batch, sequence] of int64 or int32; "
            f"{describe(session)}"
        )
    batch, length = inputs[INPUT_IDS].shape
    return EmbedSignature(
        inputs={name: _INTEGERS[value.type] for name, value in inputs.items()},
        output=_output(session, pooling, owner),
        batch=batch if isinstance(batch, int) else None,
        length=length if isinstance(length, int) else None,
    )


def describe(session: onnxruntime.InferenceSession) -> str:
    """The inputs and outputs of `session` in words."""
    return f"this one takes {_list(session.get_inputs())} and gives {_list(session.get_outputs())}"


def _output(session: onnxruntime.InferenceSession, pooling: Pooling, owner: str) -> str:
    """The name of the first output that `pooling` can be applied to."""
    rank = 2 if pooling is Pooling.NONE else 3
    for value in session.get_outputs():
        if value.type in _FLOATS and len(value.shape) == rank:
            return str(value.name)
    if pooling is Pooling.NONE:
        raise StartError(
            f"{owner}: `pooling = none` needs a model that gives one vector per text, [batch, dimensions], "
            f"by itself; {describe(session)}: set `pooling = mean`"
        )
    raise StartError(
        f"{owner}: `pooling = {pooling}` needs a model that gives one vector per token, "
        f"[batch, sequence, dimensions]; {describe(session)}: with one vector per text, set `pooling = none`"
    )


def _list(values: Sequence[Any]) -> str:
    return ", ".join(
        f"{value.name} {value.type.removeprefix('tensor(').rstrip(')')}"
        f"[{', '.join('?' if size is None else str(size) for size in value.shape)}]"
        for value in values
    )
