"""The functions of the language that calculate with tensors; lists of numbers count as vectors."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy
from numpy.typing import NDArray

from .....compiler.plan import DType
from ....requests.errors import StepFailed
from ..values.arrays import ARRAY_TYPES
from ..values.shapes import shape_of

Array = NDArray[Any]

MAX_PAIRS = 16_000_000
"""Numbers that `cosine` of two matrices gives."""

MAX_NUMBERS = 64_000_000
"""Numbers of a tensor that a pipeline makes of nothing."""

MAX_PARTS = 200_000
"""Parts that a tensor is taken into."""


def cosine(a: Any, b: Any) -> float | Array:
    """Two vectors: a number; a vector and a matrix: [rows]; two matrices: [rows of a, rows of b].

    The cosine of a zero vector is 0.
    """
    left, right = _floats(a), _floats(b)
    if left.ndim not in (1, 2) or right.ndim not in (1, 2):
        raise StepFailed(f"`cosine` takes vectors and matrices, not {shape_of(left)} and {shape_of(right)}")
    rows, columns = numpy.atleast_2d(left), numpy.atleast_2d(right)
    if not left.size or not right.size:  # no rows, of whatever length
        values = numpy.zeros(
            (len(rows) if left.size else 0, len(columns) if right.size else 0), numpy.float32
        )
    elif rows.shape[1] != columns.shape[1]:
        raise StepFailed(f"`cosine` takes vectors of one length, not {shape_of(left)} and {shape_of(right)}")
    elif len(rows) * len(columns) > MAX_PAIRS:
        raise StepFailed(
            f"`cosine` of {shape_of(left)} and {shape_of(right)} has more than {MAX_PAIRS:,} numbers"
        )
    else:
        values = normalize(rows) @ normalize(columns).T
    if left.ndim == right.ndim == 1:
        return float(values[0, 0]) if values.size else 0.0
    if left.ndim == 1:
        return values.reshape(-1)
    return values.reshape(-1) if right.ndim == 1 else values


def softmax(x: Any) -> Array:
    """Over the last axis."""
    values = _floats(x)
    if not values.size:
        return values
    powers = numpy.exp(values - values.max(axis=-1, keepdims=True))
    quotients: Array = powers / powers.sum(axis=-1, keepdims=True)
    return quotients


def argmax(x: Any) -> int | Array:
    """Where the largest number of the last axis is: of a vector, a number."""
    values = numpy.asarray(x)
    if not values.ndim or not values.shape[-1]:
        raise StepFailed(f"`argmax` finds nothing in {shape_of(values)}")
    places = values.argmax(axis=-1)
    return int(places) if values.ndim == 1 else places.astype(numpy.int64)


def top_k(scores: Any, k: int, of: Sequence[Any] | None = None) -> list[dict[str, Any]]:
    """The `k` best of a vector, the best first; of those that are equal, the first one first."""
    values = numpy.asarray(scores)
    if values.ndim != 1:
        raise StepFailed(f"`scores` of `top_k` must be one score for each item, not {shape_of(values)}")
    if k < 0:
        raise StepFailed(f"`k` of `top_k` must be at least 0, not {k}")
    if of is not None and len(of) != len(values):
        raise StepFailed(f"`top_k` has {len(values)} scores for a list of {len(of)}")
    order = numpy.argsort(-values.astype(numpy.float64), kind="stable")[:k].tolist()
    best = [{"index": index, "score": float(values[index])} for index in order]
    return best if of is None else [{"item": of[each["index"]], **each} for each in best]


def normalize(x: Any) -> Array:
    """Of length 1 over the last axis; a zero vector stays zero."""
    values = _floats(x)
    lengths = numpy.linalg.norm(values, axis=-1, keepdims=True)
    scaled: Array = values / numpy.where(lengths == 0, 1, lengths)
    return scaled


def reshape(x: Any, shape: Sequence[int]) -> Array:
    """The same numbers in another shape; one size may be -1."""
    values = numpy.asarray(x)
    try:
        return values.reshape(tuple(shape))
    except (ValueError, OverflowError, TypeError):
        wanted = ", ".join(map(str, shape))
        raise StepFailed(f"{shape_of(values)} does not fit the shape [{wanted}]") from None


def concat(*tensors: Array, axis: int = 0) -> Array:
    """Along an axis."""
    try:
        return numpy.concatenate(tensors, axis)
    except ValueError:
        shown = " and ".join(map(shape_of, tensors))
        raise StepFailed(f"`concat` takes tensors that differ along axis {axis} only, not {shown}") from None


def zeros(shape: Sequence[int], dtype: str = "f32") -> Array:
    """A tensor of zeros."""
    if any(size < 0 for size in shape) or prod(shape) > MAX_NUMBERS:
        wanted = ", ".join(map(str, shape))
        raise StepFailed(f"`zeros` makes up to {MAX_NUMBERS:,} numbers, and not [{wanted}]")
    return numpy.zeros(tuple(shape), ARRAY_TYPES[DType(dtype)])


def tensor(x: Array, dtype: str = "f32") -> Array:
    """What is one already: lists were made one before."""
    return x


def cast(x: Array, dtype: str) -> Array:
    """Numbers of another type. Raises StepFailed for those that it cannot hold."""
    wanted = ARRAY_TYPES[DType(dtype)]
    if wanted.kind in "iu" and x.size:
        limits = numpy.iinfo(wanted)
        if not numpy.isfinite(x).all() or x.min() < limits.min or x.max() > limits.max:
            raise StepFailed(f"{shape_of(x)} has numbers that are no {dtype}")
    with numpy.errstate(over="ignore"):
        return x.astype(wanted)


def transpose(x: Array, axes: Sequence[int] | None = None) -> Array:
    """The axes in another order."""
    try:
        return x.transpose(axes)
    except (ValueError, TypeError):
        raise StepFailed(f"`axes` of `transpose` must name each axis of {shape_of(x)} once") from None


def sum(x: Array, axis: int | None = None) -> Any:
    """Integers as 64 bits."""
    return _reduced("sum", x, axis, numpy.int64 if x.dtype.kind in "iu" else x.dtype)


def mean(x: Array, axis: int | None = None) -> Any:
    """Integers as f32."""
    return _reduced("mean", x, axis, numpy.float32 if x.dtype.kind in "iu" else x.dtype)


def max(x: Array, axis: int | None = None) -> Any:
    """The largest."""
    return _reduced("max", x, axis)


def min(x: Array, axis: int | None = None) -> Any:
    """The least."""
    return _reduced("min", x, axis)


def _reduced(name: str, x: Array, axis: int | None, dtype: Any = None) -> Any:
    """A number where no axis is left. Raises StepFailed."""
    if not x.size and name != "sum":
        raise StepFailed(f"`{name}` of {shape_of(x)}, which holds nothing, is nothing")
    try:
        reduce: Any = getattr(numpy, name)
        found = reduce(x, axis=axis) if dtype is None else reduce(x, axis=axis, dtype=dtype)
    except (numpy.exceptions.AxisError, TypeError):
        raise StepFailed(f"there is no axis {axis} in {shape_of(x)}") from None
    return found.item() if numpy.ndim(found) == 0 else found


def stack(x: Sequence[Array]) -> Array:
    """Along a new first axis."""
    if not x:
        raise StepFailed("`stack` of no tensors has no shape")
    if any(each.shape != x[0].shape for each in x):
        other = next(each for each in x if each.shape != x[0].shape)
        raise StepFailed(f"`stack` takes tensors of one shape, not {shape_of(x[0])} and {shape_of(other)}")
    return numpy.stack(x)


def split(x: Array, parts: int, axis: int = 0) -> list[Array]:
    """Parts of one size."""
    try:
        if not 1 <= parts <= MAX_PARTS:
            raise ValueError
        return numpy.split(x, parts, axis)
    except (ValueError, IndexError):
        raise StepFailed(f"{shape_of(x)} is not {parts} parts of one size along axis {axis}") from None


def windows(x: Any, size: int, step: int) -> Array:
    """Parts of one size along the first axis, each so far behind the one before; what is left over is out."""
    values = numpy.asarray(x)
    if not values.ndim or size < 1 or step < 1:
        raise StepFailed(f"`windows` takes sizes and steps of at least 1, not {size} and {step}")
    if len(values) < size:
        return numpy.zeros((0, size, *values.shape[1:]), values.dtype)
    parts = numpy.lib.stride_tricks.sliding_window_view(values, size, 0)[::step]
    if parts.size > MAX_NUMBERS:
        raise StepFailed(f"windows of {shape_of(values)} have more than {MAX_NUMBERS:,} numbers")
    return numpy.ascontiguousarray(numpy.moveaxis(parts, -1, 1))


def unstack(x: Array) -> list[Any]:
    """What stands at each place of the first axis."""
    if not x.ndim:
        raise StepFailed("one value has no axis to go through")
    if len(x) > MAX_PARTS:
        raise StepFailed(f"a loop goes through at most {MAX_PARTS:,} values, not {len(x):,}")
    return x.tolist() if x.ndim == 1 else list(x)


def json(x: Any) -> Any:
    """Tensors as lists in lists."""
    match x:
        case list():
            return [json(each) for each in x]
        case dict():
            return {name: json(each) for name, each in x.items()}
    return x.tolist() if hasattr(x, "tolist") else x


def _floats(x: Any) -> Array:
    values = numpy.asarray(x)
    return values if values.dtype == numpy.float32 else values.astype(numpy.float32)
