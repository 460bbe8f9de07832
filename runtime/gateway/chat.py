"""`POST /v1/chat/completions`, unary and streamed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import orjson
from aiohttp import web

from ..errors import RequestError
from ..executor import Executor
from ..replica import ChatChunk, ChatRequest, Chunk, CompletionRequest
from ..trace import Trace
from .answers import DEPLOYMENT_HEADER, error_body, internal_error, log_failure
from .body import chat_request, priority_of, read_object

SSE_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}
_END = b"data: [DONE]\n\n"


async def answer_chat(request: web.Request, executor: Executor) -> web.StreamResponse:
    """The answer of the deployment that the body names. Raises RequestError."""
    name, chat = chat_request(await read_object(request))
    return await respond(request, executor, name, chat)


async def respond(
    request: web.Request, executor: Executor, name: str, chat: ChatRequest | CompletionRequest
) -> web.StreamResponse:
    """The answer of deployment `name` to `chat`. Raises RequestError."""
    trace = Trace()
    deadline, priority = executor.deadline(), priority_of(request)
    if not chat.stream:
        chunk = await executor.answer(name, chat, deadline, trace, priority=priority, headers=request.headers)
        assert isinstance(chunk, ChatChunk)
        headers = {DEPLOYMENT_HEADER: trace.deployment or name}
        return web.Response(body=chunk.data, headers=headers, content_type="application/json")
    answer = executor.stream(name, chat, deadline, trace, priority=priority, headers=request.headers)
    async with aclosing(answer) as chunks:
        first = await anext(chunks, None)  # errors up to here get a status of their own
        response = web.StreamResponse(headers={**SSE_HEADERS, DEPLOYMENT_HEADER: trace.deployment or name})
        await response.prepare(request)
        await _send(response, first, chunks)
        return response


async def _send(
    response: web.StreamResponse, chunk: Chunk | None, others: AsyncGenerator[Chunk, None]
) -> None:
    """Send all chunks, those that are here at the same time in one write, and the end marker.

    An error can only be told inside the stream now, which then ends without its marker.
    """
    pending = b""
    try:
        while chunk is not None:
            assert isinstance(chunk, ChatChunk)
            data, _, more = chunk
            if data:
                pending += _event(data)
            if pending and not more:
                await response.write(pending)
                pending = b""
            chunk = await anext(others, None)
        pending += _END
    except RequestError as error:
        log_failure(error)
        pending += _event(orjson.dumps(error_body(error)))
    except ConnectionError:  # the client is gone
        raise
    except Exception:
        pending += _event(orjson.dumps(error_body(internal_error())))
    await response.write_eof(pending)


def _event(data: bytes) -> bytes:
    return b"data: %b\n\n" % data
