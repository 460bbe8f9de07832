"""Named arrays of numbers, and what a model says of those that it takes and gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...compiler.plan.record import frozen

if TYPE_CHECKING:
    from numpy.typing import NDArray


@frozen
class TensorInfo:
    """An input or output of a model.

    datatype: in the words of the Open Inference Protocol, "FP32". shape: None where any size fits; None as a
    whole where any number of dimensions does.
    """

    name: str
    datatype: str
    shape: tuple[int | None, ...] | None


@frozen
class Tensor:
    """Named values. BF16: the bits, as uint16. BYTES: an array of `bytes` objects."""

    name: str
    datatype: str
    values: NDArray[Any]
