"""What a causal language model remembers of the texts that it writes: keys and values, a row for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy
from numpy.typing import NDArray

from .....compiler.plan.record import frozen
from .signature import CacheEntry

if TYPE_CHECKING:
    import onnxruntime


@frozen(eq=False)
class Past:
    """values: for each entry of the cache [rows, heads, positions, size], where the model runs.

    A row with fewer positions than there are is padded with zeros on its left.
    """

    values: Sequence[onnxruntime.OrtValue]
    rows: int
    positions: int


@frozen(eq=False)
class Row:
    """The last `length` positions of row `index` of `past`."""

    past: Past
    index: int
    length: int


class Cache:
    """Makes the `Past` of a run. device: where the model runs, "cpu" or "cuda", and its index."""

    def __init__(self, entries: Sequence[CacheEntry], device: tuple[str, int]) -> None:
        self._entries = entries
        self._device = device

    def empty(self) -> Past:
        """That of one text of which the model has seen nothing."""
        nothing = [
            self._value(numpy.zeros((1, entry.heads, 0, entry.size), entry.dtype)) for entry in self._entries
        ]
        return Past(nothing, 1, 0)

    def of(self, rows: Sequence[Row]) -> Past:
        """These rows and no others, in their order. Copied only where they are not together already."""
        first = rows[0].past
        if len(rows) == first.rows and all(
            row.past is first and row.index == index for index, row in enumerate(rows)
        ):
            return first
        longest = max(row.length for row in rows)
        return Past(
            [self._value(self._gather(rows, number, longest)) for number in range(len(self._entries))],
            len(rows),
            longest,
        )

    def _gather(self, rows: Sequence[Row], number: int, longest: int) -> NDArray[Any]:
        """The rows of entry `number`, padded to `longest` positions."""
        entry = self._entries[number]
        gathered = numpy.zeros((len(rows), entry.heads, longest, entry.size), entry.dtype)
        on_host = {id(row.past): row.past.values[number].numpy() for row in rows}
        for at, row in enumerate(rows):
            gathered[at, :, longest - row.length :] = on_host[id(row.past)][row.index, :, -row.length :]
        return gathered

    def _value(self, values: NDArray[Any]) -> onnxruntime.OrtValue:
        import onnxruntime

        make: Any = onnxruntime.OrtValue
        value: onnxruntime.OrtValue = make.ortvalue_from_numpy(values, *self._device)
        return value
