"""The functions of the language that put tensors together and take them apart: shapes in, shapes out."""

from __future__ import annotations

from math import prod

from ....dsl import syntax as s
from ....dsl.diagnostics import Label
from ...onnx_model.signature import Dimension, DType
from ...plan.types import FLOAT, INT, ChoiceType, ListType, RecordType, TensorType, Type
from ...typing.fit import numbers_in
from ...typing.partial import UNKNOWN, is_number, show_type
from ..arguments import Arguments
from ..coerce import FLOATS, scalar, tensor_of
from ..explain import mismatch
from ..indexing import known_int
from ..inferrer import Inferrer
from ..typed import Constant, ListOf, Typed

CASTS = ChoiceType(
    values=tuple(
        dtype.value
        for dtype in (
            *(DType.F32, DType.F16, DType.F64, DType.I64, DType.I32, DType.I16, DType.I8),
            *(DType.U8, DType.U16, DType.U32, DType.U64, DType.BOOL),
        )
    )
)
"""Types of numbers that a file can ask for."""

Shape = tuple[Dimension, ...] | None
_MOST_AXES = 8


def tensor(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    """A number, or lists of values, as a tensor."""
    x = _tensor(
        inferrer, "tensor", given, "x", DType(_word(given.get("dtype"))) if "dtype" in given else None
    )
    return UNKNOWN if x is None else x


def zeros(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    """A tensor of zeros."""
    sizes = _sizes(inferrer, given["shape"], least=0)
    return TensorType(dtype=_dtype(given, DType.F32), shape=sizes)


def cast(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    """The same numbers as another type."""
    x = _tensor(inferrer, "cast", given, "x")
    if x is not None and x.dtype is DType.TEXT:
        mismatch(inferrer, given["x"], (), f"`cast` takes numbers, found {show_type(x)}")
        return UNKNOWN
    return UNKNOWN if x is None else TensorType(dtype=_dtype(given, DType.F32), shape=x.shape)


def reshape(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    """The same numbers in another shape; one size may be -1, the one that follows from the others."""
    x = _tensor(inferrer, "reshape", given, "x")
    if x is None:
        return UNKNOWN
    shape = _sizes(inferrer, given["shape"], least=-1)
    if shape is None:
        return TensorType(dtype=x.dtype, shape=None)
    fixed = [size for size in shape if isinstance(size, int)]
    if fixed.count(-1) > 1:
        inferrer.error("E0304", "a shape has one size of -1 at most", given["shape"].node)
        return UNKNOWN
    open_shape = tuple(None if size == -1 else size for size in shape)
    total = numbers_in(x.shape)
    if total is None or len(fixed) < len(shape):
        return TensorType(dtype=x.dtype, shape=open_shape)
    rest = prod(size for size in fixed if size != -1)
    if -1 in fixed and rest and total % rest == 0:
        return TensorType(dtype=x.dtype, shape=tuple(total // rest if size == -1 else size for size in shape))
    if total != rest or -1 in fixed:
        message = f"{total:,} numbers do not fit the shape [{', '.join(map(str, fixed))}]"
        place = Label(inferrer.scope.span(given["shape"].node), "the new shape")
        mismatch(inferrer, given["x"], (), message, beside=[place])
        return UNKNOWN
    return TensorType(dtype=x.dtype, shape=open_shape)


def transpose(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    """The axes in another order, reversed where none is said."""
    x = _tensor(inferrer, "transpose", given, "x")
    if x is None:
        return UNKNOWN
    axes = given.get("axes")
    if axes is None:
        return TensorType(dtype=x.dtype, shape=x.shape and tuple(reversed(x.shape)))
    order = _ints(axes)
    if order is None:
        return TensorType(dtype=x.dtype, shape=x.shape and tuple(None for _ in x.shape))
    rank = len(x.shape) if x.shape is not None else len(order)
    if sorted(order) != list(range(rank)):
        inferrer.error("E0304", f"`axes` names each of 0 to {rank - 1} once", axes.node)
        return UNKNOWN
    return TensorType(dtype=x.dtype, shape=x.shape and tuple(x.shape[axis] for axis in order))


def reduced(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    """`sum`, `mean`, `max` and `min`: one number for all, or for each place beside an axis."""
    function = inferrer.scope.span(node.function).text
    numbers = given["x"]
    x = _tensor(inferrer, function, given, "x")
    if x is None:
        return UNKNOWN
    if isinstance(numbers, ListOf) and len(numbers.items) == 1 and is_number(numbers.items[0].type):
        inferrer.found.warning(
            "W0619",
            f"the `{function}` of one number is that number",
            inferrer.scope.span(numbers.node),
            "only one is written here",
            help="write the others, or the number alone",
        )
    if x.dtype in (DType.TEXT, DType.BOOL):
        mismatch(inferrer, given["x"], (), f"`{function}` takes numbers, found {show_type(x)}")
        return UNKNOWN
    dtype = x.dtype
    if dtype not in FLOATS and function in ("mean", "sum"):
        dtype = DType.F32 if function == "mean" else DType.I64
    if "axis" not in given or (x.shape is not None and len(x.shape) == 1):
        return scalar(dtype)
    axis = known_int(given["axis"])
    if x.shape is None or axis is None:
        return TensorType(dtype=dtype, shape=x.shape and tuple(None for _ in x.shape[1:]))
    if not -len(x.shape) <= axis < len(x.shape):
        inferrer.error("E0304", f"there is no axis {axis} in {show_type(x)}", given["axis"].node)
        return UNKNOWN
    at = axis % len(x.shape)
    return TensorType(dtype=dtype, shape=(*x.shape[:at], *x.shape[at + 1 :]))


def stack(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    """Tensors of one shape along a new first axis."""
    items = given["x"]
    element = items.type.element if isinstance(items.type, ListType) else None
    if not isinstance(element, TensorType):
        shown = show_type(items.type)
        mismatch(inferrer, items, (), f"`stack` takes a list of tensors of one shape, found {shown}")
        return UNKNOWN
    count = len(items.items) if isinstance(items, ListOf) else None
    return TensorType(
        dtype=element.dtype, shape=element.shape if element.shape is None else (count, *element.shape)
    )


def concat(inferrer: Inferrer, typed: tuple[Typed, ...], axis: Typed | None) -> Type:
    """Tensors joined along an axis, the first one unless another is said."""
    first = typed[0].type
    assert isinstance(first, TensorType)
    known = 0 if axis is None else known_int(axis)
    shape: Shape = first.shape
    for each in typed[1:]:
        other = each.type
        fits = isinstance(other, TensorType) and other.dtype is first.dtype
        assert isinstance(other, TensorType) or not fits
        if isinstance(other, TensorType) and fits and (shape is None or other.shape is None):
            shape = None
            continue
        joined = (
            _joined(inferrer, shape, other.shape, known) if isinstance(other, TensorType) and fits else ()
        )
        if not joined:
            shown = f"{show_type(first)} and {show_type(other)}"
            which = "in their first size" if axis is None else "along one axis"
            mismatch(inferrer, each, (), f"`concat` takes tensors that differ {which} only, found {shown}")
            return UNKNOWN
        shape = joined
    return TensorType(dtype=first.dtype, shape=shape)


def split(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    """Parts of equal size along an axis."""
    x = _tensor(inferrer, "split", given, "x")
    if x is None:
        return UNKNOWN
    parts = known_int(given["parts"])
    axis = known_int(given["axis"]) if "axis" in given else 0
    if parts is not None and parts < 1:
        inferrer.error("E0304", f"there is at least 1 part, not {parts}", given["parts"].node)
        return UNKNOWN
    if x.shape is None or axis is None:
        return ListType(element=TensorType(dtype=x.dtype, shape=x.shape and tuple(None for _ in x.shape)))
    if not -len(x.shape) <= axis < len(x.shape):
        inferrer.error(
            "E0304", f"there is no axis {axis} in {show_type(x)}", given.get("axis", given["x"]).node
        )
        return UNKNOWN
    sizes = list(x.shape)
    whole = sizes[axis]
    if isinstance(whole, int) and parts is not None and whole % parts:
        mismatch(inferrer, given["x"], (), f"{whole} is not {parts} parts of one size")
        return UNKNOWN
    sizes[axis] = whole // parts if isinstance(whole, int) and parts is not None else None
    return ListType(element=TensorType(dtype=x.dtype, shape=tuple(sizes)))


def windows(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    """Parts of one size along the first axis, which may overlap."""
    x = _tensor(inferrer, "windows", given, "x")
    if x is None:
        return UNKNOWN
    if x.shape == ():
        mismatch(inferrer, given["x"], (), "one number has no axis to take windows of")
        return UNKNOWN
    size, step = known_int(given["size"]), known_int(given["step"])
    for name, known in (("size", size), ("step", step)):
        if known is not None and known < 1:
            inferrer.error("E0304", f"`{name}` must be at least 1, not {known}", given[name].node)
            return UNKNOWN
    if x.shape is None:
        return x
    whole = x.shape[0]
    count = None
    if isinstance(whole, int) and size is not None and step is not None:
        count = (whole - size) // step + 1 if whole >= size else 0
    return TensorType(dtype=x.dtype, shape=(count, size, *x.shape[1:]))


def regions(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    """Stretches of a vector, boxes of a matrix."""
    x = _tensor(inferrer, "regions", given, "x")
    if x is None:
        return UNKNOWN
    rank = len(x.shape) if x.shape is not None else 0
    if x.dtype in (DType.TEXT, DType.BOOL) or rank not in (1, 2):
        shown = show_type(given["x"].type)
        mismatch(inferrer, given["x"], (), f"`regions` takes a vector or a matrix of numbers, found {shown}")
        return UNKNOWN
    for name in ("gap", "grow"):
        if name in given and (name == "gap") is (rank == 2):
            one = "a matrix" if rank == 2 else "a vector"
            inferrer.error("E0311", f"regions of {one} have no `{name}`", given[name].node)
            return UNKNOWN
    places = ("start", "end") if rank == 1 else ("left", "top", "right", "bottom")
    fields: dict[str, Type] = dict.fromkeys(places, INT)
    return ListType(element=RecordType(fields={**fields, "score": FLOAT}))


def _tensor(
    inferrer: Inferrer, function: str, given: Arguments, name: str, dtype: DType | None = None
) -> TensorType | None:
    """The type of an argument that is a tensor, or made one; None when it is none, which is reported."""
    typed = given[name]
    made = tensor_of(typed, dtype)
    if made is None:
        what = "a number, or lists of values of one type" if function == "tensor" else "a tensor"
        kind = f" of {dtype}" if dtype is not None else ""
        mismatch(inferrer, typed, (), f"`{function}` takes {what}{kind}, found {show_type(typed.type)}")
        return None
    given[name] = made
    assert isinstance(made.type, TensorType)
    return made.type


def _joined(inferrer: Inferrer, left: Shape, right: Shape, axis: int | None) -> tuple[Dimension, ...]:
    """The shape of both along `axis`; empty where they do not fit."""
    if left is None or right is None or len(left) != len(right):
        return ()
    if axis is None:
        return tuple(None for _ in left)
    if not -len(left) <= axis < len(left):
        return ()
    at = axis % len(left)
    pairs = list(zip(left, right, strict=True))
    if not all(inferrer.sizes.agree(a, b) for place, (a, b) in enumerate(pairs) if place != at):
        return ()
    a, b = pairs[at]
    return (*left[:at], a + b if isinstance(a, int) and isinstance(b, int) else None, *left[at + 1 :])


def _dtype(given: Arguments, default: DType) -> DType:
    return DType(_word(given["dtype"])) if "dtype" in given else default


def _word(typed: Typed | None) -> str:
    """The type that is named; the type of the argument says that it is one of them."""
    assert typed is not None
    if isinstance(typed, Constant):
        return str(typed.value)
    assert isinstance(typed.type, ChoiceType)
    return typed.type.values[0]


def _ints(typed: Typed) -> list[int] | None:
    """The numbers that a list is known to have."""
    if isinstance(typed, ListOf):
        known = [known_int(item) for item in typed.items]
        return [each for each in known if each is not None] if None not in known else None
    if isinstance(typed, Constant) and isinstance(typed.value, list):
        return [each for each in typed.value if isinstance(each, int)]
    return None


def _sizes(inferrer: Inferrer, typed: Typed, least: int) -> Shape:
    """The shape that a list of sizes is known to be; None where even its length is open."""
    if isinstance(typed, ListOf):
        sizes: Shape = tuple(known_int(item) for item in typed.items)
    else:
        known = _ints(typed)
        sizes = None if known is None else tuple(known)
    if sizes is not None and (
        len(sizes) > _MOST_AXES or any(isinstance(size, int) and size < least for size in sizes)
    ):
        one = ", one may be -1" if least < 0 else ""
        inferrer.error("E0304", f"a shape has up to {_MOST_AXES} sizes of 0 and more{one}", typed.node)
        return None
    return sizes
