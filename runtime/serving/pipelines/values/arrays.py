"""Arrays of numpy for the dtypes of the language."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from .....compiler.plan import DType

ARRAY_TYPES: dict[DType, numpy.dtype[Any]] = {
    DType.F32: numpy.dtype(numpy.float32),
    DType.F16: numpy.dtype(numpy.float16),
    DType.BF16: numpy.dtype(numpy.float32),
    DType.F64: numpy.dtype(numpy.float64),
    DType.I8: numpy.dtype(numpy.int8),
    DType.I16: numpy.dtype(numpy.int16),
    DType.I32: numpy.dtype(numpy.int32),
    DType.I64: numpy.dtype(numpy.int64),
    DType.U8: numpy.dtype(numpy.uint8),
    DType.U16: numpy.dtype(numpy.uint16),
    DType.U32: numpy.dtype(numpy.uint32),
    DType.U64: numpy.dtype(numpy.uint64),
    DType.BOOL: numpy.dtype(numpy.bool_),
    DType.TEXT: numpy.dtype(numpy.object_),
}
"""How steps hold tensors: bf16, which numpy does not know, as f32; texts as objects."""


def array_of(value: Any, dtype: DType) -> NDArray[Any] | None:
    """`value`, an array or lists in lists, as an array of `dtype`; None where it is something else.

    Numbers are taken where none of them changes its value but by rounding.
    """
    wanted = ARRAY_TYPES.get(dtype)
    if wanted is None or isinstance(value, str | bytes | dict) or value is None:
        return None
    try:
        array = numpy.asarray(value, numpy.object_ if dtype is DType.TEXT else None)
    except (ValueError, TypeError, OverflowError):
        return None  # lists of different lengths
    if dtype is DType.TEXT:
        return array if all(isinstance(each, str) for each in array.flat) else None
    if array.dtype == wanted:
        return array
    if not array.size and array.dtype.kind in "iufb":
        return array.astype(wanted)
    if wanted.kind == "f" and array.dtype.kind in "iuf":
        with numpy.errstate(over="ignore"):
            rounded = array.astype(wanted)
        return rounded if numpy.isfinite(rounded).all() or not numpy.isfinite(array).all() else None
    if wanted.kind in "iu" and array.dtype.kind in "iu":
        limits = numpy.iinfo(wanted)
        if int(array.min()) >= limits.min and int(array.max()) <= limits.max:
            return array.astype(wanted)
    return None
