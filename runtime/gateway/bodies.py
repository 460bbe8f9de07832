"""Request bodies, read from the connection and unpacked: bytes, or the JSON object in them."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from ..dialects.openai.requests import _KINDS
from ..requests.call import MAX_PRIORITY
from ..requests.errors import BadRequest, RequestTooLarge

MAX_BODY = 32 << 20
"""Bytes that a request body may have."""

PRIORITY_HEADER = "x-inferc-priority"


class BrokenBody(BadRequest):
    """The body is not packed as its header `Content-Encoding` says; the connection is closed."""

    code = "broken_body"


async def read_body(request: web.Request) -> bytes:
    """The body, unpacked. Raises BrokenBody, RequestTooLarge."""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise RequestTooLarge(f"the body has more than {MAX_BODY >> 20} MiB") from None
    except web.RequestPayloadError:
        request.content.feed_eof()  # or else aiohttp goes on reading, and logs what we say here
        encoding = request.headers.get("Content-Encoding")
        why = (
            f"it is not in `{encoding}`, as its header Content-Encoding says" if encoding else "it is broken"
        )
        raise BrokenBody(f"the body cannot be read: {why}", param="Content-Encoding") from None


async def read_object(request: web.Request) -> dict[str, Any]:
    """The JSON object in the body. Raises BadRequest, RequestTooLarge."""
    raw = await read_body(request)
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if not raw:
            raise BadRequest("the body is empty; it must be a JSON object") from None
        message = f"the body is no JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        raise BadRequest(message, code="invalid_json") from None
    if not isinstance(body, dict):
        raise BadRequest(f"the body must be a JSON object, not {_KINDS[type(body)]}")
    return body


def priority_of(request: web.Request, default: int = 0) -> int:
    """How urgent the request is: `default` where its headers do not say. Raises BadRequest."""
    text = request.headers.get(PRIORITY_HEADER)
    if text is None:
        return default
    try:
        priority = int(text)
    except ValueError:
        priority = MAX_PRIORITY + 1
    if abs(priority) > MAX_PRIORITY:
        allowed = f"a whole number from -{MAX_PRIORITY} to {MAX_PRIORITY}"
        raise BadRequest(f"the header `{PRIORITY_HEADER}` must be {allowed}", param=PRIORITY_HEADER)
    return priority
