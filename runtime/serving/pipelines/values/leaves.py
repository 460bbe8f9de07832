"""Values that hold no others: texts, numbers, bytes, tensors."""

from __future__ import annotations

import binascii
import math
from base64 import b64decode
from typing import Any

from attrs import field

from .....compiler.plan import ChoiceType, TensorType, Type, TypeKind
from .....compiler.plan.record import define
from .shapes import shape_of

MAX_JSON_DEPTH = 100
"""Lists and objects inside each other in a JSON value."""

_MOST_CHOICES = 8


class Unfit(ValueError):
    """A part of a value is not what its type says; the message never holds what is in it."""

    def __init__(self, expected: str, value: object) -> None:
        super().__init__(f"expected {expected}, found {found(value)}")


@define
class Sizes:
    """What the open sizes of tensors are in one call: those with one name are equal."""

    by_name: dict[str, int] = field(factory=dict)
    items: int = 0
    """Values that were in its lists so far."""


def found(value: object) -> str:
    """What a value is, in the user's words; never what is in it."""
    match value:
        case tuple():
            return f"tuple of {len(value)}"
        case None | bool() | int() | float() | str() | bytes() | list() | dict():
            return shape_of(value)
        case _ if hasattr(value, "dtype") and hasattr(value, "shape"):
            return shape_of(value)
    return f"a `{type(value).__name__}`"


def leaf(value: Any, kind: Type, sizes: Sizes, *, is_json: bool) -> Any:
    """`value` as a `kind`. Raises Unfit."""
    if isinstance(kind, ChoiceType):
        if isinstance(value, str) and value in kind.values:
            return value
        shown = " | ".join(f'"{each}"' for each in kind.values[:_MOST_CHOICES])
        raise Unfit(shown if len(kind.values) <= _MOST_CHOICES else f"{shown} | …", value)
    if isinstance(kind, TensorType):
        return _tensor(value, kind, sizes)
    match kind.kind:
        case TypeKind.TEXT if isinstance(value, str):
            return str(value)
        case TypeKind.BOOL if isinstance(value, bool):
            return value
        case TypeKind.INT if type(value) is int or (type(value) is float and value.is_integer()):
            return int(value)
        case TypeKind.FLOAT if type(value) in (int, float):
            return _float(value)
        case TypeKind.BYTES | TypeKind.IMAGE:
            return _bytes(value, is_json)
        case TypeKind.JSON:
            return value if is_json else _json(value, MAX_JSON_DEPTH)
        case TypeKind.INT | TypeKind.FLOAT | TypeKind.BOOL if not is_json and hasattr(value, "item"):
            if getattr(value, "shape", None) == ():  # a number of numpy
                return leaf(value.item(), kind, sizes, is_json=True)
    raise Unfit(_EXPECTED.get(kind.kind, str(kind)), value)


_EXPECTED = {
    TypeKind.TEXT: "text",
    TypeKind.BOOL: "true or false",
    TypeKind.INT: "int",
    TypeKind.FLOAT: "float",
}


def _float(value: int | float) -> float:
    try:
        number = float(value)
    except OverflowError:
        raise Unfit("a float", value) from None
    if math.isnan(number) or math.isinf(number):
        raise Unfit("a finite number", value)
    return number


def _bytes(value: Any, is_json: bool) -> bytes:
    if not is_json:
        if isinstance(value, bytes | bytearray | memoryview):
            return bytes(value)
        raise Unfit("bytes", value)
    if not isinstance(value, str):
        raise Unfit("base64 or a data: URL", value)
    encoded = value.partition(",")[2] if value.startswith("data:") else value
    try:
        return b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Unfit("base64 or a data: URL", value) from None


def _json(value: Any, depth: int) -> Any:
    """JSON that Python code gave. Raises Unfit where it is something else."""
    match value:
        case None | bool() | int() | str():
            return value
        case float() if math.isfinite(value):
            return value
        case list() | tuple() if depth:
            return [_json(each, depth - 1) for each in value]
        case dict() if depth and all(isinstance(name, str) for name in value):
            return {name: _json(each, depth - 1) for name, each in value.items()}
    raise Unfit("JSON", value)


def _tensor(value: Any, kind: TensorType, sizes: Sizes) -> Any:
    """An array of the type's kind; whole numbers that fit become what is wanted, nothing else does."""
    from .arrays import array_of

    array = array_of(value, kind.dtype)
    if array is None:
        raise Unfit(str(kind), value)
    if kind.shape is None:
        return array
    fits = len(array.shape) == len(kind.shape)
    for size, wanted in zip(array.shape, kind.shape, strict=False):
        if isinstance(wanted, str):
            wanted = sizes.by_name.setdefault(wanted, size)
        fits = fits and wanted in (None, size)
    if not fits:
        known = ", ".join(f"{name} = {size}" for name, size in sizes.by_name.items())
        raise Unfit(f"{kind}" + (f" where {known}" if known else ""), array)
    return array
