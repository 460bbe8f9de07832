"""The functions of the language that calculate with tensors: shapes in, shapes out."""

from __future__ import annotations

from math import prod

from ...dsl import syntax as s
from ...dsl.diagnostics import Label
from ..onnx_model.signature import Dimension, DType
from ..plan.types import FLOAT, INT, ListType, RecordType, TensorType, Type
from ..typing.fit import numbers_in
from ..typing.partial import UNKNOWN, is_number, show_type
from .arguments import Arguments
from .explain import mismatch
from .inferrer import Inferrer
from .typed import Constant, ListOf, Operation, Typed

FLOATS = ListType(element=FLOAT)
IMAGE_SIZE = 224
"""Pixels on each side of an image, unless a file says so."""

_NO_NUMBERS = (DType.TEXT, DType.BOOL)
Shape = tuple[Dimension, ...] | None


def cosine(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    """Two vectors give a number, a vector and a matrix one for each row, two matrices one for each pair."""
    a, b = _numbers(inferrer, "cosine", given["a"]), _numbers(inferrer, "cosine", given["b"])
    if a is None or b is None:
        return UNKNOWN
    for typed, tensor in ((given["a"], a), (given["b"], b)):
        if tensor.shape is not None and len(tensor.shape) not in (1, 2):
            mismatch(
                inferrer, typed, (), f"`cosine` takes vectors and matrices, found {show_type(typed.type)}"
            )
            return UNKNOWN
    if a.shape is None or b.shape is None:
        return TensorType(dtype=DType.F32, shape=None)
    if not inferrer.sizes.agree(a.shape[-1], b.shape[-1]):
        mismatch(
            inferrer,
            given["b"],
            (),
            f"vectors of {a.shape[-1]} and of {b.shape[-1]} numbers cannot be compared",
            beside=[Label(inferrer.scope.span(given["a"].node), f"this is {show_type(given['a'].type)}")],
            help="both must come from the same model",
        )
        return UNKNOWN
    shape = (*a.shape[:-1], *b.shape[:-1])
    return TensorType(dtype=DType.F32, shape=shape) if shape else FLOAT


def same_shape(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    """`softmax` and `normalize` change the numbers only."""
    tensor = _numbers(inferrer, inferrer.scope.span(node.function).text, given["x"])
    return UNKNOWN if tensor is None else TensorType(dtype=DType.F32, shape=tensor.shape)


def argmax(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    """Where the largest number of the last axis is."""
    tensor = _numbers(inferrer, "argmax", given["x"])
    if tensor is None:
        return UNKNOWN
    if tensor.shape is None:
        return TensorType(dtype=DType.I64, shape=None)
    return INT if len(tensor.shape) == 1 else TensorType(dtype=DType.I64, shape=tensor.shape[:-1])


def top_k(inferrer: Inferrer, given: Arguments) -> Type:
    """The best scores with their places, and what stands there when a list is given, too."""
    tensor = _numbers(inferrer, "top_k", given["scores"])
    if tensor is None:
        return UNKNOWN
    if tensor.shape is not None and len(tensor.shape) != 1:
        shown = show_type(given["scores"].type)
        mismatch(
            inferrer, given["scores"], (), f"`scores` of `top_k` is one score for each item, found {shown}"
        )
        return UNKNOWN
    fields: dict[str, Type] = {"index": INT, "score": FLOAT}
    items = given.get("of")
    if items is not None:
        if not isinstance(items.type, ListType):
            shown = show_type(items.type)
            mismatch(
                inferrer, items, (), f"`of` of `top_k` is the list of what has the scores, found {shown}"
            )
            return UNKNOWN
        fields = {"item": items.type.element, **fields}
    return ListType(element=RecordType(fields=fields))


def concat(inferrer: Inferrer, typed: tuple[Typed, ...]) -> Type:
    """Tensors joined along their first axis."""
    first = typed[0]
    assert isinstance(first.type, TensorType)
    shape, dtype = first.type.shape, first.type.dtype
    for each in typed[1:]:
        tensor = each.type
        same = isinstance(tensor, TensorType) and tensor.dtype is dtype
        joined = _joined(inferrer, shape, tensor.shape) if isinstance(tensor, TensorType) and same else _NO
        if joined is _NO:
            shown = f"{show_type(first.type)} and {show_type(tensor)}"
            mismatch(
                inferrer,
                each,
                (),
                f"`concat` takes tensors that differ in their first size only, found {shown}",
            )
            return UNKNOWN
        assert joined is None or isinstance(joined, tuple)
        shape = joined
    return TensorType(dtype=dtype, shape=shape)


_NO = "no"


def _joined(inferrer: Inferrer, left: Shape, right: Shape) -> Shape | str:
    if left is None or right is None:
        return None
    if len(left) != len(right) or not left:
        return _NO
    if not all(inferrer.sizes.agree(a, b) for a, b in zip(left[1:], right[1:], strict=True)):
        return _NO
    a, b = left[0], right[0]
    return (a + b if isinstance(a, int) and isinstance(b, int) else None, *left[1:])


def reshape(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    """The same numbers in another shape; one size may be -1, the one that follows from the others."""
    x, wanted = given["x"], given["shape"]
    if not isinstance(x.type, TensorType):
        mismatch(inferrer, x, (), f"`reshape` takes a tensor, found {show_type(x.type)}")
        return UNKNOWN
    if not isinstance(wanted, ListOf):
        return TensorType(dtype=x.type.dtype, shape=None)
    sizes = [_known_int(item) for item in wanted.items]
    fixed = [size for size in sizes if size is not None]
    if fixed.count(-1) > 1 or any(size < -1 for size in fixed):
        inferrer.error("E0304", "a shape has sizes of 0 and more, one may be -1", wanted.node)
        return UNKNOWN
    shape = tuple(None if size == -1 else size for size in sizes)
    total = numbers_in(x.type.shape)
    if total is None or len(fixed) < len(sizes):
        return TensorType(dtype=x.type.dtype, shape=shape)
    rest = prod(size for size in fixed if size != -1)
    if -1 in fixed and rest and total % rest == 0:
        shape = tuple(total // rest if size is None else size for size in shape)
    elif total != rest or -1 in fixed:
        message = f"{total:,} numbers do not fit the shape [{', '.join(map(str, fixed))}]"
        mismatch(inferrer, x, (), message, beside=[Label(inferrer.scope.span(wanted.node), "the new shape")])
        return UNKNOWN
    return TensorType(dtype=x.type.dtype, shape=shape)


def image(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    """An image as one item of a batch: colours, rows, columns."""
    for name in ("mean", "std"):
        values = given.get(name)
        if isinstance(values, ListOf) and len(values.items) != 3:
            inferrer.error(
                "E0311",
                f"`{name}` has one number for red, green and blue, not {len(values.items)}",
                values.node,
            )
    sizes: list[Dimension] = []
    for name in ("height", "width"):
        size = given.get(name)
        known = IMAGE_SIZE if size is None else _known_int(size)
        if size is not None and known is not None and known < 1:
            inferrer.error("E0304", f"`{name}` must be at least 1, not {known}", size.node)
        sizes.append(known)
    return TensorType(dtype=DType.F32, shape=(1, 3, *sizes))


def _numbers(inferrer: Inferrer, function: str, typed: Typed) -> TensorType | None:
    """A tensor of numbers, or a list of them as one; None when it is neither, which is reported."""
    type = typed.type
    if isinstance(type, TensorType) and type.dtype not in _NO_NUMBERS:
        return type
    if isinstance(type, ListType) and is_number(type.element):
        return TensorType(dtype=DType.F32, shape=(None,))
    mismatch(inferrer, typed, (), f"`{function}` takes a tensor of numbers, found {show_type(type)}")
    return None


def _known_int(typed: Typed) -> int | None:
    """The number that a value is known to be."""
    match typed:
        case Constant(value=int() as value):
            return value
        case Operation(operator="-", operands=(Constant(value=int() as value),)):
            return -value
    return None
