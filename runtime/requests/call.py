"""A request with all that goes with it to who answers: deadline, priority, headers."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING

from ...compiler.plan.record import frozen
from .request import Request

if TYPE_CHECKING:
    from .sink import Sink

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
"""Of a request that did not come over HTTP."""

MAX_PRIORITY = 100
"""The highest priority; the lowest is its negative."""


@frozen
class Call:
    """A request, and all that goes with it to who answers.

    deadline: in the time of the running loop. priority: of those who wait for a slot, the highest runs
    first. headers: of the client's request. wait_until: who is asked may wait until then for a slot or a
    limit; later somebody else is free. payers: who answers for it: its key, and the
    routes with a budget; whose budgets it is charged to, beside those of the deployments. sink: where chunks
    may go at once, once the first ones have come the usual way.
    """

    request: Request
    deadline: float | None = None
    priority: int = 0
    headers: Mapping[str, str] = NO_HEADERS
    wait_until: float = inf
    payers: tuple[str, ...] = ()
    sink: Sink | None = None

    def until(self, moment: float) -> Call:
        """The same for somebody who need not be waited for any longer than until then."""
        if moment >= self.wait_until:
            return self
        return Call(self.request, self.deadline, self.priority, self.headers, moment, self.payers, self.sink)

    def is_over(self, now: float) -> bool:
        """Whether the request has no time left."""
        return self.deadline is not None and now >= self.deadline
