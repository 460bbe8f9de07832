"""What a model takes and gives, read from its session; or why it does not fit its task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy
from attrs import field

from ....compiler.plan import Pooling, Signature, TensorSpec
from ....compiler.plan.record import frozen
from ...requests.errors import StartError
from ...requests.tensor import TensorInfo

if TYPE_CHECKING:
    import onnxruntime

INPUT_IDS, ATTENTION_MASK = "input_ids", "attention_mask"
TOKEN_TYPE_IDS, POSITION_IDS = "token_type_ids", "position_ids"

PAST = "past_key_values."
_HALVES: dict[str, type[numpy.floating[Any]]] = {
    "tensor(float)": numpy.float32,
    "tensor(float16)": numpy.float16,
}

_REQUIRED = (INPUT_IDS, ATTENTION_MASK)
_OPTIONAL = (TOKEN_TYPE_IDS, POSITION_IDS)
_INTEGERS: dict[str, type[numpy.signedinteger[Any]]] = {
    "tensor(int64)": numpy.int64,
    "tensor(int32)": numpy.int32,
}
_FLOATS = ("tensor(float)", "tensor(float16)", "tensor(double)")
_DATATYPES = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(bfloat16)": "BF16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}


def inputs_of(
    session: onnxruntime.InferenceSession, signature: Signature | None = None
) -> tuple[TensorInfo, ...]:
    """The inputs of `session`, in its order.

    signature: as the compiler read it. ONNX Runtime gives no sizes for one value, and none for any shape.
    """
    return _infos(session.get_inputs(), signature.inputs if signature else ())


def optional_inputs_of(session: onnxruntime.InferenceSession) -> tuple[TensorInfo, ...]:
    """Weights that a request may give other values for: those that the model lists as inputs, too."""
    return _infos(session.get_overridable_initializers(), ())


def outputs_of(
    session: onnxruntime.InferenceSession, signature: Signature | None = None
) -> tuple[TensorInfo, ...]:
    """The same for the outputs."""
    return _infos(session.get_outputs(), signature.outputs if signature else ())


def _infos(values: Sequence[Any], specs: Sequence[TensorSpec]) -> tuple[TensorInfo, ...]:
    of_any_shape = {spec.name for spec in specs if spec.shape is None}
    return tuple(_info(value, value.name in of_any_shape) for value in values)


def _info(value: Any, is_any_shape: bool) -> TensorInfo:
    """A type that the Open Inference Protocol has no word for keeps ONNX Runtime's."""
    shape = tuple(size if isinstance(size, int) and size >= 0 else None for size in value.shape)
    return TensorInfo(
        value.name, _DATATYPES.get(value.type, value.type), None if is_any_shape and not shape else shape
    )


@frozen
class TokenSignature:
    """A model that reads tokens. inputs: the dtype of each. output: the one that is used, as its file says.

    batch, length: sizes that the model fixes; None where it does not. past: dtype, heads and size of what
    came before the text, of which there is nothing: a model that writes may be made an embedder as it is.
    """

    inputs: dict[str, type[numpy.signedinteger[Any]]]
    output: TensorInfo
    batch: int | None
    length: int | None
    past: dict[str, tuple[type[numpy.floating[Any]], int, int]] = field(factory=dict)


def read_embed_signature(
    session: onnxruntime.InferenceSession, pooling: Pooling, owner: str
) -> TokenSignature:
    """An embedding model, whose output `pooling` can be applied to. Raises StartError."""
    return _token_signature(session, "embed", lambda: _embed_output(session, pooling, owner), owner)


def read_rerank_signature(session: onnxruntime.InferenceSession, owner: str) -> TokenSignature:
    """A model that gives one number per pair of texts. Raises StartError."""
    return _token_signature(session, "rerank", lambda: _rerank_output(session, owner), owner)


