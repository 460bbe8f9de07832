"""Requests that are answered in one piece: read in a protocol, answered, and written in that protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from ....compiler.plan import TaskKind
from ...dialects.client_request import Asked
from ...requests.errors import BadRequest
from ...requests.trace import Trace
from ..exchange import Exchange
from ..incoming.bodies import read_object
from ..incoming.head import priority_of
from ..outgoing.answers import in_turns, json_response


def answer_asked(
    read: Callable[[dict[str, Any]], Asked[Any, Any]], task: TaskKind
) -> Callable[[web.Request, Exchange], Awaitable[web.StreamResponse]]:
    """What answers the requests that `read` reads. task: of the model for those that name none."""

    async def answer(request: web.Request, exchange: Exchange) -> web.StreamResponse:
        asked = read(await read_object(request))
        name = _only_model(exchange, task) if asked.model is None else asked.model
        trace = Trace(spans=[])
        call = exchange.call(asked.request, priority_of(request), request._headers)
        chunk = await exchange.answer(name, call, trace)
        pieces = asked.write(chunk, name)
        told = pieces if isinstance(pieces, tuple) else tuple(await in_turns(pieces))
        return json_response(told, trace, name)

    return answer


def _only_model(exchange: Exchange, task: TaskKind) -> str:
    """The model of `task`, if there is but one. Raises BadRequest."""
    names = [model.name for model in exchange.models.values() if model.task is task]
    if len(names) == 1:
        return names[0]
    there = f"name one of them as `model`: {', '.join(names)}" if names else "there is none"
    raise BadRequest(f"{len(names)} models have the task `{task}`: {there}", param="model")
