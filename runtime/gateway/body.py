"""Request bodies: bytes in, checked fields out, and errors that say which field and what it wants."""

from __future__ import annotations

from typing import Any, TypeVar

import orjson
from aiohttp import web

from ..errors import BadRequest, RequestTooLarge
from ..replica import ChatRequest, EmbedRequest

MAX_BODY = 32 << 20
"""Bytes that a request body may have."""

_KINDS: dict[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    list: "a list",
    dict: "an object",
    float: "a number",
    type(None): "null",
}

T = TypeVar("T")


async def read_object(request: web.Request) -> dict[str, Any]:
    """The JSON object in the body. Raises BadRequest, RequestTooLarge."""
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise RequestTooLarge(f"the body has more than {MAX_BODY >> 20} MiB") from None
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


def chat_request(body: dict[str, Any]) -> tuple[str, ChatRequest]:
    """The model's name and the request. Raises BadRequest."""
    model = _required(body, "model", str)
    messages = _required(body, "messages", list)
    if not messages:
        raise BadRequest("`messages` must hold at least one message", param="messages")
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            raise _mistyped(f"messages[{index}]", dict, message)
        if not isinstance(message.get("role"), str):
            raise BadRequest(f"`messages[{index}].role` must be text", param=f"messages[{index}].role")
    stream = body.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise _mistyped("stream", bool, stream)
    return model, ChatRequest(body, bool(stream))


def embed_request(body: dict[str, Any]) -> tuple[str, EmbedRequest, bool]:
    """The model's name, the request, and whether vectors go out as base64. Raises BadRequest."""
    model = _required(body, "model", str)
    encoding = body.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise BadRequest("`encoding_format` must be `float` or `base64`", param="encoding_format")
    if body.get("dimensions") is not None:
        raise BadRequest("`dimensions` cannot be chosen here: the model decides", param="dimensions")
    texts = body.get("input")
    if isinstance(texts, str):
        texts = [texts]
    elif not isinstance(texts, list):
        raise _mistyped("input", list, texts) if "input" in body else _missing("input", list)
    if not texts:
        raise BadRequest("`input` must hold at least one text", param="input")
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise _mistyped(f"input[{index}]", str, text)
    return model, EmbedRequest(tuple(texts)), encoding == "base64"


def _required(body: dict[str, Any], name: str, kind: type[T]) -> T:
    value = body.get(name)
    if isinstance(value, kind):
        return value
    raise _mistyped(name, kind, value) if name in body else _missing(name, kind)


def _missing(name: str, kind: type) -> BadRequest:
    return BadRequest(f"`{name}` is missing; it must be {_KINDS[kind]}", param=name, code="missing_field")


def _mistyped(name: str, kind: type, value: object) -> BadRequest:
    found = _KINDS[type(value)]
    return BadRequest(f"`{name}` must be {_KINDS[kind]}, not {found}", param=name, code="wrong_type")
