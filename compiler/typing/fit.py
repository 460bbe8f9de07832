"""Which values fit where: assignability, the common type of two values, and sizes that must agree.

Sizes are compared as far as they are known. `?` fits everything. A name of the pipeline's own signature
stands for one size throughout the pipeline; a name of what is called stands for one size in that call.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from ..onnx_model.signature import Dimension
from ..plan.types import (
    FLOAT,
    JSON,
    TEXT,
    ChoiceType,
    ListType,
    OptionalType,
    RecordType,
    TensorType,
    Type,
    TypeKind,
)
from .partial import NOTHING, UNKNOWN

_NOT_JSON = frozenset({TypeKind.BYTES, TypeKind.IMAGE, TypeKind.TENSOR})
_LARGEST_CHOICE = 500


class Sizes:
    """What the names in the tensors of one pipeline's signature stand for."""

    def __init__(self, own: Iterable[str] = ()) -> None:
        self.own = frozenset(own)
        self._known: dict[str, int | str] = {}

    def agree(self, left: Dimension, right: Dimension) -> bool:
        """Whether two sizes can be equal; if so, they are taken to be equal from now on."""
        left, right = self._resolved(left), self._resolved(right)
        if left is None or right is None or left == right:
            return True
        if left in self.own:
            self._known[str(left)] = right
        elif right in self.own:
            self._known[str(right)] = left
        elif isinstance(left, int) and isinstance(right, int):
            return False
        return True

    def _resolved(self, size: Dimension) -> Dimension:
        while isinstance(size, str) and size in self._known:
            size = self._known[size]
        return size


class Binding:
    """One call: the sizes that the names in the callee's types stand for in it.

    names: False where a value is compared with a type of the pipeline itself, whose names are its own.
    """

    def __init__(self, sizes: Sizes, names: bool = True) -> None:
        self._sizes = sizes
        self._names = names
        self._bound: dict[str, Dimension] = {}

    def fits(self, actual: Dimension, expected: Dimension) -> bool:
        """Whether a size may stand where `expected` is asked for."""
        if expected is None or actual is None:
            return True
        if isinstance(expected, int) or not self._names:
            return self._sizes.agree(actual, expected)
        first = self._bound.get(expected)
        if first is None:
            self._bound[expected] = actual
            return True
        return self._sizes.agree(first, actual)

    def bound(self, name: str, default: Dimension) -> Dimension:
        """The size that a name of the callee stands for here. Exporters often give one size two names."""
        return self._bound.get(name, default)

    def given(self, type: Type) -> Type:
        """A type of the callee, with its names replaced by what they stand for here."""
        match type:
            case TensorType(shape=shape) if shape is not None:
                return TensorType(dtype=type.dtype, shape=tuple(map(self._size, shape)))
            case ListType():
                return ListType(element=self.given(type.element))
            case OptionalType():
                return OptionalType(inner=self.given(type.inner))
            case RecordType():
                fields = {name: self.given(each) for name, each in type.fields.items()}
                return type if fields == type.fields else RecordType(name=type.name, fields=fields)
        return type

    def _size(self, size: Dimension) -> Dimension:
        if not isinstance(size, str):
            return size
        bound = self._bound.get(size)
        if bound is not None:
            return bound
        return None if size in self._sizes.own else size


def fits(actual: Type, expected: Type, binding: Binding) -> bool:
    """Whether a value of the type `actual` may stand where `expected` is asked for."""
    if actual is expected or actual is UNKNOWN or expected is UNKNOWN or actual is NOTHING:
        return True
    match expected:
        case OptionalType(inner=inner):
            return fits(actual.inner if isinstance(actual, OptionalType) else actual, inner, binding)
        case ChoiceType(values=values):
            return isinstance(actual, ChoiceType) and set(actual.values) <= set(values)
        case ListType(element=element):
            return isinstance(actual, ListType) and fits(actual.element, element, binding)
        case RecordType():
            return isinstance(actual, RecordType) and all(
                fits(actual.fields[name], each, binding)
                if name in actual.fields
                else isinstance(each, OptionalType)
                for name, each in expected.fields.items()
            )
        case TensorType():
            return isinstance(actual, TensorType) and _tensor_fits(actual, expected, binding)
    match expected.kind:
        case TypeKind.FLOAT:
            return actual.kind is TypeKind.INT or actual.kind is TypeKind.FLOAT
        case TypeKind.TEXT:
            return actual.kind is TypeKind.TEXT or actual.kind is TypeKind.CHOICE
        case TypeKind.JSON:
            return is_jsonable(actual)
        case kind:
            return actual.kind is kind


