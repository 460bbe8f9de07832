"""Time limits for the many waits of one request, with one timer for all of them.

`asyncio.timeout` makes and cancels a timer each time; a stream waits once for each piece. Here the timer
stays, and looks when it goes off whether the wait that is under way has any time left.
"""

from __future__ import annotations

import asyncio
from types import TracebackType


class Patience:
    """A context manager for one wait after the other: `with patience.until(moment): await …`.

    A wait that lasts longer is cancelled, and raises TimeoutError. Moments are in the time of the running
    loop. Not for waits inside of waits. To be closed at the end.
    """

    __slots__ = ("_cancelling", "_expired", "_limit", "_loop", "_task", "_timer")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = 0.0
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._cancelling = 0
        self._expired = False

    def until(self, moment: float) -> Patience:
        """The next wait may last until `moment`."""
        self._limit = moment
        if self._timer is not None and self._timer.when() > moment:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(moment, self._look)
        return self

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task, self._cancelling = task, task.cancelling()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if not self._expired:
            return
        self._expired = False
        assert task is not None
        if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _look(self) -> None:
        self._timer = None
        if self._task is None:
            return  # nobody waits: the next wait sets the timer again
        if self._loop.time() < self._limit:
            self._timer = self._loop.call_at(self._limit, self._look)
        else:
            self._expired = True
            self._task.cancel()
