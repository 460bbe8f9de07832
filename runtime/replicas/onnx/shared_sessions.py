"""One session for all replicas of a deployment on one device: the weights are there once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

from attrs import define

from .session import OpenSession


@define
class _Shared:
    session: OpenSession
    holders: int


class SharedSessions:
    """Sessions by key, each open for as long as someone holds it. Used from any thread."""

    def __init__(self) -> None:
        # One at a time: opening redirects the output of the whole process.
        self._opening = threading.Lock()
        self._lock = threading.Lock()
        self._shared: dict[Hashable, _Shared] = {}

    def acquire(self, key: Hashable, open_one: Callable[[], OpenSession]) -> OpenSession:
        """The session under `key`, opened by `open_one` if nobody holds it yet. Blocks meanwhile."""
        with self._opening:
            with self._lock:
                if shared := self._shared.get(key):
                    shared.holders += 1
                    return shared.session
            session = open_one()
            with self._lock:
                self._shared[key] = _Shared(session, 1)
            return session

    def release(self, key: Hashable) -> None:
        """Undo one `acquire`, without waiting for others. The session goes with its last holder."""
        with self._lock:
            shared = self._shared[key]
            shared.holders -= 1
            if not shared.holders:
                del self._shared[key]

    def __len__(self) -> int:
        """How many sessions are open."""
        return len(self._shared)