def _tensor_fits(actual: TensorType, expected: TensorType, binding: Binding) -> bool:
    if actual.dtype is not expected.dtype:
        return False
    if actual.shape is None or expected.shape is None:
        return True
    return len(actual.shape) == len(expected.shape) and all(
        binding.fits(mine, theirs) for mine, theirs in zip(actual.shape, expected.shape, strict=True)
    )


def is_jsonable(type: Type) -> bool:
    """Whether values of the type can be written as JSON."""
    match type:
        case ListType(element=inner) | OptionalType(inner=inner):
            return is_jsonable(inner)
        case RecordType(fields=fields):
            return all(map(is_jsonable, fields.values()))
    return type.kind not in _NOT_JSON


def common(left: Type, right: Type) -> Type | None:
    """The type of a value that has one type or the other, None when no type fits both."""
    if left is UNKNOWN or right is UNKNOWN:
        return UNKNOWN
    if left == right or right is NOTHING:
        return left
    if left is NOTHING:
        return right
    match left, right:
        case (OptionalType(), _) | (_, OptionalType()):
            inner = common(
                left.inner if isinstance(left, OptionalType) else left,
                right.inner if isinstance(right, OptionalType) else right,
            )
            return OptionalType(inner=inner) if inner is not None else None
        case ChoiceType(), ChoiceType():
            values = tuple(dict.fromkeys((*left.values, *right.values)))
            return ChoiceType(values=values) if len(values) <= _LARGEST_CHOICE else TEXT
        case ListType(), ListType():
            element = common(left.element, right.element)
            return ListType(element=element) if element is not None else None
        case RecordType(), RecordType() if left.fields.keys() == right.fields.keys():
            return _common_record(left, right)
        case TensorType(), TensorType() if left.dtype is right.dtype:
            return TensorType(dtype=left.dtype, shape=_common_shape(left.shape, right.shape))
    kinds = {left.kind, right.kind}
    if kinds == {TypeKind.INT, TypeKind.FLOAT}:
        return FLOAT
    if kinds == {TypeKind.TEXT, TypeKind.CHOICE}:
        return TEXT
    if TypeKind.JSON in kinds and is_jsonable(left) and is_jsonable(right):
        return JSON
    return None


def _common_record(left: RecordType, right: RecordType) -> Type | None:
    fields: dict[str, Type] = {}
    for name, each in left.fields.items():
        both = common(each, right.fields[name])
        if both is None:
            return None
        fields[name] = both
    return RecordType(name=left.name if left.name == right.name else None, fields=fields)


def _common_shape(
    left: tuple[Dimension, ...] | None, right: tuple[Dimension, ...] | None
) -> tuple[Dimension, ...] | None:
    if left is None or right is None or len(left) != len(right):
        return None
    return tuple(mine if mine == theirs else None for mine, theirs in zip(left, right, strict=True))


def numbers_in(shape: tuple[Dimension, ...] | None) -> int | None:
    """How many numbers a tensor of this shape has, None when a size is open."""
    sizes = [size for size in shape or () if isinstance(size, int)]
    return prod(sizes) if shape is not None and len(sizes) == len(shape) else None


def sizes_in(types: Iterable[Type]) -> set[str]:
    """The names of sizes in the tensors of `types`."""
    found: set[str] = set()
    waiting = list(types)
    while waiting:
        match waiting.pop():
            case TensorType(shape=shape):
                found.update(size for size in shape or () if isinstance(size, str))
            case ListType(element=inner) | OptionalType(inner=inner):
                waiting.append(inner)
            case RecordType(fields=fields):
                waiting += fields.values()
    return found
