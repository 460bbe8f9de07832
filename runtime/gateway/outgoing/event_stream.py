"""An answer as server-sent events, which says now and then that it is still coming."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE
from aiohttp.http_writer import StreamWriter

from ...concurrency.tasks import end_tasks
from ...http.header_lines import header_lines
from ...http.whole_answer import StreamHead, fields_of
from ...requests.call import NO_HEADERS
from ...requests.errors import RequestError, forget_frames
from ..exchange import Exchange
from .answers import add_ids
from .errors import internal_error, log_failure

KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment is sent: proxies close what is silent for a minute."""

_COMMENT = b": keep-alive\n"
"""Without a blank line, at each of which openai-go before 3.43 reads an event, and breaks off at one without
data. Source: https://github.com/maximhq/bifrost/issues/5874."""
_FIELDS = {"_eof_sent", "_headers", "_keep_alive", "_req", "_send_headers_immediately"}
_IS_AS_EXPECTED = (
    all(hasattr(web.StreamResponse(), name) for name in _FIELDS)
    and hasattr(StreamWriter, "protocol")
    and {"_paused", "transport"} <= {*BaseProtocol.__slots__}
)
"""Whether this aiohttp has the fields that streams are sent by past its own ways."""
UNBUFFERED = {"X-Accel-Buffering": "no"}
"""For nginx, which else keeps events until there are some kilobytes of them."""
STREAM_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    **UNBUFFERED,
}
_HEAD = b"HTTP/1.1 200 OK\r\n%bTransfer-Encoding: chunked\r\nServer: %b\r\n" % (
    header_lines(STREAM_HEADERS),
    SERVER_SOFTWARE.encode(),
)
"""What all heads begin with."""
_CLOSE = b"Connection: close\r\n"


Headers = Mapping[str, str] | bytes
"""Those of an answer, or their lines, where they say nothing of limits."""


class EventStream:
    """The answer to `request`; a context manager, inside of which comments are sent.

    The status is sent by `begin`, or by the first event or comment. Until then, an error may leave the
    context and get a status of its own; later ones are events.
    """

    has_begun = False
    """Whether the head is out."""
    _spoke = 0.0
    _timer: asyncio.TimerHandle | None = None
    _comment: asyncio.Task[None] | None = None

    def __init__(
        self,
        request: web.Request,
        exchange: Exchange | None,
        headers: Callable[[], Headers] = lambda: NO_HEADERS,
    ) -> None:
        """exchange: that of `request`, which says what stands in the head of each answer. headers: makes what
        is sent beside the usual ones, unless the status goes out with a comment."""
        self._exchange = exchange
        self._make_headers = headers
        self._request = request
        self._client = client = _client_of(request)
        self.response = StreamHead(exchange.ids if client is None and exchange is not None else NO_HEADERS)
        self._loop = asyncio.get_running_loop() if exchange is None else exchange.loop

    async def __aenter__(self) -> EventStream:
        self._spoke = now = self._loop.time()
        self._timer = self._loop.call_at(now + KEEP_ALIVE, self._watch)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._comment is not None:
            await end_tasks([self._comment])

    async def begin(self) -> None:
        """Send the status; once."""
        if self._comment is not None:
            await self._comment
        if not self.has_begun:
            await self._write(b"")

    async def send(self, data: bytes) -> None:
        """Send one event or several. Raises ConnectionError when the client is gone."""
        self._spoke = self._loop.time()
        if self._comment is not None:
            await self._comment
        await self._write(data)

    async def end(self, data: bytes = b"") -> web.StreamResponse:
        """Send the last events."""
        if self._comment is not None:
            await self._comment
        response, client = self.response, self._client
        if client is None:
            await self.begin()
            await response.write_eof(data)
            return response
        self._put(b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if data else b"0\r\n\r\n")
        if client._paused:
            await client._drain_helper()
        response._eof_sent = True
        return response

    def failed(self, error: Exception) -> RequestError:
        """What to tell the client of `error`; it is raised where it can have a status, or nobody listens."""
        if not self.has_begun or isinstance(error, ConnectionError):
            raise error
        if not isinstance(error, RequestError):
            error = internal_error()
        log_failure(error)
        forget_frames(error)
        return error

    def takes(self) -> bool:
        """Whether more can go out at once: all that came before has, and the head can, with it."""
        client = self._client
        if client is None or self._comment is not None or client._paused:
            return False
        return (transport := client.transport) is not None and not transport.is_closing()

    def pass_on(self, chunks: bytes) -> bool:
        """Send events that are chunks of HTTP already, at once; False where something stands in the way."""
        client = self._client
        if (
            client is None
            or self._comment is not None
            or client._paused
            or (transport := client.transport) is None
            or transport.is_closing()
        ):
            return False
        self._spoke = self._loop.time()
        transport.write(chunks if self.has_begun else self._begin(chunks))
        return True

    async def _send_comment(self) -> None:
        if not self.has_begun:
            self._make_headers = lambda: NO_HEADERS  # nobody has answered yet
        await self._write(_COMMENT)

    async def _write(self, data: bytes) -> None:
        """Send `data`, and wait until it is gone: no more is kept for a client that does not read."""
        client, response = self._client, self.response
        if client is not None:
            self._put(as_chunk(data) if data else b"")
            if client._paused:
                await client._drain_helper()
            return
        if not self.has_begun:
            headers = self._make_headers()
            told = fields_of(headers) if isinstance(headers, bytes) else headers
            response.headers.update({**STREAM_HEADERS, **told})
            response._send_headers_immediately = not data  # else together with it
            await response.prepare(self._request)
            self.has_begun = True
        if data:
            await response.write(data)
            await self._request.writer.drain()

    def _put(self, data: bytes) -> None:
        """Send `data`, which is chunks of HTTP, at once. Raises ConnectionError."""
        client = self._client
        transport = None if client is None else client.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client is gone")
        transport.write(data if self.has_begun else self._begin(data))

    def _begin(self, data: bytes) -> bytes:
        """The head, with `data` behind it: what `prepare` and the writer of aiohttp do together."""
        request, response, exchange = self._request, self.response, self._exchange
        headers = self._make_headers()
        closes = request._message.should_close
        response._keep_alive = not closes
        said = response._headers
        ids = NO_HEADERS if exchange is None else exchange.ids
        if isinstance(headers, bytes):
            response.lines = headers + _CLOSE if closes else headers
            add_ids(response, ids)
        else:
            response.lines = b""
            said.update(ids)
            said.update(headers)
            if closes:
                said[hdrs.CONNECTION] = "close"
        if exchange is not None and exchange.tell is not None:
            exchange.tell(request, response, exchange)
        self.has_begun = True
        request._payload_writer.output_size = 1  # no other answer may begin
        date = rfc822_formatted_time().encode()
        lines = header_lines(said) + response.lines if said else response.lines
        return b"%bDate: %b\r\n%b\r\n%b" % (_HEAD, date, lines, data)

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


def _client_of(request: web.Request) -> BaseProtocol | None:
    """The connection of `request`, where its answer can be written past aiohttp's own ways."""
    writer = request._payload_writer
    if (
        _IS_AS_EXPECTED
        and type(writer) is StreamWriter
        and request._version == HttpVersion11
        and request._method != hdrs.METH_HEAD
    ):
        return writer.protocol
    return None


def event(data: bytes, name: str = "") -> bytes:
    """An event with `data`, which has no line breaks."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data) if name else b"data: %b\n\n" % data
