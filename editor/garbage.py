"""Garbage is collected after each check and at no other time, when there is little of it."""

from __future__ import annotations

import asyncio
import gc

_YOUNG, _ALL = 1, 2
_RARELY = 50
"""After so many checks everything is searched, as long as a check itself: nearly all garbage is young."""


class Garbage:
    """Replaces Python's own collection from now on; objects that exist already are never looked at again."""

    def __init__(self) -> None:
        self._is_due = False
        self._checks = 0
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
        self._checks += 1
        gc.collect(_YOUNG if self._checks % _RARELY else _ALL)
