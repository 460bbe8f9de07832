"""Tensors of the Open Inference Protocol in requests and answers, as JSON and as bytes."""

from __future__ import annotations

import json
import math
import struct
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from math import prod
from typing import Any

import numpy
from numpy.typing import NDArray

from ...requests.datatypes import NUMPY_TYPES, bfloat16_bits
from ...requests.errors import BadRequest
from ...requests.tensor import Tensor

_LENGTH = struct.Struct("<I")
# What still rounds to the largest number of the type, and not to infinity.
_LARGEST = {
    "FP16": math.nextafter(65520.0, 0),
    "BF16": float.fromhex("0x1.fefffep+127"),
    "FP32": math.nextafter(float.fromhex("0x1.ffffffp+127"), 0),
    "FP64": sys.float_info.max,
}
_FLOATS: set[type] = {float}
_INTEGERS: set[type] = {int}
_BOUNDS: dict[str, tuple[set[type], float, float]] = {
    datatype: (_FLOATS, -_LARGEST[datatype], _LARGEST[datatype]) for datatype in ("FP16", "FP32", "FP64")
} | {
    datatype: (_INTEGERS, numpy.iinfo(kind).min, numpy.iinfo(kind).max)
    for datatype, kind in NUMPY_TYPES.items()
    if kind.kind in "iu" and datatype != "BF16"
}
"""What numbers of a datatype are in Python, and the least and the largest of them."""
_LEAST_WIDE = 2.0**63
"""The least number that the JSON parser may have made a float of because it has no place for the integer."""
_LITTLE = {datatype: kind.newbyteorder("<") for datatype, kind in NUMPY_TYPES.items()}
"""As they are sent."""
_FEW = 64
_SHOWN = 60


def read_tensor(raw: Any, index: int, rest: memoryview | None, start: int) -> tuple[Tensor, int]:
    """The tensor that the JSON object `raw` describes, and where the next one's bytes begin.

    index: its place among the inputs. rest: what follows the JSON in the body. Raises BadRequest.
    """
    if not isinstance(raw, dict):
        raise BadRequest(f"`inputs[{index}]` must be an object", param=f"inputs[{index}]")
    name = raw.get("name")
    if not isinstance(name, str):
        raise BadRequest(f"`inputs[{index}].name` must be text", param=f"inputs[{index}].name")
    datatype = raw.get("datatype")
    if not isinstance(datatype, str) or datatype not in NUMPY_TYPES:
        known = ", ".join(NUMPY_TYPES)
        raise _wrong(name, f"its `datatype` is {_shown(datatype)}; it must be one of {known}")
    shape = _read_shape(name, raw.get("shape"))
    size = _binary_size(name, raw["parameters"]) if "parameters" in raw else None
    if size is None:
        if "data" not in raw:
            raise _wrong(name, "it has neither `data` nor the parameter `binary_data_size`")
        return Tensor(name, datatype, _from_json(name, datatype, shape, raw["data"])), start
    if "data" in raw:
        raise _wrong(name, "it has both `data` and the parameter `binary_data_size`")
    if rest is None:
        raise _wrong(name, "it is sent as bytes, but the header Inference-Header-Content-Length is missing")
    if start + size > len(rest):
        raise _wrong(
            name, f"its `binary_data_size` is {size}, but only {len(rest) - start} bytes are left in the body"
        )
    return Tensor(
        name, datatype, _from_bytes(name, datatype, shape, rest[start : start + size])
    ), start + size


def json_values(tensor: Tensor) -> Any:
    """The values of `tensor` for JSON, flat, in row-major order. BYTES are decoded as they are gone
    through; what is no text raises BadRequest then.
    """
    flat = tensor.values.ravel()
    if tensor.datatype == "BF16":
        return (flat.astype(numpy.uint32) << 16).view(numpy.float32)
    if tensor.datatype != "BYTES":
        return flat
    return _texts(tensor.name, flat)


def _texts(name: str, values: NDArray[Any]) -> Iterator[str]:
    try:
        for value in values:
            yield value.decode()
    except UnicodeDecodeError:
        raise BadRequest(f"output `{name}` is no text: ask for it with `binary_data`") from None


