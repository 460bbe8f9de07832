"""Operators on tensors, element by element. What is too large is infinite, as in models."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy
from numpy.typing import NDArray

from ...requests.errors import StepFailed
from .block import Compute, Frame, Later
from .values.shapes import shape_of
from .values.weights import is_light

MAX_NUMBERS = 64_000_000
"""Numbers that a small tensor is stretched to."""


def operation_on_tensors(operator: str, operands: Sequence[int]) -> Compute:
    """One or two operands. What takes long is done on a thread."""
    act = partial(elementwise if len(operands) > 1 else negated, operator)

    def compute(frame: Frame) -> Any:
        values = [frame[slot] for slot in operands]
        if is_light(values):
            return act(*values)
        return Later(lambda: asyncio.to_thread(act, *values))

    return compute


def elementwise(operator: str, left: Any, right: Any) -> Any:
    """`left operator right`, one of which is a tensor; a number if it has no sizes. Raises StepFailed."""
    try:
        sizes = numpy.broadcast_shapes(numpy.shape(left), numpy.shape(right))
    except ValueError:
        raise StepFailed(
            f"`{operator}` takes sizes that are equal or 1, not {shape_of(left)} and {shape_of(right)}"
        ) from None
    if numpy.prod(sizes, dtype=float) > MAX_NUMBERS:
        raise StepFailed(f"`{operator}` of {shape_of(left)} and {shape_of(right)} has too many numbers")
    left, right = _alike(operator, left, right)
    with numpy.errstate(all="ignore"):
        return _plain(_BINARY[operator](left, right))


def negated(operator: str, value: NDArray[Any]) -> Any:
    """`-x` and `!x`."""
    return _plain(numpy.negative(value) if operator == "-" else numpy.logical_not(value))


def _alike(operator: str, left: Any, right: Any) -> tuple[Any, Any]:
    """Numbers beside a tensor as its type; integers as floats where floats come of them."""
    tensors = [each for each in (left, right) if isinstance(each, numpy.ndarray)]
    dtype = tensors[0].dtype
    if dtype.kind in "Ob":
        return left, right
    others = [each for each in (left, right) if not isinstance(each, numpy.ndarray)]
    if dtype.kind in "iu" and (operator == "/" or any(isinstance(each, float) for each in others)):
        dtype = numpy.dtype(numpy.float32)
    if dtype.kind in "iu" and any(not _holds(dtype, each) for each in others):
        raise StepFailed(f"a number beside {shape_of(tensors[0])} is no {dtype}")
    return numpy.asarray(left, dtype), numpy.asarray(right, dtype)


def _holds(dtype: numpy.dtype[Any], number: int) -> bool:
    limits = numpy.iinfo(dtype)
    return int(limits.min) <= number <= int(limits.max)


def _plain(value: Any) -> Any:
    return value.item() if numpy.ndim(value) == 0 else value


_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": numpy.add,
    "-": numpy.subtract,
    "*": numpy.multiply,
    "/": numpy.true_divide,
    "==": numpy.equal,
    "!=": numpy.not_equal,
    "<": numpy.less,
    "<=": numpy.less_equal,
    ">": numpy.greater,
    ">=": numpy.greater_equal,
    "&&": numpy.logical_and,
    "||": numpy.logical_or,
}
