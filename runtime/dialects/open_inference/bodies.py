"""The body of an inference request, JSON with or without bytes behind it, and the body of its answer."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from ....compiler.plan.record import frozen
from ...requests.call import MAX_PRIORITY
from ...requests.errors import BadRequest
from ...requests.request import TensorRequest
from ...requests.tensor import Tensor
from ..json_pieces import MOST, json_at_once, json_pieces
from ..no_json import no_json
from .asked import Asked
from .known_requests import LONGEST, KnownRequests
from .tensors import binary_values, json_values, read_tensor

_EXPLAINED = 1 << 20
"""Bytes of a body that is no JSON up to which it is worth a closer look."""
_OF_OUTPUTS = {"binary_data_output"}
"""Parameters of a request that say nothing of when it is answered."""


@frozen
class Answer:
    """described: the JSON at its start, in pieces, which may raise BadRequest. attached: the bytes behind."""

    described: Iterable[bytes]
    attached: list[bytes]


_KNOWN = KnownRequests()


def read_request(body: bytes, header: str | None) -> Asked:
    """header: the value of Inference-Header-Content-Length. Raises BadRequest."""
    head: bytes | None = None
    if header is not None and (size := _json_size(header, len(body))) <= LONGEST:
        head = body[:size]
        if (known := _KNOWN.read(head, body)) is not None:
            return known
    raw, rest = _cut(body, header)
    asked = asked_of(raw, _read_tensors(raw, "inputs", rest))
    if head is not None:
        _KNOWN.remember(head, body, asked)
    return asked


def read_outputs(body: bytes, header: str | None) -> tuple[Tensor, ...]:
    """The tensors in the body of an answer; header: as of a request. Raises BadRequest."""
    raw, rest = _cut(body, header)
    return _read_tensors(raw, "outputs", rest)


def _cut(body: bytes, header: str | None) -> tuple[dict[str, Any], memoryview | None]:
    """The JSON object of a body, and the bytes behind it, where there may be some. Raises BadRequest."""
    size = len(body) if header is None else _json_size(header, len(body))
    try:
        raw = orjson.loads(body if header is None else memoryview(body)[:size])
    except orjson.JSONDecodeError as error:
        raise _no_json(body[:size], error, header is not None) from None
    if not isinstance(raw, dict):
        raise BadRequest("the body must be a JSON object")
    return raw, None if header is None else memoryview(body)[size:]


def asked_of(raw: dict[str, Any], inputs: tuple[Tensor, ...]) -> Asked:
    """The request that `raw` says beside its inputs. Raises BadRequest."""
    identity = raw.get("id")
    if identity is not None and not isinstance(identity, str):
        raise BadRequest("`id` must be text", param="id")
    if "parameters" not in raw and "outputs" not in raw:
        return Asked(TensorRequest(inputs), identity, {}, False)
    parameters = _object(raw, "parameters", "")
    all_binary = _flag(parameters, "binary_data_output", "parameters.", default=False)
    if "outputs" not in raw and parameters.keys() <= _OF_OUTPUTS:
        return Asked(TensorRequest(inputs), identity, {}, all_binary)
    binary: dict[str, bool] = {}
    classes: dict[str, int] = {}
    for index, output in enumerate(_list(raw, "outputs", default=[]) if "outputs" in raw else ()):
        if not isinstance(output, dict) or not isinstance(output.get("name"), str):
            raise BadRequest(f"`outputs[{index}]` must be an object with a `name`", param=f"outputs[{index}]")
        wanted = _object(output, "parameters", f"outputs[{index}].")
        if wanted.get("shared_memory_region"):
            raise BadRequest(
                f"output `{output['name']}`: the parameter `shared_memory_region` is not supported",
                param=output["name"],
            )
        most = wanted.get("classification")
        if most is not None and (type(most) is not int or most < 0):
            where = f"outputs[{index}].parameters.classification"
            raise BadRequest(f"`{where}` must be a whole number of at least 0", param=where)
        if most:
            classes[output["name"]] = most
        if output["name"] in binary:
            raise BadRequest(f"output `{output['name']}` is asked for twice", param=output["name"])
        where = f"outputs[{index}].parameters."
        binary[output["name"]] = _flag(wanted, "binary_data", where, default=all_binary)
    return Asked(
        TensorRequest(inputs, tuple(binary)),
        identity,
        binary,
        all_binary,
        *_schedule(parameters),
        classes=classes,
    )


def read_inputs(raw: dict[str, Any], rest: memoryview | None) -> tuple[Tensor, ...]:
    """The tensors in the `inputs` of a JSON object; rest: the bytes behind it. Raises BadRequest."""
    return _read_tensors(raw, "inputs", rest)


def _read_tensors(raw: dict[str, Any], name: str, rest: memoryview | None) -> tuple[Tensor, ...]:
    tensors: list[Tensor] = []
    start = 0
    for index, each in enumerate(_list(raw, name)):
        tensor, start = read_tensor(each, index, rest, start)
        tensors.append(tensor)
    if rest is not None and start != len(rest):
        raise BadRequest(
            f"{len(rest)} bytes follow the JSON, but the `binary_data_size` of all {name} together is {start}"
        )
    return tuple(tensors)


def write_answer(asked: Asked, model: str, outputs: tuple[Tensor, ...]) -> Answer:
    """The answer to `asked`."""
    described: list[dict[str, Any]] = []
    attached: list[bytes] = []
    numbers = 0
    for tensor in outputs:
        description: dict[str, Any] = {
            "name": tensor.name,
            "datatype": tensor.datatype,
            "shape": list(tensor.values.shape),
        }
        if asked.binary.get(tensor.name, asked.binary_by_default):
            data = binary_values(tensor)
            description["parameters"] = {"binary_data_size": len(data)}
            attached.append(data)
        else:
            description["data"] = json_values(tensor)
            numbers += MOST if tensor.datatype == "BYTES" else tensor.values.size
        described.append(description)
    answer: dict[str, Any] = {"model_name": model, "model_version": "1"}
    if asked.id is not None:
        answer["id"] = asked.id
    answer["outputs"] = described
    return Answer(json_at_once(answer) if numbers < MOST else json_pieces(answer), attached)


def _no_json(text: bytes, error: orjson.JSONDecodeError, has_bytes: bool) -> BadRequest:
    """What is wrong with a body; Python writes NaN and infinity into JSON, which has no such numbers."""
    with contextlib.suppress(ValueError, RecursionError, AttributeError, TypeError):
        for each in json.loads(text if len(text) <= _EXPLAINED else b"{}").get("inputs", ()):
            if any(isinstance(value, float) and not math.isfinite(value) for value in _flat(each["data"])):
                return BadRequest(
                    f"input `{each['name']}`: NaN or infinity among its `data`, or a number as large: JSON "
                    "has none, send the tensor as bytes",
                    param=str(each["name"]),
                    code="invalid_json",
                )
    where = f" in the first {len(text)} bytes, as Inference-Header-Content-Length says" if has_bytes else ""
    return BadRequest(f"the body is no JSON{where}: {no_json(error)}", code="invalid_json")


def _flat(data: list[Any]) -> Iterator[Any]:
    for value in data:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def _schedule(parameters: dict[str, Any]) -> tuple[int, float | None]:
    """Priority and timeout, as Triton's clients send them: 1 is the most urgent; microseconds."""
    if parameters.keys() <= _OF_OUTPUTS:
        return 0, None
    if parameters.get("sequence_id") not in (None, 0, ""):
        raise BadRequest(
            "`parameters.sequence_id`: there are no sequences here, each request stands for itself",
            param="parameters.sequence_id",
        )
    level, timeout = _count(parameters, "priority"), _count(parameters, "timeout")
    return max(MAX_PRIORITY + 1 - level, 1) if level else 0, timeout / 1e6 if timeout else None


