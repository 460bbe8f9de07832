"""Request bodies: bytes in, checked fields out, and errors that say which field and what it wants."""

from __future__ import annotations

from typing import Any, TypeVar

import orjson
from aiohttp import web

from ..errors import BadRequest, RequestTooLarge
from ..replica import ChatRequest, EmbedRequest

MAX_BODY = 32 << 20
"""Bytes that a request body may have."""

PRIORITY_HEADER = "x-inferc-priority"

MAX_PRIORITY = 100
"""The highest priority; the lowest is its negative."""

_KINDS: dict[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    list: "a list",
    dict: "an object",
    float: "a number",
    type(None): "null",
}

_TEXTS = "text or a list of texts"

T = TypeVar("T")


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


def chat_request(body: dict[str, Any]) -> tuple[str, ChatRequest]:
    """The model's name and the request. Raises BadRequest."""
    model = required(body, "model", str)
    messages = required(body, "messages", list)
    if not messages:
        raise BadRequest("`messages` must hold at least one message", param="messages")
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            raise mistyped(f"messages[{index}]", dict, message)
        if not isinstance(message.get("role"), str):
            raise BadRequest(f"`messages[{index}].role` must be text", param=f"messages[{index}].role")
    stream = body.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise mistyped("stream", bool, stream)
    return model, ChatRequest(body, bool(stream))


def texts_in(body: dict[str, Any], name: str) -> tuple[str, ...]:
    """The field `name` of `body`: one text or a list of them. Raises BadRequest."""
    texts = body.get(name)
    if isinstance(texts, str):
        return (texts,)
    if not isinstance(texts, list):
        if name not in body:
            raise BadRequest(f"`{name}` is missing; it must be {_TEXTS}", param=name, code="missing_field")
        raise BadRequest(
            f"`{name}` must be {_TEXTS}, not {_KINDS[type(texts)]}", param=name, code="wrong_type"
        )
    if not texts:
        raise BadRequest(f"`{name}` must hold at least one text", param=name)
    for index, text in enumerate(texts):
        if type(text) in (int, list):
            raise BadRequest(
                f"`{name}[{index}]` must be text, not {_KINDS[type(text)]}: the model has a tokenizer of its "
                "own, send texts instead of token ids",
                param=f"{name}[{index}]",
                code="wrong_type",
            )
        if not isinstance(text, str):
            raise mistyped(f"{name}[{index}]", str, text)
    return tuple(texts)


def count_in(body: dict[str, Any], name: str) -> int | None:
    """The field `name` of `body`, a whole number of at least 1, or None. Raises BadRequest."""
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not int:
        raise mistyped(name, int, value)
    if value < 1:
        raise BadRequest(f"`{name}` is {value}; it must be at least 1", param=name)
    return value


def embed_request(body: dict[str, Any]) -> tuple[str, EmbedRequest, bool]:
    """The model's name, the request, and whether vectors go out as base64. Raises BadRequest."""
    model = required(body, "model", str)
    encoding = body.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise BadRequest("`encoding_format` must be `float` or `base64`", param="encoding_format")
    request = EmbedRequest(texts_in(body, "input"), count_in(body, "dimensions"))
    return model, request, encoding == "base64"


def required(body: dict[str, Any], name: str, kind: type[T]) -> T:
    """The field `name` of `body`. Raises BadRequest where it is missing or no `kind`."""
    value = body.get(name)
    if isinstance(value, kind):
        return value
    raise mistyped(name, kind, value) if name in body else missing(name, kind)


def missing(name: str, kind: type) -> BadRequest:
    return BadRequest(f"`{name}` is missing; it must be {_KINDS[kind]}", param=name, code="missing_field")


def mistyped(name: str, kind: type, value: object) -> BadRequest:
    found = _KINDS[type(value)]
    return BadRequest(f"`{name}` must be {_KINDS[kind]}, not {found}", param=name, code="wrong_type")
