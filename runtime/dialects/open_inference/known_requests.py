"""Requests whose JSON is known: of a client that sends tensors as bytes, only the bytes change.

What has been read of the JSON, and that the sizes fit, follows from the same JSON before as many bytes.
"""

from __future__ import annotations

from typing import Any

import numpy
from attrs import evolve

from ....compiler.plan.record import frozen
from ...requests.request import TensorRequest
from ...requests.tensor import Tensor
from .asked import Asked

_MOST = 256
LONGEST = 2 << 10
"""Bytes of JSON that is remembered."""
_MADE_ANEW = ("BOOL", "BYTES")
"""Datatypes whose values are not the bytes themselves."""


@frozen
class _Known:
    """places: of each tensor the name, the datatype, numpy's type, the count of values, where they begin, and
    the shape. asked: all else; its inputs are left out. size: bytes of the whole body."""

    size: int
    places: tuple[tuple[str, str, numpy.dtype[Any], int, int, tuple[int, ...]], ...]
    asked: Asked


class KnownRequests:
    """By their JSON. The last ones are remembered."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Known] = {}

    def read(self, head: bytes, body: bytes) -> Asked | None:
        """The request of a `body` that begins with `head`, its JSON; None where that is not known."""
        known = self._known.get(head)
        if known is None or known.size != len(body):
            return None
        asked = known.asked
        inputs = tuple(
            [
                Tensor(name, datatype, numpy.frombuffer(body, kind, count, start).reshape(shape))
                for name, datatype, kind, count, start, shape in known.places
            ]
        )
        return Asked(
            TensorRequest(inputs, asked.request.outputs),
            None,
            asked.binary,
            asked.binary_by_default,
            asked.priority,
            asked.timeout,
            classes=asked.classes,
        )

    def remember(self, head: bytes, body: bytes, asked: Asked) -> None:
        """`asked` has been read of such a body."""
        inputs = asked.request.inputs
        if asked.id is not None:  # which is another one each time
            return
        if any(not each.values.size or each.datatype in _MADE_ANEW for each in inputs):
            return
        if len(self._known) >= _MOST:
            self._known.clear()
        places = []
        start = len(head)
        for each in inputs:
            values = each.values
            places.append((each.name, each.datatype, values.dtype, values.size, start, values.shape))
            start += values.nbytes
        if start == len(body):  # or else some stand in the JSON
            without = evolve(asked, request=TensorRequest((), asked.request.outputs))
            self._known[head] = _Known(len(body), tuple(places), without)
