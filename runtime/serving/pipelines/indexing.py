"""Parts of lists, texts, bytes and tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ....compiler.plan import PlacePlan
from ...requests.errors import StepFailed
from .block import Compute, Frame
from .values.shapes import shape_of


def index(of: int, places: Sequence[PlacePlan], slots: Mapping[str, int]) -> Compute:
    """What stands at `places`. Raises StepFailed for a place that is not there."""
    read = [_reading(place, slots) for place in places]
    if len(read) == 1:
        [only] = read
        return lambda frame: _taken(frame[of], only(frame))
    return lambda frame: _taken(frame[of], tuple(each(frame) for each in read))


def _reading(place: PlacePlan, slots: Mapping[str, int]) -> Compute:
    first = slots[place.first] if place.first is not None else None
    last = slots[place.last] if place.last is not None else None
    if not place.is_slice:
        assert first is not None
        return lambda frame: frame[first]

    def compute(frame: Frame) -> slice:
        return slice(None if first is None else frame[first], None if last is None else frame[last])

    return compute


def _taken(value: Any, at: Any) -> Any:
    try:
        part = value[at]
    except IndexError as error:
        if isinstance(value, str | bytes | list):
            raise StepFailed(f"there is no place {at} in a {shape_of(value)}") from None
        raise StepFailed(f"{shape_of(value)} has no such place: {error}") from None
    # One element of a tensor is a number, and a single object is a text already.
    return part.item() if getattr(part, "shape", None) == () else part
