"""Chats in other protocols: `POST /v1/messages` (Anthropic) and `POST /v1/responses` (OpenAI)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web
from multidict import istr

from ....compiler.plan.late_pattern import late_pattern
from ...dialects import anthropic
from ...dialects.chats import has_many_parts, said_in
from ...dialects.fields import optional
from ...dialects.registry import CLIENT_SIDES
from ...policies.estimate import estimate
from ...requests.errors import BadRequest, RequestError
from ...requests.request import NO_OPTIONS
from ..exchange import Exchange
from ..incoming.bodies import read_object
from ..outgoing.answers import json_answer
from .chat import respond

BETA_HEADER = istr("anthropic-beta")
PROFILE_HEADER = istr("anthropic-user-profile-id")


class UnknownThread(RequestError):
    """No threads are kept: all messages have to be sent anew, as clients then do."""

    status, type, code = 404, "invalid_request_error", "thread_not_found"


_BETAS = late_pattern(r"[\w.,: -]{1,2048}", re.ASCII)
_PROFILE = late_pattern(r"[\w-]{1,128}", re.ASCII)


def answer_in(dialect: str) -> Callable[[web.Request, Exchange], Awaitable[web.StreamResponse]]:
    """What answers requests in that dialect."""
    read_request = CLIENT_SIDES[dialect].read_request

    async def answer(request: web.Request, exchange: Exchange) -> web.StreamResponse:
        body = await read_object(request, exact=True)
        if dialect == anthropic.DIALECT and "thread" in body:
            body = _without_thread(body)
        many = has_many_parts(body.get("messages", body.get("input")))
        asked = await asyncio.to_thread(read_request, body) if many else read_request(body)
        headers = _headers(request) if dialect == anthropic.DIALECT else NO_OPTIONS
        chat = said_in(dialect, body, asked, headers)
        return await respond(request, exchange, asked.model, chat)

    return answer


def _without_thread(body: dict[str, Any]) -> dict[str, Any]:
    """`body`, which begins a thread: none is kept. Raises UnknownThread where it goes on with one.

    Clients then send all messages anew, as they do when Anthropic has lost a thread.
    """
    if (optional(body, "thread", dict) or {}).get("type", "create") != "create":
        message = "`thread`: no threads are kept here: send all messages, without it or to begin one"
        raise UnknownThread(message, param="thread")
    return {name: value for name, value in body.items() if name != "thread"}


def _headers(request: web.Request) -> Mapping[str, str]:
    """What the client says to Anthropic beside the body: the parts of the API that it wants and that are not
    for everyone yet, and for whom it asks. Raises BadRequest."""
    received = request.headers
    if BETA_HEADER not in received and PROFILE_HEADER not in received:
        return NO_OPTIONS
    said: dict[str, str] = {}
    for header, form, what in (
        (BETA_HEADER, _BETAS, "names with commas between them"),
        (PROFILE_HEADER, _PROFILE, "the id of a profile"),
    ):
        value = ",".join(received.getall(header)) if header in received else ""
        if not value:
            continue
        if form.fullmatch(value) is None:
            raise BadRequest(f"the header `{header}` must be {what}", param=header)
        said[header] = value
    return said or NO_OPTIONS


async def count_tokens(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`POST /v1/messages/count_tokens`: about how many tokens the request would have. Raises RequestError."""
    body = {"max_tokens": 1, **await read_object(request)}  # which is not said here
    asked = CLIENT_SIDES["anthropic"].read_request(body)
    exchange.model(asked.model)
    return json_answer({"input_tokens": estimate(said_in("anthropic", body, asked)).prompt})