def read_classify_signature(session: onnxruntime.InferenceSession, output: str, owner: str) -> TokenSignature:
    """A model that gives `output` for texts. Raises StartError."""
    return _token_signature(session, "classify", lambda: output, owner)


def class_scores_output(
    session: onnxruntime.InferenceSession, owner: str, *, per_token: bool = False
) -> tuple[str, int | None]:
    """The first output with a score per class, and how many classes the model says. Raises StartError."""
    for value in session.get_outputs():
        fits = len(value.shape) == (3 if per_token else 2) and not _is_by_token(value, session)
        if value.type in _FLOATS and fits:
            classes = value.shape[-1]
            return str(value.name), classes if isinstance(classes, int) else None
    shape = "[batch, sequence, classes]" if per_token else "[batch, classes]"
    raise StartError(
        f"{owner}: its task is `classify`, which needs a model that gives {shape} of floats; "
        f"{describe(session)}"
    )


def describe(session: onnxruntime.InferenceSession) -> str:
    """The inputs and outputs of `session` in words."""
    return f"this one takes {_list(session.get_inputs())} and gives {_list(session.get_outputs())}"


def _token_signature(
    session: onnxruntime.InferenceSession, task: str, output: Callable[[], str], owner: str
) -> TokenSignature:
    given = {value.name: value for value in session.get_inputs()}
    past = {name: value for name, value in given.items() if _is_past(value)}
    inputs = {name: value for name, value in given.items() if name not in past}
    unknown = [name for name in inputs if name not in (*_REQUIRED, *_OPTIONAL)]
    absent = [name for name in _REQUIRED if name not in inputs]
    wrong = [name for name, value in inputs.items() if value.type not in _INTEGERS or len(value.shape) != 2]
    if unknown or absent or wrong:
        raise StartError(
            f"{owner}: its task is `{task}`, which needs a model that takes {' and '.join(_REQUIRED)} "
            f"(and may take {' and '.join(_OPTIONAL)}), [batch, sequence] of int64 or int32; "
            f"{describe(session)}"
        )
    batch, length = inputs[INPUT_IDS].shape
    outputs = {info.name: info for info in outputs_of(session)}
    return TokenSignature(
        inputs={name: _INTEGERS[value.type] for name, value in inputs.items()},
        output=outputs[output()],
        batch=batch if isinstance(batch, int) else None,
        length=length if isinstance(length, int) else None,
        past={name: (_HALVES[value.type], value.shape[1], value.shape[3]) for name, value in past.items()},
    )


def _is_by_token(value: Any, session: onnxruntime.InferenceSession) -> bool:
    """Whether an output has one number for each token; the compiler passes over such, too."""
    ids: list[Any] = next((each.shape for each in session.get_inputs() if each.name == INPUT_IDS), [])
    return len(value.shape) == 2 and isinstance(value.shape[1], str) and ids[1:] == value.shape[1:]


def _is_past(value: Any) -> bool:
    shape = value.shape
    is_cache = len(shape) == 4 and isinstance(shape[1], int) and isinstance(shape[3], int)
    return value.name.startswith(PAST) and value.type in _HALVES and is_cache


def _rerank_output(session: onnxruntime.InferenceSession, owner: str) -> str:
    """The name of the first output with one number per pair."""
    for value in session.get_outputs():
        if value.type in _FLOATS and len(value.shape) in (1, 2) and value.shape[1:] in ([], [1], [2]):
            return str(value.name)
    raise StartError(
        f"{owner}: its task is `rerank`, which needs a model that gives one score per pair of texts, "
        f"[batch, 1], or two, [batch, 2]; {describe(session)}"
    )


def _embed_output(session: onnxruntime.InferenceSession, pooling: Pooling, owner: str) -> str:
    """The name of the first output that `pooling` can be applied to."""
    rank = 2 if pooling is Pooling.NONE else 3
    for value in session.get_outputs():
        if value.type in _FLOATS and len(value.shape) == rank and not _is_by_token(value, session):
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
