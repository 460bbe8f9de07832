"""What became of each request: counted, kept for a while, and written down where that is wanted."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web

from ....compiler.plan.record import new_tuple
from ...concurrency.loop_lag import LoopLag
from ...requests.errors import RequestError, Unauthorized
from ...serving.counters import OK
from ..exchange import Exchange
from .access_log import AccessLog
from .accounting import Accounting
from .request_record import Record

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from .traces import Traces

KEPT = 1000
"""Requests that are kept; and as many of those that failed, or needed more than one attempt."""

WRITTEN = 500
"""Of each of them, those that outlast a restart."""

Story = dict[str, Any]

Told = tuple[str, str, int, str, RequestError | None]
"""What is told of a request that has ended: its method, path, status (0 where nobody got any),
outcome and error."""

LONGEST_PATH, LONGEST_MESSAGE = 200, 500
_UNAUTHORIZED = Unauthorized.code

BROKEN_OFF = "broken_off"
"""How a request ended whose answer began, and did not come to its end."""


class Siblings(Protocol):
    """What speaks for all workers behind one port."""

    async def status(self) -> dict[str, Any]:
        """How all of them are, together."""
        ...

    async def metrics(self, *, traffic: bool = False) -> list[Metric]:
        """What all of them have counted, together; traffic: of requests alone."""
        ...

    async def ask(self, command: str, **asked: Any) -> dict[str, Any]:
        """What all of them say to a command that changes nothing."""
        ...


class Records:
    """Those of one gateway.

    access: where a line for each request is written; traces: where each is sent as a trace. None: nowhere.
    """

    def __init__(self, access: AccessLog | None = None, traces: Traces | None = None) -> None:
        self.traces = traces
        self.accounting = Accounting()
        self.access = access
        self.lag = LoopLag()
        self.siblings: Siblings | None = None
        """The other workers that answer at the same port; None where this process is alone."""
        self._ended: list[tuple[Exchange, Told, float, bool]] = []
        """Those that have ended in this turn of the loop."""
        self._recent: deque[Record] = deque(maxlen=KEPT)
        self._troubled: deque[Record] = deque(maxlen=KEPT)
        self._earlier: deque[Story] = deque(maxlen=KEPT)
        self._earlier_troubled: deque[Story] = deque(maxlen=KEPT)

    def end_soon(self, exchange: Exchange, told: Told, asks: bool) -> None:
        """As `end`, in the next turn of the loop: answers go out at the end of this one."""
        if not self._ended:
            exchange.loop.call_soon(self._end_all)
        self._ended.append((exchange, told, exchange.loop.time(), asks))

    def _end_all(self) -> None:
        ended, self._ended = self._ended, []
        for each in ended:
            self.end(*each)

    def end(self, exchange: Exchange, told: Told, now: float, asks: bool = True) -> None:
        """A request has ended. asks: whether it was one to a model."""
        method, path, status, outcome, error = told
        key = exchange.key.plan.name if exchange.key is not None else ""
        spans, trace = exchange.spans, exchange.trace
        if trace is None:
            deployment, replica, attempts, notes, upstream = "", None, 0, exchange.notes, None
        else:
            deployment, replica, attempts = trace.deployment or "", trace.replica, trace.tries()
            notes, upstream = trace.notes, trace.upstream
        if error is not None and not deployment:
            deployment = error.deployment or ""
        if outcome == OK and spans and not (spans[-1].ok or any(span.ok for span in spans)):
            outcome = BROKEN_OFF
        accounting = self.accounting
        if asks:
            accounting.outcomes[key, outcome] += 1
        asked, user = exchange.asked or "", exchange.person or exchange.user or ""
        if spans:
            accounting.add(key, asked, user, spans, exchange.plan)
        began = exchange.began
        said = (
            exchange.id,
            time.time() - (now - began),
            began,
            now,
            method,
            path[:LONGEST_PATH],
            key,
            asked,
            user,
            status,
            outcome,
            "" if error is None else error.message[:LONGEST_MESSAGE],
            deployment,
            replica,
            attempts,
            spans,
            notes,
            upstream,
        )
        record = new_tuple(Record, said)
        if asks and outcome != _UNAUTHORIZED:  # of which anybody may send any number
            self._recent.append(record)
            if outcome != OK or attempts > 1:
                self._troubled.append(record)
        if self.access is not None:
            self.access.write(record)
        if self.traces is not None and asks:
            self.traces.add(record, exchange.plan, exchange.traceparent, exchange.own_trace)

    async def stop(self) -> None:
        """Write what is not written yet."""
        self._end_all()
        if self.access is not None:
            await self.access.stop()
        if self.traces is not None:
            await self.traces.stop()

    def story(self, request_id: str) -> Story | None:
        """That of the last request of that id, if it is remembered."""
        newest = chain(reversed(self._recent), reversed(self._troubled))
        found = next((each for each in newest if each.id == request_id), None)
        if found is not None:
            return found.story()
        earlier = chain(reversed(self._earlier), reversed(self._earlier_troubled))
        return next((each for each in earlier if each["id"] == request_id), None)

    def troubled(self, most: int) -> list[Story]:
        """The last requests that failed, or needed more than one attempt."""
        own = [each.as_json() for each in tuple(self._troubled)[-most:]]
        return [*_without_events(self._earlier_troubled), *own][-most:]

    def recent(self, most: int) -> list[Story]:
        """The last requests."""
        own = [each.as_json() for each in tuple(self._recent)[-most:]]
        return [*_without_events(self._earlier), *own][-most:]

    def as_json(self) -> dict[str, Any]:
        """What outlasts a restart."""
        recent = [*self._earlier, *(each.story() for each in tuple(self._recent)[-WRITTEN:])]
        troubled = [*self._earlier_troubled, *(each.story() for each in tuple(self._troubled)[-WRITTEN:])]
        return {
            "began": self.accounting.began,
            "spent": self.accounting.as_json(),
            "recent": recent[-WRITTEN:],
            "troubled": troubled[-WRITTEN:],
        }

    def restore(self, known: dict[str, Any]) -> None:
        """Go on with what was known before. Raises ValueError, TypeError, KeyError."""
        recent, troubled = (
            [each for each in known[part] if isinstance(each["id"], str) and isinstance(each["events"], list)]
            for part in ("recent", "troubled")
        )
        self.accounting.restore(known["began"], known["spent"])
        self._earlier.extend(recent)
        self._earlier_troubled.extend(troubled)


def _without_events(stories: Iterable[Story]) -> Iterator[Story]:
    return ({name: each[name] for name in each if name != "events"} for each in stories)


RECORDS: web.AppKey[Records] = web.AppKey("records", Records)
