"""Where a vector, or a map, has large numbers that touch each other: stretches of time, boxes of pixels."""

from __future__ import annotations

import math
from typing import Any

import numpy
from numpy.typing import NDArray

from ....requests.errors import StepFailed
from ..values.shapes import shape_of

MOST = 200_000
"""Regions that are given."""

Array = NDArray[Any]
Region = dict[str, Any]


def regions(
    x: Any, threshold: float, least: int = 1, gap: int = 0, score: float = 0.0, grow: float = 0.0
) -> list[Region]:
    """Of a vector `{ start, end, score }`, `end` behind the last; of a matrix `{ left, top, right, bottom,
    score }`. The score is the mean of what is inside; a NaN is not large.

    least: how long they are, both ways, where they are given. gap: of a vector, what is no longer parts no
    region. score: the least. grow: by so much of its area for each pixel around it, a box grows on each side.
    Raises StepFailed.
    """
    values = numpy.asarray(x)
    if values.ndim == 1:
        found = _stretches(values, values > threshold, gap)
    elif values.ndim == 2:
        found = _boxes(values, values > threshold)
    else:
        raise StepFailed(f"`regions` takes a vector or a matrix, not {shape_of(values)}")
    if len(found) > MOST:
        raise StepFailed(f"there are {len(found):,} regions, and at most {MOST:,} are given")
    kept = [each for each in found if _least_side(each) >= least and each["score"] >= score]
    return [_grown(each, grow, values.shape) for each in kept] if grow and values.ndim == 2 else kept


def _stretches(values: Array, large: Array, gap: int) -> list[Region]:
    starts, ends = _runs(large)
    if gap > 0 and starts.size:
        parted = starts[1:] - ends[:-1] > gap
        starts, ends = starts[numpy.append(True, parted)], ends[numpy.append(parted, True)]
    sums = numpy.append(0.0, numpy.cumsum(values, dtype=numpy.float64))
    return [
        {"start": start, "end": end, "score": float(sums[end] - sums[start]) / (end - start)}
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]


def _runs(large: Array) -> tuple[Array, Array]:
    """Where each run of true begins, and where it has ended."""
    changes = numpy.diff(large.astype(numpy.int8), prepend=0, append=0)
    return numpy.flatnonzero(changes == 1), numpy.flatnonzero(changes == -1)


def _boxes(values: Array, large: Array) -> list[Region]:
    """Around all that touches, at corners too; from the top, then from the left."""
    height, width = large.shape
    padded = numpy.zeros((height, width + 1), bool)  # no run goes on in the next row
    padded[:, :width] = large
    starts, ends = _runs(padded.reshape(-1))
    rows = starts // (width + 1)
    offsets = rows * (width + 1)
    group = _groups(rows.tolist(), (starts - offsets).tolist(), (ends - offsets).tolist())
    if not len(group):
        return []
    _, of = numpy.unique(group, return_inverse=True)
    count = int(of.max()) + 1
    left, top = numpy.full(count, width), numpy.full(count, height)
    right, bottom = numpy.zeros(count, int), numpy.zeros(count, int)
    numpy.minimum.at(left, of, starts - offsets)
    numpy.minimum.at(top, of, rows)
    numpy.maximum.at(right, of, ends - offsets)
    numpy.maximum.at(bottom, of, rows + 1)
    order = numpy.lexsort((left, top))
    sides = numpy.stack([left, top, right, bottom], 1)[order].tolist()
    return [
        {
            **dict(zip(("left", "top", "right", "bottom"), box, strict=True)),
            "score": float(values[box[1] : box[3], box[0] : box[2]].mean(dtype=numpy.float64)),
        }
        for box in sides
    ]


def _groups(rows: list[int], starts: list[int], ends: list[int]) -> list[int]:
    """For each run of a row, the first run that it is joined with, by others or itself."""
    first = list(range(len(rows)))

    def root(run: int) -> int:
        while first[run] != run:
            first[run] = run = first[first[run]]
        return run

    above = 0
    for run, row in enumerate(rows):
        while rows[above] < row - 1:
            above += 1
        other = above
        while rows[other] == row - 1 and starts[other] <= ends[run]:
            if starts[run] <= ends[other]:
                one, two = root(other), root(run)
                first[max(one, two)] = min(one, two)
                above = other
            other += 1
    return [root(run) for run in range(len(rows))]


def _least_side(region: Region) -> int:
    if "start" in region:
        return int(region["end"] - region["start"])
    return int(min(region["right"] - region["left"], region["bottom"] - region["top"]))


def _grown(box: Region, grow: float, shape: tuple[int, ...]) -> Region:
    width, height = box["right"] - box["left"], box["bottom"] - box["top"]
    by = math.ceil(width * height * grow / (2 * (width + height)))
    return {
        "left": max(box["left"] - by, 0),
        "top": max(box["top"] - by, 0),
        "right": min(box["right"] + by, shape[1]),
        "bottom": min(box["bottom"] + by, shape[0]),
        "score": box["score"],
    }
