"""Collecting garbage when nobody waits: checks leave circles behind, and looking for them takes long."""

from __future__ import annotations

import asyncio
import gc

IDLE = 0.25
"""Seconds without a check after which garbage is collected."""

MOST = 10
"""Checks after which it is collected in any case."""


class Garbage:
    """Collects by itself from now on; what is there already stays for good."""

    def __init__(self) -> None:
        self._checks = 0
        self._timer: asyncio.TimerHandle | None = None
        gc.collect()
        gc.freeze()
        gc.disable()

    def made(self) -> None:
        """A file was checked, and its findings are told."""
        if self._timer is not None:
            self._timer.cancel()
        self._checks += 1
        delay = 0.0 if self._checks >= MOST else IDLE
        self._timer = asyncio.get_running_loop().call_later(delay, self._collect)

    def _collect(self) -> None:
        self._timer = None
        self._checks = 0
        gc.collect()
