"""Values made into what is asked for, where that loses nothing: lists, numbers and JSON, and tensors."""

from __future__ import annotations

from collections.abc import Iterable

from ..onnx_model.signature import Dimension, DType
from ..plan.types import (
    BOOL,
    FLOAT,
    INT,
    JSON,
    TEXT,
    ListType,
    OptionalType,
    RecordType,
    TensorType,
    Type,
    TypeKind,
)
from ..typing.fit import Binding, fits
from ..typing.partial import NOTHING, is_number, is_text, without_optional
from .inferrer import Inferrer
from .typed import BuiltinCall, Constant, Conversion, ListOf, Typed

FLOATS = (DType.F32, DType.F16, DType.BF16, DType.F64)
"""Types of elements that a file computes with as `float`."""


def taken_as(
    inferrer: Inferrer, typed: Typed, expected: Type, binding: Binding | None = None
) -> Typed | None:
    """What stands for `typed` where `expected` is asked for; None where it cannot."""
    binding = binding or Binding(inferrer.sizes)
    if fits(typed.type, expected, binding):
        return typed
    made = _made(typed, without_optional(expected))
    if made is None or not fits(made.type, expected, binding):
        return None
    return made


def first_that_fits(
    inferrer: Inferrer, typed: Typed, types: Iterable[Type], binding: Binding | None = None
) -> Typed | None:
    """The same where any of `types` may stand: as it is, if one of them is its own."""
    types = tuple(types)
    if any(fits(typed.type, type, binding or Binding(inferrer.sizes)) for type in types):
        return typed
    made = (taken_as(inferrer, typed, type, binding) for type in types)
    return next((each for each in made if each is not None), None)


def tensor_of(typed: Typed, dtype: DType | None = None) -> Typed | None:
    """A tensor as it is; a list or a number as a tensor, of `dtype` or the type that its values have.

    None for everything else.
    """
    if isinstance(typed.type, TensorType):
        return typed if dtype in (None, typed.type.dtype) else None
    rank, element = _depth(typed.type)
    dtype = dtype or _dtype(element)
    if dtype is None or not _holds(dtype, element):
        return None
    shape = _sizes(typed, rank)
    return Conversion(typed.node, TensorType(dtype=dtype, shape=shape), typed)


def as_json(typed: Typed) -> Typed:
    """The same with each tensor in it as lists in lists."""
    plain = _without_tensors(typed.type)
    return typed if plain == typed.type else BuiltinCall(typed.node, plain, "json", (typed,), {})


def scalar(dtype: DType) -> Type:
    """The type of one element."""
    if dtype in FLOATS:
        return FLOAT
    return {DType.BOOL: BOOL, DType.TEXT: TEXT}.get(dtype, INT)


def _made(typed: Typed, expected: Type) -> Typed | None:
    if isinstance(expected, TensorType):
        return tensor_of(typed, expected.dtype)
    target = _target(typed.type, expected)
    if target == typed.type:
        return None
    plain = as_json(typed)
    return plain if target == plain.type else Conversion(typed.node, target, plain)


def _target(actual: Type, expected: Type) -> Type:
    """What `actual` becomes where `expected` is asked for, as far as lists, JSON and tensors go."""
    match actual, expected:
        case TensorType(), TensorType():
            return actual
        case TensorType(), Type(kind=TypeKind.JSON):
            return JSON
        case TensorType(dtype=dtype, shape=shape), _:
            made = scalar(dtype)
            for _ in range(len(shape) if shape is not None else _depth(expected)[0]):
                made = ListType(element=made)
            return made
        case _, TensorType(dtype=dtype):
            rank, element = _depth(actual)
            shown = TensorType(dtype=dtype, shape=(None,) * rank)
            return shown if _holds(dtype, element) else actual
        case _, OptionalType(inner=inner):
            return _target(actual, inner)
        case OptionalType(inner=inner), _:
            return OptionalType(inner=_target(inner, expected))
        case ListType(element=element), ListType(element=wanted):
            return ListType(element=_target(element, wanted))
        case RecordType(name=name, fields=fields), RecordType(fields=wanted):
            made_of = {key: _target(each, wanted.get(key, each)) for key, each in fields.items()}
            return RecordType(name=name, fields=made_of)
        case _, Type(kind=TypeKind.JSON):
            return _without_tensors(actual)
    return actual


def _without_tensors(type: Type) -> Type:
    """The type as it is in JSON, where a tensor is any JSON."""
    match type:
        case TensorType():
            return JSON
        case ListType(element=element):
            return ListType(element=_without_tensors(element))
        case OptionalType(inner=inner):
            return OptionalType(inner=_without_tensors(inner))
        case RecordType(fields=fields):
            plain = {name: _without_tensors(each) for name, each in fields.items()}
            return type if plain == fields else RecordType(fields=plain)
    return type


def _depth(type: Type) -> tuple[int, Type]:
    """How many lists are in each other, and what is in the innermost ones."""
    depth = 0
    while isinstance(type, ListType):
        depth, type = depth + 1, type.element
    return depth, type


def _dtype(element: Type) -> DType | None:
    """The type of the elements of a tensor of such values."""
    if is_number(element):
        return DType.I64 if element.kind is TypeKind.INT else DType.F32
    if element is NOTHING:
        return DType.F32
    if is_text(element):
        return DType.TEXT
    return DType.BOOL if element.kind is TypeKind.BOOL else None


def _holds(dtype: DType, element: Type) -> bool:
    """Whether a tensor of `dtype` holds such values as they are."""
    if element is NOTHING:
        return True
    if dtype in FLOATS:
        return is_number(element)
    if dtype is DType.TEXT:
        return is_text(element)
    return element.kind is (TypeKind.BOOL if dtype is DType.BOOL else TypeKind.INT)


def _sizes(typed: Typed, rank: int) -> tuple[Dimension, ...]:
    """The sizes that a list written out has; those of all other lists are open."""
    sizes: list[Dimension] = []
    known: Typed | None = typed
    for _ in range(rank):
        items: object = None
        if isinstance(known, ListOf):
            items = known.items
        elif isinstance(known, Constant):
            items = known.value
        sizes.append(len(items) if isinstance(items, tuple | list) else None)
        known = known.items[0] if isinstance(known, ListOf) and known.items else None
    return tuple(sizes)
