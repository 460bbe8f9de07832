"""`x[0]`, `x[1:3, :]`, `x["name"]`: parts of lists, texts, bytes, tensors and records."""

from __future__ import annotations

from ...dsl import syntax as s
from ..onnx_model.signature import Dimension, DType
from ..plan.types import TEXT, ListType, RecordType, TensorType, Type, TypeKind
from ..typing.partial import UNKNOWN, is_known, is_optional, is_text, show_type
from .coerce import scalar, tensor_of
from .explain import mismatch, written
from .fields import field_of
from .inferrer import Inferrer
from .typed import At, Constant, IndexOf, Mistake, Operation, Typed


def infer_index(inferrer: Inferrer, node: s.Index) -> Typed:
    """A part of a value; what is outside of it shows when the pipeline runs."""
    of = inferrer.infer(node.base)
    [first, *others] = node.indices
    if isinstance(first, s.Text) and not others and isinstance(of.type, RecordType):
        name = inferrer.infer(first)
        if isinstance(name, Constant):
            identifier = s.Identifier(first.start, first.end, str(name.value))
            return field_of(inferrer, of, s.Member(node.start, node.end, node.base, identifier))
    places = tuple(_place(inferrer, each) for each in node.indices)
    if of.type is UNKNOWN or any(not is_known(each.type) for place in places for each in place.parts):
        return Mistake(node, UNKNOWN)
    type = _type(inferrer, of, places)
    return Mistake(node, UNKNOWN) if type is None else IndexOf(node, type, of, places)


def known_int(typed: Typed | None) -> int | None:
    """The number that a value is known to be."""
    match typed:
        case Constant(value=int() as value):
            return value
        case Operation(operator="-", operands=(Constant(value=int() as value),)):
            return -value
    return None


def _place(inferrer: Inferrer, node: s.Expression) -> At:
    if isinstance(node, s.Slice):
        first, last = (None if each is None else inferrer.infer(each) for each in (node.first, node.last))
        for bound in (first, last):
            if bound is not None and is_known(bound.type) and bound.type.kind is not TypeKind.INT:
                mismatch(
                    inferrer, bound, (), f"a slice goes from an int to an int, found {show_type(bound.type)}"
                )
        return At(first=first, last=last, is_slice=True)
    index = inferrer.infer(node)
    if isinstance(index.type, ListType):
        index = tensor_of(index, DType.I64) or index
    return At(first=index)


def _type(inferrer: Inferrer, of: Typed, places: tuple[At, ...]) -> Type | None:
    if isinstance(of.type, TensorType):
        return _part_of_tensor(inferrer, of, of.type, places)
    if is_optional(of.type):
        advice = f"say what then: `({written(inferrer, of)} else …)[…]`"
        mismatch(inferrer, of, (), f"{show_type(of.type)} may be missing, and then has no parts", help=advice)
        return None
    if not (is_text(of.type) or isinstance(of.type, ListType) or of.type.kind is TypeKind.BYTES):
        message = f"`[…]` takes a part of a list, a text, bytes or a tensor, found {show_type(of.type)}"
        mismatch(inferrer, of, (), message, help=_instead(of.type))
        return None
    if len(places) > 1:
        inferrer.error("E0311", f"{show_type(of.type)} has one axis, not {len(places)}", of.node)
        return None
    [place] = places
    if place.is_slice:
        return TEXT if is_text(of.type) else of.type
    if not _is_int(inferrer, place.first):
        return None
    if isinstance(of.type, ListType):
        return of.type.element
    if is_text(of.type):
        return TEXT
    mismatch(inferrer, of, (), "single bytes have no type: take a slice, `x[0:1]`")
    return None


def _instead(type: Type) -> str | None:
    if type.kind is TypeKind.JSON:
        return "read it as a type first, with `as T`, or take a part of it with `json_path`"
    return 'name a field in quotes: `x["name"]`' if isinstance(type, RecordType) else None


def _is_int(inferrer: Inferrer, index: Typed | None) -> bool:
    assert index is not None
    if index.type.kind is TypeKind.INT:
        return True
    mismatch(inferrer, index, (), f"a place is an int, found {show_type(index.type)}")
    return False


def _part_of_tensor(inferrer: Inferrer, of: Typed, tensor: TensorType, places: tuple[At, ...]) -> Type | None:
    picked = 0
    for place in places:
        index = place.first
        if place.is_slice or index is None or index.type.kind is TypeKind.INT:
            continue
        picked += 1
        if not _is_places(index.type) or picked > 1:
            message = "a place in a tensor is an int, or one list of ints"
            mismatch(inferrer, index, (), f"{message}, found {show_type(index.type)}")
            return None
    if tensor.shape is None:
        return TensorType(dtype=tensor.dtype, shape=None)
    if len(places) > len(tensor.shape):
        shown = show_type(tensor)
        inferrer.error("E0311", f"{shown} has {len(tensor.shape)} axes, not {len(places)}", of.node)
        return None
    sizes: list[Dimension] = []
    for place, size in zip(places, tensor.shape, strict=False):
        if place.is_slice:
            sizes.append(_length(place, size))
        elif place.first is not None and isinstance(place.first.type, TensorType):
            shape = place.first.type.shape
            sizes.append(shape[0] if shape else None)
        elif not _is_inside(inferrer, place.first, size):
            return None
    shape = (*sizes, *tensor.shape[len(places) :])
    return TensorType(dtype=tensor.dtype, shape=shape) if shape else scalar(tensor.dtype)


def _is_places(type: Type) -> bool:
    return (
        isinstance(type, TensorType)
        and type.dtype in (DType.I64, DType.I32, DType.BOOL)
        and (type.shape is None or len(type.shape) == 1)
    )


def _is_inside(inferrer: Inferrer, index: Typed | None, size: Dimension) -> bool:
    known = known_int(index)
    if known is None or not isinstance(size, int) or -size <= known < size:
        return True
    assert index is not None
    inferrer.error("E0304", f"there is no place {known} on an axis of {size}", index.node)
    return False


def _length(place: At, size: Dimension) -> Dimension:
    """The size of a slice, as far as its ends and what it is taken from are known."""
    if place.first is None and place.last is None:
        return size
    first, last = known_int(place.first), known_int(place.last)
    is_known = (first is None) == (place.first is None) and (last is None) == (place.last is None)
    return len(range(size)[first:last]) if is_known and isinstance(size, int) else None
