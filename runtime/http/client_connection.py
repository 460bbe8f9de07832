"""The connection of a client: how long it may take, and what is said to one that breaks the rules of HTTP."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Coroutine, Sized
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from ..concurrency.held_writes import held_writes
from ..requests.errors import GatewayFull, RequestError
from .connection_rules import ConnectionRules
from .known_heads import READ_AHEAD, KnownHeads, RecentHeads
from .unread import Unread, make_room
from .whole_answer import IS_AS_EXPECTED, WHOLE, StreamHead, send_whole

log = logging.getLogger(__name__)

MAX_LINE = 16 << 10
"""Bytes of a URL, and of one header."""
MAX_HEAD = 64 << 10
"""Bytes of a URL and all headers of a request."""
MAX_HEADERS = 128

_MAKES_TASKS = sys.version_info < (3, 12)
"""Whether aiohttp makes a task for each request that waits for its turn; later ones begin at once."""
_received = web.RequestHandler.data_received
"""What aiohttp does with a piece; `super` costs more than the call."""
_ENDING = 2.0
"""Seconds that a request has to end in when it is cancelled."""
_LINGER = 3.0
"""Seconds in which a client may go on sending that was refused: it could not read the answer else."""
_BEHIND = 0.001
"""Seconds behind the last byte of the last request of a connection, and one look at the connection, in which
its client may close its half and wait for the answer, as `nc -N` does. Who gives up closes later: TCP tells
both alike."""


class BrokenRequest(RequestError):
    """What was sent is no request of HTTP/1.1; the connection is closed."""

    status, type, code = 400, "invalid_request_error", "broken_request"


class HeadersTooLarge(RequestError):
    """The URL, a header, or all of them are too large; the connection is closed."""

    status, type, code = 431, "invalid_request_error", "headers_too_large"


class _InPlace:
    """A loop that is asked for a task for each request, and has the task of the connection answer it.

    behind: requests of the connection that have come already; where there are some, each has its turn.
    """

    __slots__ = ("_behind", "_loop", "call_at", "call_later", "call_soon", "create_future", "time")

    def __init__(self, loop: asyncio.AbstractEventLoop, behind: Sized) -> None:
        self._loop, self._behind = loop, behind
        self.create_future, self.time = loop.create_future, loop.time
        self.call_at, self.call_later, self.call_soon = loop.call_at, loop.call_later, loop.call_soon

    def create_task(self, answering: Coroutine[Any, Any, Any]) -> Awaitable[Any]:
        return self._loop.create_task(answering) if self._behind else answering


_TURNED_AWAY: set[Connection] = set()
"""Those that came while all others were busy, until they have read that."""
_MOST_TURNED_AWAY = 32
"""More of them are cut off: each takes a descriptor."""


class Connection(web.RequestHandler):
    """A connection, which ends by itself when its client does not read, or sends half a request.

    others: all connections of the server, the oldest first. recent: heads that came on them.
    """

    def __init__(
        self,
        server: web.Server,
        rules: ConnectionRules,
        others: dict[Connection, None],
        recent: RecentHeads,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        super().__init__(
            server,
            loop=self._loop,
            logger=log,
            access_log=None,  # type: ignore[arg-type]  # it may be None: no log
            keepalive_timeout=rules.idle,
            lingering_time=_LINGER,
            max_line_size=MAX_LINE,
            max_field_size=MAX_LINE,
            max_headers=MAX_HEADERS,
            auto_decompress=rules.unpack,
            read_bufsize=READ_AHEAD,
        )
        self.heads = KnownHeads(self._parser, self, recent, rules.max_body) if rules.plain else None
        """Of requests that are not parsed again."""
        if self.heads is not None:
            self._parser = self.heads  # type: ignore[assignment]  # which asks that one
        self._rules = rules
        self._others = others
        self._answers = held_writes()
        self._socket: asyncio.Transport | None = None
        self._task: asyncio.Task[Any] | None = None
        self._head: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._answered = 0
        self._is_last = False
        self._is_refused = False
        self._last_body: Any = None  # of the request that is said to be the last
        self._closes_behind: asyncio.TimerHandle | None = None
        self._sends_no_more = False
        self.unread: Unread | None = None
        """What the client has not taken yet; None: it has taken all."""
        self.lost: asyncio.Future[None] = self._loop.create_future()
        """Done when the connection is closed and all is sent, or cannot be."""

    # ---- from connecting to the end

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast(asyncio.Transport, transport)
        is_tls = transport.get_extra_info("sslcontext") is not None  # it pauses at the limit, TCP above it
        self._socket.set_write_buffer_limits(high=int(is_tls))  # whoever writes waits until all is sent
        self._others[self] = None
        self._head = self._loop.call_later(self._rules.header, self.abort)
        super().connection_made(transport)
        if len(self._others) > self._rules.most:
            self._make_way()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._others.pop(self, None)
        _TURNED_AWAY.discard(self)
        for timer in (self._head, self._closes_behind):
            if timer is not None:
                timer.cancel()
        self._stop_looking()
        self._head = self._socket = self._last_body = self._closes_behind = None
        if not self.lost.done():
            self.lost.set_result(None)
        super().connection_lost(exc)

    async def start(self) -> None:
        """Answer requests until the connection ends."""
        self._task = asyncio.current_task()
        if _MAKES_TASKS:
            self._loop = cast(asyncio.AbstractEventLoop, _InPlace(self._loop, self._messages))
        try:
            await super().start()
        finally:
            self._task = None  # which knows the frames of what it ended with, and they know the connection
            self.force_close()

    def _make_way(self) -> None:
        """Close the oldest connection that asks for nothing now; this one, where all others do."""
        idle = (each for each in self._others if each._request_count <= each._answered)
        log.warning(
            "%d connections, and no room for more: the oldest one that is idle is closed, or the new one",
            len(self._others) - 1,
            extra={"kind": "connections"},
        )
        closed = next(idle)
        del self._others[closed]  # it is lost later, and is not to be chosen again until then
        if closed is self and len(_TURNED_AWAY) < _MOST_TURNED_AWAY:
            _TURNED_AWAY.add(self)
            self._say(GatewayFull("all connections that this server may have are in use"))
        else:
            closed.abort()

    def finish(self) -> None:
        """Take no further request, and close the connection when the one that is in flight is answered."""
        if self._request_count > self._answered:
            self._is_last = True
        else:
            self.close()

    def abort(self) -> None:
        """Close the connection at once, whatever is not sent yet; its request is cancelled."""
        self._answers.flush()
        if self._socket is not None:
            self._socket.abort()

    def force_close(self) -> None:
        """Close the connection once what was written is sent; its request is cancelled."""
        self._answers.flush()
        super().force_close()

    async def end(self) -> None:
        """Abort, and wait until the request has ended, two seconds at most."""
        self.abort()
        task = self._task
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=_ENDING)

    # ---- half a request

    def data_received(self, data: bytes) -> None:
        if self._answers.held:
            self._answers.flush()
        if self._is_refused:
            return
        _received(self, data)
        if self._messages:
            message, body = self._messages[-1]
            if getattr(message, "should_close", False):  # a broken one does not say
                self._last_body = body
        if self._last_body is not None:
            self._may_close_behind()
        if self._request_count > self._answered:
            self._head_bytes = 0
            if self._head is not None:
                self._head.cancel()
                self._head = None
        elif data and not self._is_last:
            if self._head is None:
                self._head = self._loop.call_later(self._rules.header, self.abort)
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD:
                self._refuse_head()

    def _may_close_behind(self) -> None:
        """From now on, for a moment in which the connection is looked at once more at least."""
        if self._closes_behind is not None:
            self._closes_behind.cancel()
        soon = self._loop.call_soon
        self._closes_behind = self._loop.call_later(_BEHIND, soon, soon, self._closes_no_more)

    def _closes_no_more(self) -> None:
        self._closes_behind = None

    def eof_received(self) -> bool:  # type: ignore[override]  # aiohttp always closes
        """Whether the connection stays open: the client said that it sends no more, and waits for answers."""
        self._answers.flush()
        request = self._current_request
        if request is not None:
            writer = request._payload_writer
            if self._closes_behind is None or (writer is not None and writer.output_size):
                return False  # it has seen a part of the answer, or waited for it
        self._sends_no_more = (
            self._last_body is not None
            and self._last_body.is_eof()
            and self._request_count > self._answered
            and not self._is_refused
            and not self._upgraded
            and self.ssl_context is None  # of which asyncio closes both halves
        )
        return self._sends_no_more

    def _refuse_head(self) -> None:
        """Answer a head that goes on and on, without what it was going to ask."""
        self._say(HeadersTooLarge(f"the URL and the headers have more than {MAX_HEAD >> 10} KiB"))

    def _say(self, error: RequestError) -> None:
        """Answer before there is a request, and take none."""
        answer = self._answer(error)
        body = answer.body
        assert isinstance(body, bytes)
        assert self._socket is not None
        said = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
        head = (
            f"HTTP/1.1 {answer.status} {answer.reason}\r\n{said}Content-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        self._socket.write(head.encode() + body)
        self._linger()

    def _linger(self) -> None:
        """Nothing more is read or said; the client has some time to read what was."""
        self._is_last = self._is_refused = True
        if self._socket is not None and not self._socket.is_closing():
            if self._socket.can_write_eof():
                self._socket.write_eof()
            if self._head is not None:
                self._head.cancel()
            self._head = self._loop.call_later(_LINGER, self.abort)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send `resp`; errors that aiohttp answers with a text of its own are put as all others are."""
        if self._sends_no_more and self._request_count == self._answered + 1:
            self._is_last = True
        if (
            self._rules.plain
            and type(resp) in WHOLE
            and not self._is_last
            and not self._upgraded
            and send_whole(
                self.transport,
                request,
                resp,  # type: ignore[arg-type]  # it is one of these
                None if self._messages or self._close else self._answers,
            )
        ):
            if self._paused:
                await self._drain_helper()
            self._answered += 1
            return resp, False
        if (
            IS_AS_EXPECTED
            and type(resp) is StreamHead
            and resp._eof_sent
            and not self._is_last
            and not self._upgraded
            and request.content.is_eof()
        ):
            self._answered += 1
            return resp, False
        if not resp.prepared and isinstance(resp, web.HTTPException) and self._rules.refuse is not None:
            resp = self._refused(resp.status, None)
        if not request.content.is_eof():
            self._is_last = True  # nobody has read the body: what still comes is no head of a request
        if self._is_last:
            resp.force_close()
        done = await super().finish_response(request, resp, start_time)
        self._answered += 1
        if self._is_refused:
            self._linger()
            await asyncio.wait([self.lost])
        return done

    # ---- what is no HTTP

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """An answer that quotes nothing of the request, and says nothing of it in the log."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        if status >= 500:
            log.error("a request failed because of a defect in inferc", exc_info=exc)
        self._is_last = self._is_refused = True
        return self._refused(status, exc)

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Say what failed, and nothing of the request, of which the message of an error may hold parts."""
        error = kw.get("exc_info")
        if not isinstance(error, web.RequestPayloadError | ConnectionError):
            log.error("a connection failed: %s", type(error).__name__)

    def _refused(self, status: int, error: BaseException | None) -> web.Response:
        if isinstance(error, LineTooLong):
            return self._answer(HeadersTooLarge(f"the URL, or a header, has more than {MAX_LINE >> 10} KiB"))
        if status >= 500:
            return self._answer(RequestError("internal error; the log of the server says more"))
        what = f"this is no request of HTTP/1.1, or it has more than {MAX_HEADERS} headers"
        return self._answer(BrokenRequest(what))

    def _answer(self, error: RequestError) -> web.Response:
        if self._rules.refuse is None:
            return web.Response(text=error.message, status=error.status)
        return self._rules.refuse(error)

    # ---- clients that do not read

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._socket is not None:
            self.unread = Unread(self._socket, self._rules.write)
            make_room(each.unread for each in self._others)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_looking()

    def _stop_looking(self) -> None:
        if self.unread is not None:
            self.unread.stop()
            self.unread = None
