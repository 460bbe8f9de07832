"""Time limits for many waits, with one timer for all of them.

`asyncio.timeout` makes a timer and cancels it for each wait, and a stream waits once for each of its
pieces. Here one timer looks, from time to time, which of the waits under way have lasted too long.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Protocol


class Wait(Protocol):
    """What has a time limit: `moment`, in the time of the loop."""

    moment: float

    def expire(self) -> None:
        """It has lasted too long."""


class Timeouts:
    """Makes time limits: `with timeouts.until(moment): await …`, in the time of the running loop.

    A wait that lasts longer is cancelled and raises TimeoutError, up to `grain` seconds late.
    """

    def __init__(self, grain: float) -> None:
        self._grain = grain
        self.waits: set[Wait] = set()
        """Those that are under way."""
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def within(self, seconds: float, deadline: float | None) -> Timeout:
        """The limit of one wait: so long, and no longer than until the deadline."""
        moment = (self._loop or self.loop).time() + seconds
        return Timeout(self, moment if deadline is None or moment < deadline else deadline)

    def until(self, moment: float) -> Timeout:
        """The limit of one wait."""
        return Timeout(self, moment)

    def now(self) -> float:
        """The time of the loop."""
        return (self._loop or self.loop).time()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The one loop in which all waits are; remembered, because asking for it takes a system call."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def begin(self, wait: Wait) -> None:
        """A wait is under way; it is over when it is no longer among `waits`."""
        self.waits.add(wait)
        if self._timer is None:
            self._timer = self.loop.call_later(self._grain, self._look)

    def close(self) -> None:
        """Stop to look."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for wait in [wait for wait in self.waits if wait.moment <= now]:
            self.waits.discard(wait)
            wait.expire()
        self._timer = loop.call_later(self._grain, self._look) if self.waits else None


class Timeout:
    """One wait, until `moment` at the latest."""

    __slots__ = ("_cancelling", "_expired", "_task", "_timeouts", "moment")

    def __init__(self, timeouts: Timeouts, moment: float) -> None:
        self.moment = moment
        self._timeouts = timeouts
        self._expired = False

    def expire(self) -> None:
        """It has lasted too long."""
        self._expired = True
        self._task.cancel()

    def __enter__(self) -> None:
        timeouts = self._timeouts
        task = asyncio.current_task(timeouts._loop or timeouts.loop)
        assert task is not None
        self._task, self._cancelling = task, task.cancelling()
        timeouts.begin(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if not self._expired:
            self._timeouts.waits.discard(self)
        elif self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error
