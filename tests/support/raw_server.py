"""A TCP server that answers HTTP requests with bytes as they are, right or wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from attrs import define

Pieces = Iterable[bytes | float] | AsyncIterable[bytes | float]

OK = b"HTTP/1.1 200 OK\r\nDate: Wed, 21 Oct 2026 07:28:00 GMT\r\n"
JSON = OK + b"Content-Type: application/json\r\n"
EVENTS = OK + b"Content-Type: text/event-stream\r\n\r\n"


@define
class RawServer:
    """requests: those that came. sent: bytes that were written. closed: connections that the client closed
    before the end of the answer.
    """

    url: str = ""
    requests: int = 0
    sent: int = 0
    closed: int = 0


@asynccontextmanager
async def raw_server(answer: Callable[[], Pieces]) -> AsyncIterator[RawServer]:
    """A server that answers each request with what `answer` gives, and closes the connection.

    A number among the pieces is a pause in seconds.
    """
    server = RawServer()
    running: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            await reader.readexactly(int(length[0][15:]) if length else 0)
            server.requests += 1
            async for piece in _each(answer()):
                if isinstance(piece, bytes):
                    writer.write(piece)
                    await writer.drain()
                    server.sent += len(piece)
                else:
                    await asyncio.sleep(piece)
        except ConnectionError:
            server.closed += 1
        except (asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the end of the server
        finally:
            writer.close()
            running.discard(task)

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _each(pieces: Pieces) -> AsyncIterator[bytes | float]:
    if isinstance(pieces, AsyncIterable):
        async for piece in pieces:
            yield piece
    else:
        for piece in pieces:
            yield piece
