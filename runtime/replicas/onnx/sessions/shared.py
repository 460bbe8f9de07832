"""One session for all replicas of a deployment on one device: the weights are there once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable

from .....compiler.plan.record import define
from ....concurrency.loop_lock import LoopLock
from .session import OpenSession


@define
class _Shared:
    session: OpenSession
    holders: int


class SharedSessions:
    """Sessions by key, each open for as long as someone holds it."""

    def __init__(self) -> None:
        # One at a time: a model that is loaded may take twice its memory meanwhile.
        self._opening = LoopLock()
        self._shared: dict[Hashable, _Shared] = {}

    async def acquire(self, key: Hashable, open_one: Callable[[], Awaitable[OpenSession]]) -> OpenSession:
        """The session under `key`, opened by `open_one` if nobody holds it yet; raises what that raises."""
        async with self._opening():
            shared = self._shared.get(key)
            if shared is None:
                shared = self._shared[key] = _Shared(await open_one(), 0)
            shared.holders += 1
            return shared.session

    def release(self, key: Hashable) -> None:
        """Undo one `acquire`. The session goes with its last holder."""
        shared = self._shared[key]
        shared.holders -= 1
        if not shared.holders:
            del self._shared[key]

    def __len__(self) -> int:
        """How many sessions are open."""
        return len(self._shared)
