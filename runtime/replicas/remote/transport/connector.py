"""Connections to providers, with a bound on what may come before an answer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import BadHttpMessage

from ....http.probes import probe

MAX_HEADER, MAX_HEADERS = 32 << 10, 128
"""Bytes of one header of an answer, name or value, and how many of them there may be."""

MAX_INTERIM = 16
"""Interim answers (status 1xx) that may come before the final one; aiohttp itself skips any number."""

TOO_MANY_INTERIM = "Too many interim responses"
_REASONS = {
    f"Got more than {MAX_HEADER} bytes": f"sent a header of more than {MAX_HEADER} bytes",
    "Can not decode content-encoding": "packed its answer, though it was asked for as it is",
    "Too many headers": f"sent more than {MAX_HEADERS} headers",
    TOO_MANY_INTERIM: f"sent more than {MAX_INTERIM} interim answers (status 1xx)",
}
"""How aiohttp begins to say what is wrong with the head of an answer, and how we say it."""


_AT_ONCE, _LITTLE = 256 << 10, 16 << 10
"""Bytes that are read from a connection at once: as many as uvloop does, and where it is to be little."""
LARGE_PIECE = _AT_ONCE // 2
"""Bytes of a piece that may be kept where it was read: others are taken out at once."""
_little = memoryview(bytearray(_LITTLE))
_buffer: memoryview | None = None
"""What is read last, of all connections; None: others may still look at it."""
_buffers: list[bytearray] = []
"""Where large pieces were read; used again when nobody looks there any more: clearing memory takes long."""
_MOST_BUFFERS = 16


def _free_buffer() -> memoryview:
    """Memory that nobody looks at."""
    for each in _buffers:
        try:
            each.append(each.pop())  # not where somebody looks
        except BufferError:
            continue
        return memoryview(each)
    made = bytearray(_AT_ONCE)
    if len(_buffers) < _MOST_BUFFERS:
        _buffers.append(made)
    return memoryview(made)


class Shortcut(Protocol):
    """Who takes what comes past the parser of a connection."""

    def passes(self, piece: bytes) -> bool:
        """Whether `piece` was taken; else its connection parses it, and calls `look`."""
        ...

    def look(self, piece: bytes) -> None:
        """`piece` was parsed; empty: the connection has ended."""
        ...


class Stream(Protocol):
    """Who reads a body in place of a connection's parser."""

    def leave(self) -> None:
        """Read no more of it."""
        ...

    def parse_on(self) -> None:
        """Leave what is still to come to the parser."""
        ...


class _Telling(ResponseHandler):
    """Tells who reads a body when that can no longer be parsed, which aiohttp tells nobody."""

    def connection_lost(self, exc: BaseException | None) -> None:
        body = self._payload
        super().connection_lost(exc)
        if body is not None and not body.is_eof() and body.exception() is None:
            body.set_exception(aiohttp.ClientPayloadError("the body is not what HTTP says"))


class SteadyConnection(_Telling):
    """Reads by way of `steady`. little: so little at a time, and so no more than that beyond what fits."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, little: bool) -> None:
        super().__init__(loop)
        self._little = little

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.steady = Steady(self) if self._little else _Wide(self)
        transport.set_protocol(self.steady)


class Steady(asyncio.BufferedProtocol):
    """Hands on to `receiver` what comes, little at a time, or past it, to `relay`."""

    def __init__(self, receiver: SteadyConnection) -> None:
        self.relay: Shortcut | None = None
        self.receiver = receiver
        self.receive: Callable[[bytes], None] = receiver.data_received
        """What `relay` does not take goes there."""
        self.stream: Stream | None = None
        """Who reads in place of `receiver`."""
        self.eof_received = receiver.eof_received  # type: ignore[method-assign]
        self.pause_writing = receiver.pause_writing  # type: ignore[method-assign]
        self.resume_writing = receiver.resume_writing  # type: ignore[method-assign]

    @property
    def transport(self) -> asyncio.BaseTransport | None:
        """What is read; None once it is closed."""
        return self.receiver.transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return _little

    def buffer_updated(self, size: int) -> None:
        data, relay = _little[:size].tobytes(), self.relay
        if relay is None:
            self.receive(data)
        elif not relay.passes(data):
            self.receive(data)
            relay.look(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.stream is not None and self.transport is not None:  # else we closed it, and nobody is told
            self.stream.parse_on()
        self.receiver.connection_lost(exc)
        if self.relay is not None:
            self.relay.look(b"")


class _Wide(Steady):
    """Reads as much as is there; what may be an answer is looked at before it is copied."""

    def get_buffer(self, sizehint: int) -> memoryview:
        global _buffer
        if _buffer is None:
            _buffer = _free_buffer()
        return _buffer

    def buffer_updated(self, size: int) -> None:
        global _buffer
        assert _buffer is not None
        first, piece = self.relay, _buffer[:size]
        if size >= LARGE_PIECE:
            _buffer = None
        if first is None or not first.passes(piece):  # type: ignore[arg-type]  # a FirstPiece, on these
            self.receive(bytes(piece))


class Connector(aiohttp.TCPConnector):
    """A pool of connections.

    window: bytes that the system keeps of what a provider sends before it is read; None: as it likes. Where
    it is said, little is read at once, which stays in memory while a client does not read.
    steady: whether what comes may go past aiohttp's parser; it may where little is read at once.
    """

    def __init__(self, *, window: int | None = None, steady: bool = False, **options: Any) -> None:
        super().__init__(**options, socket_factory=partial(_socket_with, window))
        if window or steady:
            make: Any = partial(SteadyConnection, loop=self._loop, little=window is not None)
            self._factory = make


class PatientConnector(Connector):
    """A pool of connections that bear some interim answers, not any number."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        make: Any = partial(_Connection, loop=self._loop)
        self._factory = make


class _Connection(_Telling):
    """Refuses an answer after too many interim ones."""

    _interim = 0

    async def read(self) -> Any:
        message, payload = await super().read()
        self._interim = self._interim + 1 if 100 <= message.code < 200 else 0
        if self._interim > MAX_INTERIM:
            raise BadHttpMessage(TOO_MANY_INTERIM)
        return message, payload


def _socket_with(window: int | None, address: aiohttp.AddrInfoType) -> socket.socket:
    made = socket.socket(*address[:3])
    if window is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    probe(made)
    return made


def why_unreadable(error: aiohttp.ClientResponseError) -> str:
    """Why the head of an answer was not read; what aiohttp quotes of it is not repeated."""
    known = (ours for theirs, ours in _REASONS.items() if error.message.startswith(theirs))
    return next(known, "sent an answer that is no HTTP")
