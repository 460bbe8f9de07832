"""A provider on loopback that sends whatever bytes a fault wants, on a thread for each connection."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from attrs import define, field, frozen

RESET, HALF_CLOSE = object(), object()
"""Among the pieces of an answer: the connection is reset, or its sending half is closed and kept."""

Answer = bytes | Iterable[object]
"""Bytes, after which the connection is kept; or pieces, after which it is closed. A number is a pause, in
seconds."""


@frozen
class Request:
    """What came: the head as it is, and the body."""

    head: str
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """The text that a chat request ends with."""
        return str(self.body["messages"][-1]["content"])

    @property
    def key(self) -> str:
        return self.head.lower().partition("authorization: bearer ")[2].partition("\r\n")[0]


@define
class Provider:
    """port: where it listens. asked: what came, in its order. sent: bytes of all answers."""

    answer: Callable[[Request], Answer]
    port: int = 0
    asked: list[Request] = field(factory=list)
    sent: int = 0
    connections: set[socket.socket] = field(factory=set)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def serve(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self.connections.add(connection)
                threading.Thread(target=self._connected, args=[connection], daemon=True).start()

    def _connected(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as reader:
            while head := _head(reader):
                length = head.lower().partition("content-length: ")[2].partition("\r\n")[0]
                request = Request(head, json.loads(reader.read(int(length or 0)) or b"{}"))
                self.asked.append(request)
                answer = self.answer(request)
                if not isinstance(answer, bytes):
                    self._pieces(connection, answer)
                    break
                connection.sendall(answer)
        self.connections.discard(connection)

    def _pieces(self, connection: socket.socket, pieces: Iterable[object]) -> None:
        for piece in pieces:
            if piece is RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            if piece is HALF_CLOSE:
                connection.shutdown(socket.SHUT_WR)
            elif isinstance(piece, bytes):
                connection.sendall(piece)
                self.sent += len(piece)
            elif isinstance(piece, (int, float)):
                time.sleep(piece)


def _head(reader: Any) -> str:
    """A request up to its empty line; empty at the end of the connection."""
    lines = []
    while (line := reader.readline()) not in (b"\r\n", b""):
        lines.append(line.decode("latin-1"))
    return "".join(lines)


@contextlib.contextmanager
def provider(answer: Callable[[Request], Answer]) -> Iterator[Provider]:
    """A provider that answers like this."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    it = Provider(answer, listener.getsockname()[1])
    thread = threading.Thread(target=it.serve, args=[listener], daemon=True)
    thread.start()
    try:
        yield it
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)
        for connection in list(it.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def whole(
    status: int = 200, body: object = b"", headers: dict[str, str] | None = None, length: int | None = None
) -> bytes:
    """An answer. body: bytes as they are, all else as JSON. length: what it says instead of its length."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {
        "Content-Type": "application/json",
        "Content-Length": str(length or len(content)),
        **(headers or {}),
    }
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def completion(text: str = "Hello.", tokens: int = 1000) -> dict[str, Any]:
    """A chat completion, and the tokens that it says to have written."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 0, "completion_tokens": tokens, "total_tokens": tokens}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }


def good(text: str = "Hello.") -> bytes:
    """A whole answer, all of it fine."""
    return whole(200, completion(text))


def refused(status: int, headers: dict[str, str] | None = None, **error: Any) -> bytes:
    """An error in OpenAI's shape."""
    return whole(status, {"error": {"message": "it failed", **error}}, headers)


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
"""The head of a stream."""


def event(text: str, finish: str | None = None) -> bytes:
    """A piece of a streamed answer."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    data = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(data).encode() + b"\n\n"


DONE = event("", "stop") + b"data: [DONE]\n\n"
"""How a stream ends."""


def deployment(it: Provider, *, name: str = "m", runtime: str = "", more: str = "", path: str = "") -> str:
    """A deployment at this provider. runtime, more: further lines of the runtime and of the deployment."""
    return f"""deployment {name} {{
  model = "gpt-4o-mini"
  runtime openai_compatible {{
    endpoint = "{it.endpoint}{path}"
    {"" if "api_key" in runtime else 'api_key = env("KEY")'}
    {"" if "retry" in runtime else "retry { max_retries = 0 }"}
    {runtime}
  }}
  {more}
}}
"""
