"""The functions of the language that calculate with tensors: shapes in, shapes out."""

from __future__ import annotations

from ....dsl import syntax as s
from ....dsl.diagnostics import Label
from ...onnx_model.signature import Dimension, DType
from ...plan.types import FLOAT, INT, ChoiceType, ListType, RecordType, TensorType, Type
from ...typing.partial import UNKNOWN, show_type
from ..arguments import Arguments
from ..coerce import scalar, tensor_of
from ..explain import mismatch
from ..indexing import known_int
from ..inferrer import Inferrer
from ..typed import Constant, ListOf, Typed

FLOATS = ListType(element=FLOAT)
IMAGE_SIZE = 224
"""Pixels on each side of an image, unless a file says so."""

_NO_NUMBERS = (DType.TEXT, DType.BOOL)


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


def item_of(type: TensorType) -> Type:
    """What stands at one place of the first axis."""
    if type.shape is None:
        return TensorType(dtype=type.dtype, shape=None)
    return TensorType(dtype=type.dtype, shape=type.shape[1:]) if len(type.shape) > 1 else scalar(type.dtype)


LAYOUTS = ChoiceType(values=("nchw", "nhwc"))
COLORS = ChoiceType(values=("rgb", "bgr", "gray"))
FITS = ChoiceType(values=("stretch", "crop", "letterbox"))
RESAMPLING = ChoiceType(values=("bilinear", "bicubic", "lanczos", "nearest", "box"))


def image(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    """An image as one item of a batch: colours, rows and columns, in the order of its layout."""
    colors = given.get("colors")
    channels = 1 if isinstance(colors, Constant) and colors.value == "gray" else 3
    for name in ("mean", "std"):
        values = given.get(name)
        if isinstance(values, ListOf) and len(values.items) != channels:
            each = "red, green and blue" if channels == 3 else "gray"
            inferrer.error(
                "E0311",
                f"`{name}` has one number for {each}, not {len(values.items)}",
                values.node,
            )
    sizes: list[Dimension] = []
    for name in ("height", "width"):
        size = given.get(name)
        known = IMAGE_SIZE if size is None else known_int(size)
        if size is not None and known is not None and known < 1:
            inferrer.error("E0304", f"`{name}` must be at least 1, not {known}", size.node)
        sizes.append(known)
    layout = given.get("layout")
    first = (1, *sizes, channels) if isinstance(layout, Constant) and layout.value == "nhwc" else None
    return TensorType(dtype=DType.F32, shape=first or (1, channels, *sizes))


def _numbers(inferrer: Inferrer, function: str, typed: Typed) -> TensorType | None:
    """A tensor of numbers, or a list of them as one; None when it is neither, which is reported."""
    type = typed.type
    if isinstance(type, TensorType) and type.dtype not in _NO_NUMBERS:
        return type
    made = tensor_of(typed, DType.F32) if isinstance(type, ListType) else None
    if made is not None:
        assert isinstance(made.type, TensorType)
        return made.type
    mismatch(inferrer, typed, (), f"`{function}` takes a tensor of numbers, found {show_type(type)}")
    return None
