"""Runs of one session at the same time, each on its share of the cores.

Where each run takes all cores, several have more threads than there are cores. What a thread of ONNX
Runtime's pool has begun for one of them then waits for a core, and its caller waits for it, awake. So of
runs at the same time one is made by a thread of the pool, which helps no other meanwhile: two runs on two
cores take one each. A run alone has all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from queue import SimpleQueue
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from .io_binding import Arrays

if TYPE_CHECKING:
    import onnxruntime

LONG = 1e-3
"""Seconds that runs take, by the last one, where it is worth handing one over: that costs 50 us."""


class SideBySide:
    """The runs of `session`, which takes all cores for each. Used from any thread but the event loop's."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session: Any = session
        self._has_pool = session.get_session_options().intra_op_num_threads > 1
        self._first = Lock()
        self._on_pool = Lock()
        self._seconds = 0.0

    def run(self, outputs: Sequence[str], feed: dict[str, NDArray[Any]], options: Any) -> Arrays:
        """As `InferenceSession.run`."""
        if self._first.acquire(blocking=False):
            began = perf_counter()
            try:
                return self._plain(outputs, feed, options)
            finally:
                self._seconds = perf_counter() - began
                self._first.release()
        if self._has_pool and self._seconds > LONG and self._on_pool.acquire(blocking=False):
            try:
                if found := self._by_pool(outputs, feed, options):
                    return found
            finally:
                self._on_pool.release()
        return self._plain(outputs, feed, options)

    def _plain(self, outputs: Sequence[str], feed: dict[str, NDArray[Any]], options: Any) -> Arrays:
        found: Arrays = self._session.run(outputs, feed, options)
        return found

    def _by_pool(self, outputs: Sequence[str], feed: dict[str, NDArray[Any]], options: Any) -> Arrays:
        """What a thread of the pool gets; nothing where the run fails: a plain one says why."""
        ended: SimpleQueue[Arrays] = SimpleQueue()

        def end(found: Arrays, _: None, error: str) -> None:
            ended.put(found)

        self._session.run_async(outputs, feed, end, None, options)
        return ended.get()
