"""Operators between tensors, and between tensors and numbers: element by element, sizes of 1 stretched."""

from __future__ import annotations

from itertools import zip_longest

from ..onnx_model.signature import Dimension, DType
from ..plan.types import TensorType, Type, TypeKind
from ..typing.fit import Sizes
from ..typing.partial import is_number, is_text
from .coerce import FLOATS, scalar

Shape = tuple[Dimension, ...] | None

_ARITHMETIC = ("+", "-", "*", "/")
_LOGIC = ("&&", "||")


class Unlike(Exception):
    """Two sides that do not go together; the text says why."""


def is_tensor(*types: Type) -> bool:
    return any(isinstance(type, TensorType) for type in types)


def result(operator: str, left: Type, right: Type, sizes: Sizes) -> Type | None:
    """The type of `left operator right`, one of which is a tensor; None where the operator takes no such.

    Raises Unlike for shapes and types of numbers that do not go together.
    """
    dtypes = [type.dtype for type in (left, right) if isinstance(type, TensorType)]
    others = [type for type in (left, right) if not isinstance(type, TensorType)]
    if operator in _LOGIC:
        both_bool = dtypes[0] is DType.BOOL and all(each.kind is TypeKind.BOOL for each in others)
        if not both_bool or dtypes[-1] is not DType.BOOL:
            return None
        return _of(DType.BOOL, left, right, sizes)
    is_text_tensor = dtypes[0] is DType.TEXT
    if operator not in _ARITHMETIC:
        takes_order = operator in ("==", "!=") or not (is_text_tensor or DType.BOOL in dtypes)
        right_kind = all(is_text(each) if is_text_tensor else is_number(each) for each in others)
        if not takes_order or not right_kind or (others and dtypes[0] is DType.BOOL):
            return None
        _alike(dtypes)
        return _of(DType.BOOL, left, right, sizes)
    if is_text_tensor or DType.BOOL in dtypes or not all(map(is_number, others)):
        return None
    dtype = _alike(dtypes)
    if dtype not in FLOATS and (operator == "/" or any(each.kind is TypeKind.FLOAT for each in others)):
        dtype = DType.F32
    return _of(dtype, left, right, sizes)


def _alike(dtypes: list[DType]) -> DType:
    if len(set(dtypes)) > 1:
        raise Unlike(f'make them alike: `cast(…, "{dtypes[0]}")`')
    return dtypes[0]


def _of(dtype: DType, left: Type, right: Type, sizes: Sizes) -> Type:
    shapes = [type.shape for type in (left, right) if isinstance(type, TensorType)]
    shape = shapes[0] if len(shapes) == 1 else stretched(shapes[0], shapes[1], sizes)
    return scalar(dtype) if shape == () else TensorType(dtype=dtype, shape=shape)


def stretched(left: Shape, right: Shape, sizes: Sizes) -> Shape:
    """The shape of both together: compared from the last axis on, sizes of 1 go with any. Raises Unlike."""
    if left is None or right is None:
        return None
    together: list[Dimension] = []
    for mine, theirs in zip_longest(reversed(left), reversed(right), fillvalue=1):
        if mine == 1 or theirs == 1:
            together.append(theirs if mine == 1 else mine)
        elif not sizes.agree(mine, theirs):
            raise Unlike("sizes must be equal, or 1, from the last axis on")
        else:
            # A size without a name may be 1 when the pipeline runs, and is stretched then.
            together.append(
                mine if isinstance(mine, int) else theirs if isinstance(theirs, int) else mine or theirs
            )
    return tuple(reversed(together))
