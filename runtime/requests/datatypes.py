"""The datatypes of the Open Inference Protocol, and the arrays that hold them here."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

NUMPY_TYPES: dict[str, numpy.dtype[Any]] = {
    "BOOL": numpy.dtype(numpy.bool_),
    "UINT8": numpy.dtype(numpy.uint8),
    "UINT16": numpy.dtype(numpy.uint16),
    "UINT32": numpy.dtype(numpy.uint32),
    "UINT64": numpy.dtype(numpy.uint64),
    "INT8": numpy.dtype(numpy.int8),
    "INT16": numpy.dtype(numpy.int16),
    "INT32": numpy.dtype(numpy.int32),
    "INT64": numpy.dtype(numpy.int64),
    "FP16": numpy.dtype(numpy.float16),
    "BF16": numpy.dtype(numpy.uint16),
    "FP32": numpy.dtype(numpy.float32),
    "FP64": numpy.dtype(numpy.float64),
    "BYTES": numpy.dtype(numpy.object_),
}
"""BF16, which numpy does not know, is kept as its bits; BYTES as `bytes` objects."""


def bfloat16_bits(single: NDArray[Any]) -> NDArray[Any]:
    """Of FP32, rounded to the nearest, and to even between two: the upper half of its bits."""
    bits = numpy.asarray(single, order="C").view(numpy.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(numpy.uint16)
