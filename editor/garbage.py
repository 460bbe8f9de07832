"""Garbage is collected after each check and at no other time, when there is little of it."""

from __future__ import annotations

import asyncio
import gc

_YOUNG, _ALL = 1, 2
_OFTEN, _RARELY = 50, 1000
"""After so many checks, at least and at most, everything is searched: it takes as long as some checks, and
nearly all garbage is young."""
_MUCH = 5000
"""How many old objects may become garbage between two searches, as far as the last one tells."""


class Garbage:
    """Replaces Python's own collection from now on; objects that exist already are never looked at again."""

    def __init__(self) -> None:
        self._is_due = False
        self._checks_left = self._every = _OFTEN
        gc.collect()
        gc.freeze()
        gc.disable()

    def collect_soon(self) -> None:
        """Collect once, when the event loop has done what waits."""
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._collect)

    def _collect(self) -> None:
        self._is_due = False
        self._checks_left -= 1
        if self._checks_left:
            gc.collect(_YOUNG)
            return
        found = gc.collect(_ALL)
        self._every = min(max(_OFTEN, self._every * _MUCH // (found + 1)), _RARELY)
        self._checks_left = self._every
