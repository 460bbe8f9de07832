"""Which runs are so quick that they are made at once, on the event loop.

Handing a run to a thread and its results back costs 40 us of the processor, and a run of a small model 10.
What may run on the event loop is measured, kind by kind: runs of a kind have inputs of the same shapes. The
first ones have a thread. Once a kind has shown that it is quick it runs in place, is measured there, too,
and goes back to the threads as soon as it takes twice as long as a quick one may: where runs take about as
long as that, they would come and go, and each time be measured anew.

That a run was quick says nothing of the next one where values say how much there is to do: such models always
have a thread; see `compiler/onnx_model/work.py`.
"""

from __future__ import annotations

from collections.abc import Hashable

QUICK = 50e-6
"""Seconds that a run takes in the mean where it comes to be made in place."""
NO_LONGER_QUICK = 2
"""How many times as long it takes in the mean where it is made in a thread again."""
ENOUGH = 8
"""Runs of a kind before its mean says something."""
MOST_KINDS = 64

_SMOOTHING = 0.1
_FEW = 10
"""Runs up to which the mean is that of all of them."""


class QuickRuns:
    """What is known of the runs of one model. Told from any thread."""

    def __init__(self) -> None:
        self._kinds: dict[Hashable, _Kind] = {}

    def has(self, kind: Hashable) -> bool:
        """Whether runs of `kind` are quick, as far as is known."""
        known = self._kinds.get(kind)
        return known is not None and known.is_quick

    def took(self, kind: Hashable, seconds: float) -> None:
        """A run of `kind` is over."""
        known = self._kinds.get(kind)
        if known is None:
            if len(self._kinds) >= MOST_KINDS:
                self._kinds.clear()
            known = self._kinds[kind] = _Kind()
        known.took(seconds)


class _Kind:
    """Runs with inputs of the same shapes."""

    __slots__ = ("_runs", "_seconds", "is_quick")

    def __init__(self) -> None:
        self._runs = 0
        self._seconds = 0.0
        self.is_quick = False

    def took(self, seconds: float) -> None:
        runs = self._runs = self._runs + 1
        share = _SMOOTHING if runs > _FEW else 1 / runs  # the first ones, which are slow, count as all others
        seconds = self._seconds = self._seconds + share * (seconds - self._seconds)
        if self.is_quick:
            if seconds >= NO_LONGER_QUICK * QUICK:
                self.is_quick, self._runs = False, 0  # measured anew, where others do not wait for it
        elif seconds < QUICK and runs >= ENOUGH:
            self.is_quick = True
