"""OpenAI's chat completions around an async function of the user."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import orjson
from aiohttp import web

from ...call_signature import call_signature

log = logging.getLogger(__name__)

Answer = Callable[..., Any]
"""`answer(messages, **options)`: gives text, text to await, or an async iterator of pieces of text."""

NOT_THEIRS = (asyncio.CancelledError, GeneratorExit)
"""What ends an answer from outside. `sys.exit()` in code of the user's is an error of its request."""

_MAX_BODY = 64 << 20
_NOT_OPTIONS = frozenset({"messages", "stream", "stream_options"})


def chat_app(answer: Answer) -> web.Application:
    """`answer` as `/v1/chat/completions`, unary and streamed."""

    async def complete(request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        if body is None:
            return _error(400, "the body must be a JSON object with a list of `messages`")
        head = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": str(body.get("model", "")),
        }
        options = {name: value for name, value in body.items() if name not in _NOT_OPTIONS}
        async with aclosing(_pieces(answer, body["messages"], options)) as pieces:
            if body.get("stream"):
                return await _stream(request, head, pieces)
            try:
                text = "".join([piece async for piece in pieces])
            except NOT_THEIRS:
                raise
            except BaseException as error:
                return _error(500, _failed(error))
        message = {"role": "assistant", "content": text}
        return _json(200, _envelope(head, "chat.completion", message=message, finish_reason="stop"))

    app = web.Application(client_max_size=_MAX_BODY)
    app.router.add_post("/v1/chat/completions", complete)
    return app


def takes_options(answer: Answer) -> bool:
    """Whether `answer(messages, **options)` can be called."""
    try:
        call_signature(answer).bind([], an_option_that_no_function_names=0)
    except TypeError:
        return False
    return True


async def _pieces(answer: Answer, messages: list[Any], options: dict[str, Any]) -> AsyncGenerator[str, None]:
    if inspect.iscoroutinefunction(answer) or inspect.isasyncgenfunction(answer):
        given = answer(messages, **options)
    else:  # it may take its time
        given = await asyncio.to_thread(_called, answer, messages, options)
    if inspect.isawaitable(given):
        given = await given
    if isinstance(given, str):
        yield given
        return
    try:
        async for piece in given:
            yield piece
    finally:
        if inspect.isasyncgen(given):
            await given.aclose()


async def _stream(
    request: web.Request, head: dict[str, Any], pieces: AsyncIterator[str]
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)

    async def send(data: bytes) -> None:
        await response.write(b"data: " + data + b"\n\n")

    async def chunk(delta: dict[str, str], finish_reason: str | None = None) -> None:
        envelope = _envelope(head, "chat.completion.chunk", delta=delta, finish_reason=finish_reason)
        await send(orjson.dumps(envelope))

    await chunk({"role": "assistant", "content": ""})
    try:
        async for piece in pieces:
            await chunk({"content": piece})
    except (ConnectionError, *NOT_THEIRS):
        raise
    except BaseException as error:
        await send(orjson.dumps(_problem(_failed(error), 500)))
        return response
    await chunk({}, "stop")
    await send(b"[DONE]")
    return response


async def _body(request: web.Request) -> dict[str, Any] | None:
    try:
        body = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) and isinstance(body.get("messages"), list) else None


def _envelope(head: dict[str, Any], kind: str, **choice: Any) -> dict[str, Any]:
    return {**head, "object": kind, "choices": [{"index": 0, **choice}]}


def _called(answer: Answer, messages: list[Any], options: dict[str, Any]) -> Any:
    try:
        return answer(messages, **options)
    except Exception:
        raise
    except BaseException as error:  # which no future holds
        raise RuntimeError(type(error).__name__) from error


def _failed(error: BaseException) -> str:
    """What clients are told; the rest stands in the log."""
    log.error("an answer failed", exc_info=error)
    return f"the answer failed with {type(error).__name__}"


def _problem(message: str, status: int) -> dict[str, Any]:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def _error(status: int, message: str) -> web.Response:
    return _json(status, _problem(message, status))


def _json(status: int, value: object) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value), content_type="application/json")
