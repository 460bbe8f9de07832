"""A provider that costs next to nothing: canned answers on a bare asyncio protocol.

It speaks OpenAI's chat completions, unary and streamed, and embeddings, and always says the same. Chunks
of a stream leave one at a time, all streams in step, `gap` seconds apart; so the proxy in front of it, and
not this, is what a benchmark measures. Stamped, its words are the moments at which they left.
"""

from __future__ import annotations

import asyncio
import json
import time
from array import array
from base64 import b64encode
from typing import Any, cast

PATH = "/v1/chat/completions"
EMBEDDINGS = "/v1/embeddings"

TEXTS = 16
"""Vectors of each answer about embeddings."""

WORDS = "The sky is blue because the air scatters short waves more than long ones do. "

_USAGE = {"prompt_tokens": 25, "completion_tokens": 50, "total_tokens": 75}


def _head(kind: str, length: str) -> bytes:
    lines = ("HTTP/1.1 200 OK", f"Content-Type: {kind}", length, "x-request-id: req_bench", "", "")
    return "\r\n".join(lines).encode()


def _envelope(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-bench", "object": kind, "created": 1_700_000_000, "model": "gpt-4o-mini"}


def _unary() -> bytes:
    message = {"role": "assistant", "content": WORDS * 2, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    body = json.dumps(_envelope("chat.completion") | {"choices": [choice], "usage": _USAGE}).encode()
    return _head("application/json", f"Content-Length: {len(body)}") + body


def _vectors() -> bytes:
    """Vectors of 1,536 numbers in base64, as clients ask for them."""
    vector = b64encode(array("f", (index / 1536 for index in range(1536))).tobytes()).decode()
    data = [{"object": "embedding", "index": index, "embedding": vector} for index in range(TEXTS)]
    usage = {"prompt_tokens": 25, "total_tokens": 25}
    answer = {"object": "list", "data": data, "model": "text-embedding-3-small", "usage": usage}
    body = json.dumps(answer).encode()
    return _head("application/json", f"Content-Length: {len(body)}") + body


def _chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return _event(json.dumps(_envelope("chat.completion.chunk") | {"choices": [choice]}))


def _event(data: str) -> bytes:
    event = f"data: {data}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(event), event)


STAMP = "0" * 19
"""In place of a word: the nanoseconds of the machine's monotonic clock, which all processes share."""


def _stream(chunks: int, stamped: bool) -> list[bytes]:
    """What is written one after the other, the head with the first of `chunks` chunks."""
    words = [STAMP] * chunks if stamped else (WORDS * (chunks // 10 + 1)).split()
    parts = [_chunk({"content": f" {word}"}) for word in words[: chunks - 2]]
    usage = _envelope("chat.completion.chunk") | {"choices": [], "usage": _USAGE}
    first = _head("text/event-stream; charset=utf-8", "Transfer-Encoding: chunked")
    first += _chunk({"role": "assistant", "content": ""})
    last = _chunk({}, "stop") + _event(json.dumps(usage)) + _event("[DONE]") + b"0\r\n\r\n"
    return [first, *parts, last]


class _Clock:
    """Writes the next part of every stream, every `gap` seconds."""

    def __init__(self, gap: float) -> None:
        self._gap = gap
        self._open: dict[_Connection, list[bytes]] = {}

    def begin(self, connection: _Connection, parts: list[bytes]) -> None:
        if not self._open:
            asyncio.get_running_loop().call_later(self._gap, self._tick)
        self._open[connection] = parts[::-1]

    def end(self, connection: _Connection) -> None:
        self._open.pop(connection, None)

    def _tick(self) -> None:
        for connection, parts in list(self._open.items()):
            connection.write(_stamped(parts.pop()))
            if not parts:
                del self._open[connection]
        if self._open:
            asyncio.get_running_loop().call_later(self._gap, self._tick)


def _stamped(part: bytes) -> bytes:
    return part.replace(STAMP.encode(), b"%019d" % time.monotonic_ns())


class _Connection(asyncio.Protocol):
    def __init__(self, clock: _Clock, unary: bytes, vectors: bytes, stream: list[bytes]) -> None:
        self._clock = clock
        self._unary = unary
        self._vectors = vectors
        self._stream = stream
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        self._clock.end(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if len(body) < length:
            return
        self._buffer = b""
        if b'"stream":true' in body.replace(b" ", b""):
            self._clock.begin(self, self._stream)
        elif head.startswith(b"POST " + EMBEDDINGS.encode()):
            self.write(self._vectors)
        else:
            self.write(self._unary)

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)


async def serve_upstream(chunks: int, gap: float, stamped: bool = False) -> None:
    """Serve on a free port, which is printed, until the process is ended."""
    clock, unary, vectors, stream = _Clock(gap), _unary(), _vectors(), _stream(chunks, stamped)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Connection(clock, unary, vectors, stream), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
