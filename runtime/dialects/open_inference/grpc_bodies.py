"""Inference requests and answers over gRPC, to and from what the JSON of the protocol says."""

from __future__ import annotations

from typing import Any

from ...requests.errors import BadRequest
from ...requests.tensor import Tensor
from .asked import Asked
from .bodies import asked_of
from .descriptions import VERSION
from .grpc_messages import MESSAGES
from .tensors import binary_values, read_tensor

_CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""Where values stand that are not sent as bytes."""


def read_grpc(message: Any) -> Asked:
    """The request in a `ModelInferRequest`. Raises BadRequest."""
    raw_contents = message.raw_input_contents
    if raw_contents and len(raw_contents) != len(message.inputs):
        raise BadRequest(
            f"`raw_input_contents` has {len(raw_contents)} entries for {len(message.inputs)} inputs: all are "
            "sent so, or none"
        )
    inputs = tuple(
        _input(each, index, raw_contents[index] if raw_contents else None)
        for index, each in enumerate(message.inputs)
    )
    said: dict[str, Any] = {"parameters": _parameters(message.parameters)}
    if message.id:
        said["id"] = message.id
    said["outputs"] = [
        {"name": each.name, "parameters": _parameters(each.parameters)} for each in message.outputs
    ]
    return asked_of(said, inputs)


def write_grpc(asked: Asked, model: str, outputs: tuple[Tensor, ...]) -> Any:
    """The `ModelInferResponse`, with all values as bytes."""
    answer = MESSAGES["ModelInferResponse"](model_name=model, model_version=VERSION, id=asked.id or "")
    for tensor in outputs:
        answer.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.values.shape)
        answer.raw_output_contents.append(binary_values(tensor))
    return answer


def _input(message: Any, index: int, raw: bytes | None) -> Tensor:
    described: dict[str, Any] = {
        "name": message.name,
        "datatype": message.datatype,
        "shape": list(message.shape),
    }
    if raw is not None:
        described["parameters"] = {"binary_data_size": len(raw)}
        return read_tensor(described, index, memoryview(raw), 0)[0]
    place = _CONTENTS.get(message.datatype)
    if place is None:
        raise BadRequest(
            f"input `{message.name}`: {message.datatype} is sent in `raw_input_contents` only",
            param=message.name,
        )
    values: list[Any] = list(getattr(message.contents, place))
    if message.datatype == "BYTES":
        values = [_text(value, message.name) for value in values]
    return read_tensor({**described, "data": values}, index, None, 0)[0]


def _text(value: bytes, name: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise BadRequest(f"input `{name}` holds bytes that are no UTF-8 text", param=name) from None


def _parameters(found: Any) -> dict[str, Any]:
    """The values of a map of parameters, whatever their kind."""
    values: dict[str, Any] = {}
    for name, value in found.items():
        kind = value.WhichOneof("parameter_choice")
        if kind is not None:
            values[name] = getattr(value, kind)
    return values