def _count(parameters: dict[str, Any], name: str) -> int:
    value = parameters.get(name, 0)
    if type(value) is not int or value < 0:
        raise BadRequest(
            f"`parameters.{name}` must be a whole number of at least 0", param=f"parameters.{name}"
        )
    return value


def _json_size(header: str, total: int) -> int:
    if not header.isascii() or not header.isdecimal() or (size := int(header)) > total:
        raise BadRequest(
            f"the header Inference-Header-Content-Length is `{header}`; it must be the number of bytes of "
            f"the JSON, which is at the start of a body of {total} bytes",
            param="Inference-Header-Content-Length",
        )
    return size


def _list(raw: dict[str, Any], name: str, default: list[Any] | None = None) -> list[Any]:
    value = raw.get(name)
    if value is None:
        value = default
    if not isinstance(value, list):
        raise BadRequest(f"`{name}` must be a list of tensors", param=name)
    return value


def _flag(raw: dict[str, Any], name: str, where: str, *, default: bool) -> bool:
    value = raw.get(name, default)
    if not isinstance(value, bool):
        raise BadRequest(f"`{where}{name}` must be true or false", param=f"{where}{name}")
    return value


def _object(raw: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    value = raw.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequest(f"`{where}{name}` must be an object", param=f"{where}{name}")
    return value