def binary_values(tensor: Tensor) -> bytes:
    """The values of `tensor` as the binary extension sends them: little-endian, in row-major order."""
    if tensor.datatype == "BYTES":
        return b"".join(_LENGTH.pack(len(value)) + value for value in tensor.values.flat)
    return tensor.values.astype(_little(tensor.values.dtype), copy=False).tobytes()


@cache
def _little(kind: numpy.dtype[Any]) -> numpy.dtype[Any]:
    return kind.newbyteorder("<")


def _binary_size(name: str, parameters: Any) -> int | None:
    """How many bytes the values have; None where they are JSON."""
    if parameters is None:
        return None
    if not isinstance(parameters, dict):
        raise _wrong(name, "its `parameters` must be an object")
    size = parameters.get("binary_data_size")
    if len(parameters) > 1 or size is None:
        for key in parameters:
            if key.startswith("shared_memory"):
                raise _wrong(name, "shared memory is not supported: send the values as JSON or as bytes")
    if size is not None and (type(size) is not int or size < 0):
        raise _wrong(name, f"its `binary_data_size` is {_shown(size)}; it must be a number of bytes")
    return size


def _read_shape(name: str, shape: Any) -> tuple[int, ...]:
    if isinstance(shape, list) and (not shape or (set(map(type, shape)) == _INTEGERS and min(shape) >= 0)):
        return tuple(shape)
    raise _wrong(name, f"its `shape` is {_shown(shape)}; it must be a list of sizes")


def _from_json(name: str, datatype: str, shape: tuple[int, ...], data: Any) -> NDArray[Any]:
    """Flat or nested lists of numbers, texts or truth values. One list with some numbers, all floats or all
    integers, as the datatype has them, is looked at by its kinds, its least and its largest."""
    if not isinstance(data, list):
        raise _wrong(name, f"its `data` is {_shown(data)}; it must be a list")
    if len(data) <= _FEW and (bounds := _BOUNDS.get(datatype)) is not None:
        kinds, low, high = bounds
        if set(map(type, data)) == kinds and len(data) == prod(shape):
            ordered = sorted(data)  # half the time of `min` and `max`
            if low <= ordered[0] and ordered[-1] <= high:
                return _shaped(name, numpy.array(data, NUMPY_TYPES[datatype]), shape)
    try:
        values = numpy.array(data, numpy.object_ if datatype == "BYTES" else None)
    except ValueError:
        raise _wrong(name, "the lists in its `data` do not all have the same length") from None
    expected = prod(shape)
    if values.ndim != 1 and values.shape != shape:
        raise _wrong(name, f"its `data` has the shape {list(values.shape)}, but its `shape` is {list(shape)}")
    if values.size != expected:
        raise _wrong(
            name, f"its `data` has {values.size} values, but its `shape` {list(shape)} means {expected}"
        )
    return _converted(name, datatype, _shaped(name, values, shape), data)


