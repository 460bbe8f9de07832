"""Garbage is collected after each check and at no other time: its circles are few while they are fresh."""

from __future__ import annotations

import asyncio
import gc


class Garbage:
    """Collects by itself from now on; what is there already stays for good."""

    def __init__(self) -> None:
        self._is_due = False
        gc.collect()
        gc.freeze()
        gc.disable()

    def made(self) -> None:
        """A file was checked, and its findings are told."""
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._collect)

    def _collect(self) -> None:
        self._is_due = False
        gc.collect()
