"""The errors of one replica, which say whose they are and what it did."""

from __future__ import annotations

from typing import TypeVar

import aiohttp

from ....compiler.plan import RemotePoolPlan
from ...concurrency.timeouts import Timeouts
from ...requests.errors import RequestError, RequestTimeout, ServerError
from .body import Limit, OutOfBounds
from .transport.network_errors import told_of
from .transport.proxy import Proxy

E = TypeVar("E", bound=RequestError)


class Faults:
    """Of a replica of `plan`. launched: its server is one of ours. proxy: what all goes through."""

    proxy: Proxy | None = None

    def __init__(self, plan: RemotePoolPlan, who: str, timeouts: Timeouts, *, launched: bool) -> None:
        self._plan = plan
        self._who = who
        self._timeouts = timeouts
        self._launched = launched

    def of(self, kind: type[E], what: str, *, retryable: bool | None = None) -> E:
        """An error of `kind`: the provider did `what`."""
        plan = self._plan
        return kind(
            f"{self._who} {what}", deployment=plan.deployment, provider=plan.provider, retryable=retryable
        )

    def of_network(self, error: aiohttp.ClientError) -> RequestError:
        """What `error` is to who asked."""
        kind, what, retryable = told_of(error, self._plan.endpoint, self.proxy, launched=self._launched)
        return self.of(kind, what, retryable=retryable)

    def out_of_bounds(self, error: OutOfBounds, deadline: float | None) -> RequestError:
        """What it is to who asked that an answer that had begun broke a bound."""
        if error.limit is Limit.SIZE:
            what = f"sent an answer of more than {error.most >> 20} MiB, which was not read on"
            return self.of(ServerError, what, retryable=False)
        if error.limit is Limit.READ:
            silent = self.of(RequestTimeout, f"fell silent for {float(self._plan.timeouts.read):g} s")
            silent.at_work = True
            return silent
        late = self.too_late(deadline)
        late.at_work = True
        return late

    def too_late(self, deadline: float | None) -> RequestTimeout:
        """The whole answer took longer than it may. deadline: of the client, in the time of the loop."""
        if deadline is not None and self._timeouts.now() >= deadline:
            what = "took longer than the deadline"
        else:
            what = f"took longer than `timeouts {{ total = {self._plan.timeouts.total} }}`"
        return self.of(RequestTimeout, what)
