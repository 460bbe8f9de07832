"""`fallback [a, b]`: the first member that can answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Coroutine
from typing import Any

from ...requests.answer import Chunk
from ...requests.call import Call
from ...requests.trace import Trace
from .failover import whole_with_failover, with_failover
from .route import Route


class Fallback(Route):
    """Each member is asked when those before it could not answer."""

    def pick(self, call: Call, trace: Trace) -> AsyncGenerator[Chunk, None]:
        return with_failover(self, range(len(self.members)), call, trace)

    def pick_whole(self, call: Call, trace: Trace) -> Coroutine[Any, Any, Chunk]:
        return whole_with_failover(self, range(len(self.members)), call, trace)