def _shaped(name: str, values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """`values`, as many as `shape` means. Arrays have limits also when they hold nothing."""
    try:
        return values.reshape(shape)
    except (ValueError, OverflowError):
        raise _wrong(name, f"its `shape` {_shown(list(shape))} is too large for an array") from None


def _converted(name: str, datatype: str, values: NDArray[Any], data: list[Any]) -> NDArray[Any]:
    wanted = NUMPY_TYPES[datatype]
    if not values.size:
        return numpy.empty(values.shape, wanted)
    if datatype == "BYTES":
        return _encoded(name, values)
    if datatype == "BOOL":
        if values.dtype.kind != "b":
            raise _wrong(name, f"{_first_not(data, bool)} among its `data` is not true or false")
        return values
    if datatype in _LARGEST:
        if values.dtype.kind not in "iuf":
            raise _wrong(name, f"{_first_not(data, (int, float))} among its `data` is no number")
        return _floats(name, datatype, values, data)
    if values.dtype.kind not in "iu":
        values = _wide_integers(name, datatype, values, data)
    limits = numpy.iinfo(wanted)
    low, high = _extremes(values, data)
    if low < limits.min or high > limits.max:
        wrong = low if low < limits.min else high
        raise _wrong(name, f"{wrong} among its `data` is out of the range of {datatype}")
    return values.astype(wanted, copy=False)


def _extremes(values: NDArray[Any], data: list[Any]) -> tuple[Any, Any]:
    """The least and the largest of `values`, those of `data`; among a few, Python finds them faster."""
    if len(data) == values.size <= _FEW and not isinstance(data[0], list):
        return min(data), max(data)
    low, high = values.min(), values.max()
    return (low, high) if values.dtype.hasobject else (low.item(), high.item())


def _wide_integers(name: str, datatype: str, values: NDArray[Any], data: list[Any]) -> NDArray[Any]:
    """Whole numbers that numpy took for something else, because some are above the range of INT64."""
    flat = numpy.array(data, numpy.object_).reshape(-1)
    for value in flat:
        if type(value) is float and abs(value) >= _LEAST_WIDE:
            raise _wrong(name, f"{value:g} among its `data` is no whole number in the range of {datatype}")
        if type(value) is not int:
            raise _wrong(name, f"{_shown(value)} among its `data` is no whole number, as {datatype} needs it")
    return flat.reshape(values.shape)


def _floats(name: str, datatype: str, values: NDArray[Any], data: list[Any]) -> NDArray[Any]:
    largest = _LARGEST[datatype]
    low, high = _extremes(values, data)
    if low < -largest or high > largest:
        wrong = low if low < -largest else high
        raise _wrong(name, f"{wrong:g} among its `data` is out of the range of {datatype}")
    if datatype == "BF16":
        return bfloat16_bits(values.astype(numpy.float32))
    return values.astype(NUMPY_TYPES[datatype], copy=False)


def _encoded(name: str, values: NDArray[Any]) -> NDArray[Any]:
    encoded = numpy.empty(values.shape, numpy.object_)
    for index, value in enumerate(values.flat):
        if not isinstance(value, str):
            raise _wrong(name, f"{_shown(value)} among its `data` is no text")
        encoded.flat[index] = value.encode()
    return encoded


def _from_bytes(name: str, datatype: str, shape: tuple[int, ...], data: memoryview) -> NDArray[Any]:
    count = prod(shape)
    if datatype == "BYTES":
        return _split(name, shape, count, data)
    kind = _LITTLE[datatype]
    if len(data) != count * kind.itemsize:
        raise _wrong(
            name,
            f"its `binary_data_size` is {len(data)}, but {datatype} of its `shape` {list(shape)} has "
            f"{count * kind.itemsize} bytes",
        )
    if datatype == "BOOL":
        kind = numpy.dtype(numpy.uint8)
    values = _shaped(name, numpy.frombuffer(data, kind), shape)
    return values.astype(numpy.bool_) if datatype == "BOOL" else values


def _split(name: str, shape: tuple[int, ...], count: int, data: memoryview) -> NDArray[Any]:
    """BYTES: each element with its length, 4 bytes, before it."""
    elements: list[bytes] = []
    at = 0
    while at < len(data):
        if at + _LENGTH.size > len(data):
            raise _wrong(name, f"its bytes end inside of the length of element {len(elements)}")
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        if at + length > len(data):
            raise _wrong(
                name, f"element {len(elements)} says it has {length} bytes; {len(data) - at} are left"
            )
        elements.append(bytes(data[at : at + length]))
        at += length
    if len(elements) != count:
        raise _wrong(
            name, f"its bytes hold {len(elements)} elements, its `shape` {list(shape)} means {count}"
        )
    values = numpy.empty(count, numpy.object_)
    values[:] = elements
    return _shaped(name, values, shape)


def _first_not(data: Sequence[Any], kinds: type | tuple[type, ...]) -> str:
    flat: list[Any] = numpy.array(data, numpy.object_).reshape(-1).tolist()
    for value in flat:
        if not isinstance(value, kinds) or (kinds is not bool and isinstance(value, bool)):
            return _shown(value)
    return "one value"


def _shown(value: Any) -> str:
    try:
        text = "null" if value is None else f"`{json.dumps(value, ensure_ascii=False, default=str)}`"
    except RecursionError:
        return "`…`"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…`"


def _wrong(name: str, what: str) -> BadRequest:
    return BadRequest(f"input `{name}`: {what}", param=name)
