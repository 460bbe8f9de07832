"""`fallback [a, b]`: the first member that can answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ...requests.answer import Chunk
from ...requests.call import Call
from ...requests.trace import Trace
from .failover import with_failover
from .route import Route


class Fallback(Route):
    """Each member is asked when those before it could not answer."""

    def pick(self, call: Call, trace: Trace) -> AsyncGenerator[Chunk, None]:
        return with_failover(self, range(len(self.members)), call, trace)
