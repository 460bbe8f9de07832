"""An answer as server-sent events, which says now and then that it is still coming."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE
from aiohttp.http_writer import StreamWriter

from ..concurrency.tasks import end_tasks
from ..header_lines import header_lines
from ..requests.call import NO_HEADERS
from ..requests.errors import RequestError, forget_frames
from ..whole_answer import StreamHead
from .exchange import EXCHANGE
from .responses import internal_error, log_failure

KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment is sent: proxies close what is silent for a minute."""

_COMMENT = b": keep-alive\n\n"
_FIELDS = {"_eof_sent", "_headers", "_keep_alive", "_payload_writer", "_req", "_send_headers_immediately"}
_IS_AS_EXPECTED = all(hasattr(web.StreamResponse(), name) for name in _FIELDS) and all(
    hasattr(StreamWriter, name) for name in ("_eof", "_write", "chunked", "protocol")
)
"""Whether this aiohttp has the fields that heads and ends are sent by past its own ways."""
_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}


class EventStream:
    """The answer to `request`; a context manager, inside of which comments are sent.

    The status is sent by `begin`, or by the first event or comment. Until then, an error may leave the
    context and get a status of its own; later ones are events.
    """

    def __init__(self, request: web.Request) -> None:
        exchange = request.get(EXCHANGE)
        ids = NO_HEADERS if exchange is None else exchange.ids
        self.response = StreamHead(headers={**_HEADERS, **ids})
        self._request = request
        self._writer: AbstractStreamWriter | None = None
        self._loop = asyncio.get_running_loop()
        self._spoke = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._comment: asyncio.Task[None] | None = None

    async def __aenter__(self) -> EventStream:
        self._spoke = self._loop.time()
        self._watch()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._comment is not None:
            await end_tasks([self._comment])

    async def begin(self, headers: Mapping[str, str] = NO_HEADERS) -> None:
        """Send the status, with `headers` beside the usual ones; once."""
        if self._comment is not None:
            await self._comment
        if self._writer is None:
            self.response.headers.update(headers)
            self._writer = await self.response.prepare(self._request)

    async def send(self, data: bytes, headers: Mapping[str, str] = NO_HEADERS) -> None:
        """Send one event or several. Raises ConnectionError when the client is gone.

        headers: sent with the status, where that goes out now.
        """
        self._spoke = self._loop.time()
        if self._comment is not None:
            await self._comment
        if self._writer is None:
            if self._is_plain():
                self.response.headers.update(headers)
                await self._begin_with(data)
                return
            self.response._send_headers_immediately = False  # but together with the events
            await self.begin(headers)
        await self._write(data)

    async def end(self, data: bytes = b"", headers: Mapping[str, str] = NO_HEADERS) -> web.StreamResponse:
        """Send the last events. headers: as of `send`."""
        await self.begin(headers)
        response, writer = self.response, self._writer
        if not _IS_AS_EXPECTED or not isinstance(writer, StreamWriter) or not _is_open(writer):
            await response.write_eof(data)
            return response
        writer._write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if data else b"0\r\n\r\n")
        await writer.drain()
        writer._eof = response._eof_sent = True
        response._req = response._payload_writer = None
        return response

    def failed(self, error: Exception) -> RequestError:
        """What to tell the client of `error`; it is raised where it can have a status, or nobody listens."""
        if not self.response.prepared or isinstance(error, ConnectionError):
            raise error
        if not isinstance(error, RequestError):
            error = internal_error()
        log_failure(error)
        forget_frames(error)
        return error

    def takes(self) -> bool:
        """Whether more can go out at once: all that came before has, and the head can, with it."""
        writer = self._writer
        if writer is None and self._is_plain():
            writer = self._request._payload_writer
            return self._comment is None and _way_out(writer) is not None  # type: ignore[arg-type]
        if (
            not _IS_AS_EXPECTED
            or self._comment is not None
            or type(writer) is not StreamWriter
            or not _is_open(writer)
        ):
            return False
        return _way_out(writer) is not None

    @property
    def has_begun(self) -> bool:
        """Whether the head is out."""
        return self._writer is not None

    def begin_with(self, data: bytes, headers: Mapping[str, str]) -> None:
        """Send the head and the first events at once. Ask `takes` before, and `has_begun`."""
        self._spoke = self._loop.time()
        self.response.headers.update(headers)
        head = self._open()
        telling = self._request._prepare_hook(self.response)
        try:
            telling.send(None)
        except StopIteration:
            pass  # it waits for nothing: `Door.tell_stream` is all there is
        else:
            raise RuntimeError("what is told before the head of a stream waits for something")
        head._write(self._first(data))

    def pass_on(self, chunk: bytes) -> bool:
        """Send events that are a chunk of HTTP already, at once; False where something stands in the way.

        Ask `takes` before the first one.
        """
        writer: Any = self._writer
        transport = _way_out(writer)
        if self._comment is not None or transport is None:
            return False
        size = len(chunk)
        writer.buffer_size += size
        writer.output_size += size
        self._spoke = self._loop.time()
        transport.write(chunk)
        return True

    async def _send_comment(self) -> None:
        if self._writer is None:
            self._writer = await self.response.prepare(self._request)
        await self._write(_COMMENT)

    async def _write(self, data: bytes) -> None:
        """Send `data`, and wait until it is gone: no more is kept for a client that does not read."""
        writer = self._writer
        assert writer is not None
        if isinstance(writer, StreamWriter) and _is_open(writer):
            writer._write(as_chunk(data))
        else:
            await writer.write(data)
        await writer.drain()

    def _is_plain(self) -> bool:
        """Whether the client and aiohttp are such that the head need not pass through all of `prepare`."""
        request = self._request
        return (
            _IS_AS_EXPECTED
            and type(request._payload_writer) is StreamWriter
            and request._version == HttpVersion11
            and not request._message.should_close
            and self.response._keep_alive is None
            and request._method != hdrs.METH_HEAD
        )

    async def _begin_with(self, data: bytes) -> None:
        """Send the head with the first events, in one write: what `prepare` and the writer do together."""
        writer = self._open()
        await self._request._prepare_hook(self.response)
        writer._write(self._first(data))
        await writer.drain()

    def _open(self) -> StreamWriter:
        """Begin to answer: what writes to the client."""
        request, response = self._request, self.response
        writer = request._payload_writer
        assert isinstance(writer, StreamWriter)
        response._req = request
        response._keep_alive = True
        response._payload_writer = self._writer = writer
        response.lines = b""
        writer.chunked = True
        return writer

    def _first(self, data: bytes) -> bytes:
        """The head, with `data` behind it."""
        headers = self.response._headers
        headers[hdrs.TRANSFER_ENCODING] = "chunked"
        headers[hdrs.DATE] = rfc822_formatted_time()
        headers[hdrs.SERVER] = SERVER_SOFTWARE
        self._writer._headers_written = True  # type: ignore[union-attr]
        lines = header_lines(headers), self.response.lines or b""
        return b"HTTP/1.1 200 OK\r\n%b%b\r\n%b" % (*lines, as_chunk(data))

    def _watch(self) -> None:
        """Send a comment when it is time, and look again when it may be."""
        now = self._loop.time()
        if now >= self._spoke + KEEP_ALIVE:
            self._spoke = now
            if self._comment is None:
                self._comment = self._loop.create_task(self._send_comment())
                self._comment.add_done_callback(self._commented)
        self._timer = self._loop.call_at(self._spoke + KEEP_ALIVE, self._watch)

    def _commented(self, comment: asyncio.Task[None]) -> None:
        """The next one may be sent, unless this one says that the client is gone."""
        if not comment.cancelled() and comment.exception() is None:
            self._comment = None


def as_chunk(data: bytes) -> bytes:
    """`data`, of which there is some, as a chunk of HTTP/1.1."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def _way_out(writer: StreamWriter) -> asyncio.Transport | None:
    """Where bytes go out at once; None where the client is gone, or does not read."""
    protocol = writer.protocol
    transport = protocol.transport
    if protocol.writing_paused or transport is None or transport.is_closing():
        return None
    return transport


def _is_open(writer: StreamWriter) -> bool:
    """Whether the head is out, and the next bytes are a chunk as HTTP has them."""
    return writer.chunked and not writer._headers_buf and not writer._eof and writer._compress is None


def event(data: bytes, name: str = "") -> bytes:
    """An event with `data`, which has no line breaks."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data) if name else b"data: %b\n\n" % data
