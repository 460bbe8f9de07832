"""Rows made up for a model, to try it with: of its inputs it says the types, but no values, nor all sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy
from numpy.typing import NDArray

from ....requests.datatypes import NUMPY_TYPES
from ....requests.tensor import TensorInfo

Row = tuple[NDArray[Any], ...]

_SMALL = 8
_SIZES = (_SMALL, 32, 1, 3, 128, 224, None)
"""Tried one after the other for all sizes that are open; None: `_USUAL` ones. Why the last fails is told."""

_PICTURE, _SOUND = (3, 224, 224), (4096,)
_USUAL = {3: _PICTURE, 1: _SOUND}
"""Sizes of floats with so many of them: exporters leave all of them open, and models take few."""

_INTEGERS = (8, 2)
"""Integers below these are tried: they may be tokens, or yes and no."""

_SCALES = (1.0, 0.1, 10.0, 0.01)
"""Sizes of numbers, in turn: rows that could drown each other."""

_FLOATS = ("FP32", "FP16", "BF16", "FP64")

_MOST_NUMBERS = 1 << 25
"""Values in all rows of a list: where single rows are so large that fewer fit, there are fewer of them."""


def made_up_rows(
    inputs: Sequence[TensorInfo], shapes: Sequence[Mapping[str, Sequence[int]]], count: int
) -> Iterator[list[Row]]:
    """Lists of up to `count` different rows, each an array [1, …] for each of `inputs`, until one is taken.

    shapes: those known to work, by the names of inputs; they are tried first.
    """
    known: list[Mapping[str, Sequence[int]] | int | None] = [*shapes, *_SIZES]
    for sizes in known:
        wanted = [(info, _shape(info, sizes)) for info in inputs]
        rows = min(count, _MOST_NUMBERS // max(1, sum(prod(shape) for _, shape in wanted)))
        for below in _INTEGERS if rows > 1 else ():
            random = numpy.random.default_rng(0)
            yield [
                tuple(_values(info, shape, below, row, random) for info, shape in wanted)
                for row in range(rows)
            ]


def _shape(info: TensorInfo, sizes: Mapping[str, Sequence[int]] | int | None) -> tuple[int, ...]:
    assert info.shape
    if isinstance(sizes, Mapping):
        return 1, *sizes[info.name][1:]
    said = info.shape[1:]
    usual: tuple[int, ...] = (sizes or _SMALL,) * len(said)
    if sizes is None and info.datatype in _FLOATS:
        usual = _USUAL.get(len(said), usual)
        usual = usual[::-1] if said[2:] == (3,) else usual  # colours may stand last
    return 1, *(known if size is None else size for size, known in zip(said, usual, strict=True))


def _values(
    info: TensorInfo, shape: tuple[int, ...], below: int, row: int, random: numpy.random.Generator
) -> NDArray[Any]:
    """Values of one row. Masks hide nothing: what they hide would change nothing."""
    dtype = NUMPY_TYPES[info.datatype]
    if "mask" in info.name.lower():
        return numpy.ones(shape, dtype)
    if info.datatype == "BYTES":
        words = random.integers(0, below, shape)
        return numpy.array([f"word {word}" for word in words.flat], numpy.object_).reshape(shape)
    if info.datatype == "BF16":
        numbers = (random.standard_normal(shape) * _SCALES[row % len(_SCALES)]).astype(numpy.float32)
        return (numbers.view(numpy.uint32) >> 16).astype(numpy.uint16)
    if numpy.issubdtype(dtype, numpy.floating):
        return (random.standard_normal(shape) * _SCALES[row % len(_SCALES)]).astype(dtype)
    return random.integers(0, 2 if info.datatype == "BOOL" else below, shape).astype(dtype)
