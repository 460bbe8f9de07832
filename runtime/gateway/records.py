"""What became of each request: counted, kept for a while, and written down where that is wanted."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

from aiohttp import web

from ..concurrency.loop_lag import LoopLag
from ..requests.errors import RequestError, Unauthorized
from ..requests.trace import Note, Span
from ..requests.usage import PICODOLLARS
from ..serving.counters import OK
from .access_log import AccessLog
from .accounting import Accounting
from .exchange import Exchange
from .traces import Traces

KEPT = 1000
"""Requests that are kept; and as many of those that failed, or needed more than one attempt."""

LONGEST_PATH, LONGEST_MESSAGE = 200, 500

BROKEN_OFF = "broken_off"
"""How a request ended whose answer began, and did not come to its end."""


class Record(NamedTuple):
    """One request. at: when it came, in seconds since 1970; began, ended: in the time of the loop.

    outcome: `ok`, `broken_off`, `cancelled`, or the code of an error, whose `message` is what the client got.
    """

    id: str
    at: float
    began: float
    ended: float
    method: str
    path: str
    key: str
    asked: str
    user: str
    status: int
    outcome: str
    message: str
    deployment: str
    replica: int | None
    attempts: int
    spans: list[Span]
    notes: list[Note]

    @property
    def tokens(self) -> tuple[int, int]:
        """Of prompts and of answers."""
        usages = [span.usage for span in self.spans]
        return sum(each.prompt_tokens for each in usages), sum(each.completion_tokens for each in usages)

    @property
    def cost(self) -> float | None:
        """Dollars; None where the price of an attempt is not known."""
        costs = [span.cost for span in self.spans if span.tokens]
        return None if None in costs else sum(each or 0 for each in costs) / PICODOLLARS

    def as_json(self) -> dict[str, Any]:
        """What an access line says, in the order in which people read it."""
        prompt, completion = self.tokens
        first = next((span.first for span in self.spans if span.first is not None), None)
        fields = {
            "time": self.at,
            "id": self.id,
            "key": self.key or None,
            "method": self.method,
            "path": self.path,
            "asked": self.asked or None,
            "user": self.user or None,
            "deployment": self.deployment or None,
            "replica": self.replica,
            "attempts": self.attempts,
            "status": self.status,
            "outcome": self.outcome,
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "cost": self.cost if self.spans else None,
            "waited": round(self.spans[0].began - self.began, 6) if self.spans else None,
            "first": round(first - self.began, 6) if first is not None else None,
            "seconds": round(self.ended - self.began, 6),
            "error": self.message or None,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def story(self) -> dict[str, Any]:
        """All that is known, with what happened in its order; times from the arrival."""
        events = [(span.began, self._attempt(span)) for span in self.spans if span.began]
        events += [
            (note.at, {"at": round(note.at - self.began, 6), "text": note.text}) for note in self.notes
        ]
        events.sort(key=lambda event: event[0])
        return {**self.as_json(), "events": [event for _, event in events]}

    def _attempt(self, span: Span) -> dict[str, Any]:
        return {
            "at": round(span.began - self.began, 6),
            "step": span.step,
            "deployment": span.deployment,
            "replica": span.replica,
            "seconds": round(span.seconds, 6),
            "first": round(span.first - span.began, 6) if span.first is not None else None,
            "ok": span.ok,
            "tokens": span.tokens,
            "cost": None if span.cost is None else span.cost / PICODOLLARS,
        }


class Records:
    """Those of one gateway.

    access: where a line for each request is written; traces: where each is sent as a trace. None: nowhere.
    """

    def __init__(self, access: AccessLog | None = None, traces: Traces | None = None) -> None:
        self.traces = traces
        self.accounting = Accounting()
        self.access = access
        self.lag = LoopLag()
        self._recent: deque[Record] = deque(maxlen=KEPT)
        self._troubled: deque[Record] = deque(maxlen=KEPT)

    def end(
        self,
        exchange: Exchange,
        method: str,
        path: str,
        status: int,
        outcome: str,
        error: RequestError | None,
        now: float,
        asks: bool = True,
    ) -> None:
        """A request has ended. status: 0 where nobody got any. asks: whether it was one to a model."""
        key = exchange.key.plan.name if exchange.key is not None else ""
        spans, trace = exchange.spans, exchange.trace
        if outcome == OK and spans and not any(span.ok for span in spans):
            outcome = BROKEN_OFF
        accounting = self.accounting
        if asks:
            accounting.outcomes[key, outcome] += 1
        asked, user = exchange.asked or "", exchange.person or exchange.user or ""
        if spans:
            accounting.add(key, asked, user, spans)
        record = Record(
            exchange.id,
            time.time() - (now - exchange.began),
            exchange.began,
            now,
            method,
            path[:LONGEST_PATH],
            key,
            asked,
            user,
            status,
            outcome,
            "" if error is None else error.message[:LONGEST_MESSAGE],
            "" if trace is None else trace.deployment or "",
            None if trace is None else trace.replica,
            0 if trace is None else trace.tries,
            spans,
            [] if trace is None else trace.notes,
        )
        if asks and outcome != Unauthorized.code:  # of which anybody may send any number
            self._recent.append(record)
            if outcome != OK or record.attempts > 1:
                self._troubled.append(record)
        if self.access is not None:
            self.access.write(record)
        if self.traces is not None and asks:
            self.traces.add(record, exchange.plan, exchange.traceparent)

    async def stop(self) -> None:
        """Write what is not written yet."""
        if self.access is not None:
            await self.access.stop()
        if self.traces is not None:
            await asyncio.to_thread(self.traces.stop)

    def find(self, request_id: str) -> Record | None:
        """The last request of that id, if it is remembered."""
        return next((each for each in self._newest() if each.id == request_id), None)

    def troubled(self, most: int) -> list[Record]:
        """The last requests that failed, or needed more than one attempt."""
        return list(self._troubled)[-most:]

    def _newest(self) -> Iterator[Record]:
        return chain(reversed(self._recent), reversed(self._troubled))


RECORDS: web.AppKey[Records] = web.AppKey("records", Records)
