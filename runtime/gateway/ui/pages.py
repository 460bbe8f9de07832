"""What answers at `/ui`: the files of the page for everyone, and what it shows for who may see that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from aiohttp import web

from ...admin import Refused
from ...executor import Executor
from ...requests.errors import Backpressure, RequestError, UnknownModel
from ..exchange import Exchange
from ..outgoing.answers import json_answer
from ..outgoing.event_stream import STREAM_HEADERS
from ..paths import Answer
from ..status import health_of
from ..telemetry.metrics import Metrics
from ..telemetry.request_records import Records
from ..telemetry.stories import why
from .assets import INDEX, assets, sent
from .described import described
from .live import EVERY, Live

Sources = Callable[[], dict[str, Any]]
"""The files that say the plan, as texts, and what was found in them."""

MOST_VIEWERS = 32


class UnknownRequest(UnknownModel):
    """No request of that id is remembered."""

    code = "request_not_found"


class Pages:
    """The page of one gateway. admits: raises RequestError for who may not see it any more."""

    def __init__(
        self,
        executor: Executor,
        metrics: Metrics,
        records: Records,
        sources: Sources,
        admits: Callable[[web.Request], object],
        is_closing: Callable[[], bool],
    ) -> None:
        self._executor = executor
        self._metrics = metrics
        self._records = records
        self._sources = sources
        self._admits = admits
        self._is_closing = is_closing
        self.viewers = 0

    def files(self) -> Iterator[tuple[str, Answer]]:
        """The paths of the files, and what answers there."""
        for name in assets():
            yield ("/ui" if name == INDEX else f"/ui/{name}"), partial(_answer_file, name)

    def shown(self) -> Iterator[tuple[str, Answer]]:
        """The same of what the page shows."""
        yield "/ui/plan", self._answer_plan
        yield "/ui/live", self._answer_live
        yield "/ui/requests/{id}", self._answer_story

    async def _answer_plan(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        """`GET /ui/plan`: what there is, and the files that say so."""
        siblings = self._records.siblings
        sources = self._sources() if siblings is None else await siblings.ask("sources")
        plan = {"files": [], "findings": [], **sources, **described(self._executor.plan)}
        return json_answer(plan)

    async def _answer_story(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        """`GET /ui/requests/{id}`: the story of one request. Raises UnknownRequest."""
        siblings, asked = self._records.siblings, {"id": request.match_info["id"]}
        try:
            story = why(self._records, asked) if siblings is None else await siblings.ask("why", **asked)
        except Refused as error:
            raise UnknownRequest(str(error)) from None
        if "refused" in story:
            raise UnknownRequest(story["refused"])
        return json_answer(story)

    async def _answer_live(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        """`GET /ui/live`: how everything is, as events. Raises Backpressure."""
        if self.viewers >= MOST_VIEWERS:
            raise Backpressure(f"{MOST_VIEWERS} look at it already", retry_after=5)
        live = Live(
            self._executor, self._metrics, self._records, partial(health_of, request.app, self._executor)
        )
        self.viewers += 1
        try:
            out = web.StreamResponse(headers=STREAM_HEADERS)
            await out.prepare(request)
            while not self._is_closing():
                self._admits(request)
                await out.write(await live.changes())
                await request.writer.drain()
                await asyncio.sleep(EVERY)
        except RequestError:
            await out.write(b"event: closed\ndata: {}\n\n")  # the key is not accepted any more
        finally:
            self.viewers -= 1
        return out


async def _answer_file(name: str, request: web.Request, exchange: Exchange) -> web.StreamResponse:
    return sent(request, assets()[name])
