"""The body of an inference request, JSON with or without bytes behind it, and the body of its answer."""

from __future__ import annotations

from typing import Any

import orjson
from attrs import frozen

from ..errors import BadRequest
from ..replica import Tensor, TensorRequest
from .infer_tensors import binary_values, json_values, read_tensor


@frozen
class Asked:
    """A request and how its answer is to be sent: which outputs as bytes, all others as JSON."""

    request: TensorRequest
    id: str | None
    binary: dict[str, bool]
    binary_by_default: bool


@frozen
class Body:
    """json_size: bytes of the JSON at its start; None when it is nothing else."""

    data: bytes
    json_size: int | None


def read_request(body: bytes, header: str | None) -> Asked:
    """header: the value of Inference-Header-Content-Length. Raises BadRequest."""
    size = len(body) if header is None else _json_size(header, len(body))
    try:
        raw = orjson.loads(body if header is None else memoryview(body)[:size])
    except orjson.JSONDecodeError as error:
        where = (
            "" if header is None else f" in the first {size} bytes, as Inference-Header-Content-Length says"
        )
        raise BadRequest(
            f"the body is no JSON{where}: line {error.lineno}, column {error.colno}: {error.msg}",
            code="invalid_json",
        ) from None
    if not isinstance(raw, dict):
        raise BadRequest("the body must be a JSON object")
    identity = raw.get("id")
    if identity is not None and not isinstance(identity, str):
        raise BadRequest("`id` must be text", param="id")
    all_binary = bool(_object(raw, "parameters", "").get("binary_data_output", False))
    inputs = read_inputs(raw, None if header is None else memoryview(body)[size:])
    binary: dict[str, bool] = {}
    for index, output in enumerate(_list(raw, "outputs", required=False)):
        if not isinstance(output, dict) or not isinstance(output.get("name"), str):
            raise BadRequest(f"`outputs[{index}]` must be an object with a `name`", param=f"outputs[{index}]")
        wanted = _object(output, "parameters", f"outputs[{index}].")
        for unknown in ("classification", "shared_memory_region"):
            if wanted.get(unknown):
                raise BadRequest(
                    f"output `{output['name']}`: the parameter `{unknown}` is not supported",
                    param=output["name"],
                )
        if output["name"] in binary:
            raise BadRequest(f"output `{output['name']}` is asked for twice", param=output["name"])
        binary[output["name"]] = bool(wanted.get("binary_data", all_binary))
    return Asked(TensorRequest(inputs, tuple(binary)), identity, binary, all_binary)


def read_inputs(raw: dict[str, Any], rest: memoryview | None) -> tuple[Tensor, ...]:
    """The tensors in the `inputs` of a JSON object; rest: the bytes behind it. Raises BadRequest."""
    inputs: list[Tensor] = []
    start = 0
    for index, each in enumerate(_list(raw, "inputs", required=True)):
        tensor, start = read_tensor(each, index, rest, start)
        inputs.append(tensor)
    if rest is not None and start != len(rest):
        raise BadRequest(
            f"{len(rest)} bytes follow the JSON, but the `binary_data_size` of all inputs together is {start}"
        )
    return tuple(inputs)


def write_answer(asked: Asked, model: str, outputs: tuple[Tensor, ...]) -> Body:
    """The answer to `asked`."""
    described: list[dict[str, Any]] = []
    attached: list[bytes] = []
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
        described.append(description)
    answer: dict[str, Any] = {"model_name": model, "model_version": "1"}
    if asked.id is not None:
        answer["id"] = asked.id
    answer["outputs"] = described
    head = orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
    return Body(b"".join((head, *attached)), len(head)) if attached else Body(head, None)


def _json_size(header: str, total: int) -> int:
    if not header.isascii() or not header.isdecimal() or int(header) > total:
        raise BadRequest(
            f"the header Inference-Header-Content-Length is `{header}`; it must be the number of bytes of "
            f"the JSON, which is at the start of a body of {total} bytes",
            param="Inference-Header-Content-Length",
        )
    return int(header)


def _list(raw: dict[str, Any], name: str, *, required: bool) -> list[Any]:
    value = raw.get(name)
    if value is None and not required:
        return []
    if not isinstance(value, list) or (required and not value):
        raise BadRequest(
            f"`{name}` must be a list of tensors{', at least one' if required else ''}", param=name
        )
    return value


def _object(raw: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    value = raw.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequest(f"`{where}{name}` must be an object", param=f"{where}{name}")
    return value
