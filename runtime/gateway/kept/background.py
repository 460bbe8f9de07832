"""Responses that are worked on while nobody waits for them, and whose events may be followed meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from aiohttp import web

from ....compiler.plan.record import frozen
from ...concurrency.tasks import end_tasks
from ...requests.errors import Backpressure, BadRequest, RequestError, ShuttingDown, forget_frames
from ...requests.events import Failed
from ...requests.request import ChatRequest
from ...requests.trace import Trace
from ..exchange import Exchange
from ..outgoing.errors import internal_error, log_failure
from .event_log import EventLog, unpacked
from .kept import Json
from .responses import Keeper, KeptResponses

MOST_BACKGROUND = 256
"""Responses that this process works on while nobody waits."""
LOOK_AGAIN = 0.5
"""Seconds after which it is looked again whether another process has done its work."""
LONGEST_WAIT = 3600.0
"""Seconds for which that is done."""

_WORKED_ON = ("queued", "in_progress")


@frozen
class _Work:
    task: asyncio.Task[None]
    events: EventLog | None


class Background:
    """Those of this process, by their names in the store."""

    def __init__(self) -> None:
        self._works: dict[str, _Work] = {}

    async def begin(
        self,
        exchange: Exchange,
        model: str,
        chat: ChatRequest,
        keeper: Keeper,
        kept: KeptResponses,
        priority: int,
        headers: Any,
    ) -> tuple[Json, EventLog | None]:
        """Begin to work on a response; gives it, and its events if it is streamed. Raises RequestError."""
        if len(self._works) >= MOST_BACKGROUND:
            raise Backpressure(
                f"{MOST_BACKGROUND} responses are being worked on in the background", retry_after=1
            )
        events = EventLog() if chat.stream else None
        told = keeper.writer.unanswered("queued")
        if events is not None:
            events.add(keeper.writer.queued())
        await keeper.keep()
        work = _work(exchange, model, chat, keeper, kept, events, priority, headers)
        task = exchange.background = asyncio.create_task(work)
        name = kept.name(told["id"])
        self._works[name] = _Work(task, events)
        task.add_done_callback(lambda _: self._works.pop(name, None))
        return told, events

    def stop(self, name: str, code: str, message: str) -> None:
        """End the work on a response, if it is done here: those who follow it are told why."""
        work = self._works.pop(name, None)
        if work is not None:
            if work.events is not None:
                work.events.fail(code, message)
            work.task.cancel()

    async def follow(self, kept: KeptResponses, id: str, number: int) -> AsyncGenerator[bytes, None]:
        """The events of a response from `number` on, wherever it is worked on; nothing while none is there.

        Raises RequestError.
        """
        work = self._works.get(kept.name(id))
        if work is not None and work.events is not None:
            async for events in work.events.follow(number):
                yield events
            return
        for _ in range(round(LONGEST_WAIT / LOOK_AGAIN)):
            record = await kept.load(id)
            packed = await kept.load_events(id)
            if packed is not None:
                yield unpacked(packed, number)
                return
            if record["response"]["status"] not in _WORKED_ON:
                gone = "`stream`: the events of this response are not kept any more"
                raise BadRequest(gone, param="stream")
            yield b""  # it is known, and will come
            await asyncio.sleep(LOOK_AGAIN)
        raise BadRequest("`stream`: nothing has come of this response for too long", param="stream")

    async def end(self) -> None:
        """End all."""
        await end_tasks([work.task for work in self._works.values()])


BACKGROUND: web.AppKey[Background] = web.AppKey("background", Background)


async def _work(
    exchange: Exchange,
    model: str,
    chat: ChatRequest,
    keeper: Keeper,
    kept: KeptResponses,
    events: EventLog | None,
    priority: int,
    headers: Any,
) -> None:
    """Answer, with nobody who waits, and keep what came, unless somebody has cancelled it meanwhile."""
    writer = keeper.writer
    try:
        if events is None:
            writer.unanswered("in_progress")
            await keeper.keep()
        trace, call = Trace(spans=[]), exchange.call(chat, priority, headers)
        if events is not None:
            async with aclosing(exchange.stream(model, call, trace)) as chunks:
                async for chunk in chunks:
                    events.add(keeper.write(chunk))
            last = keeper.end()
            await keeper.join()
            events.add(last)
        else:
            keeper.whole(await exchange.answer(model, call, trace))
            await keeper.join()
    except asyncio.CancelledError:
        stopped = ShuttingDown("the server stopped before the answer was there")
        await asyncio.shield(_keep(keeper, kept, events, writer.write(Failed(stopped, False))))
        raise
    except Exception as error:
        failure = error if isinstance(error, RequestError) else internal_error()
        log_failure(failure)
        forget_frames(failure)
        await _keep(keeper, kept, events, keeper.fail(failure))
    else:
        await _keep(keeper, kept, events)


async def _keep(keeper: Keeper, kept: KeptResponses, events: EventLog | None, last: bytes = b"") -> None:
    """Keep what came, unless the response was cancelled or deleted meanwhile. last: its last events."""
    response = keeper.writer.response
    assert response is not None
    if events is not None:
        events.add(last)
    try:
        record = await kept.load(response["id"])
        if record["response"]["status"] in _WORKED_ON:
            if events is not None:
                await kept.save_events(response["id"], events)
            await keeper.keep()
    except RequestError:
        pass  # it is gone, or the store is
    finally:
        if events is not None:
            events.end()
