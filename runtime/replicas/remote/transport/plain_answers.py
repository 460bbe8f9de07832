"""Answers that say nothing that needs a parser, as most do.

Such an answer is one head, a length, and as many bytes of JSON; or a head and events in chunks of HTTP, which
are `whole_chunks.py`'s to read. To read it, a parser, a stream and a queue
for both are made by aiohttp for each answer, and are most of what its connection costs. Here one pattern says
whether a piece is such an answer, or begins one: then the rest of the body is read to where it belongs.
Anything else is aiohttp's to read.
"""

from __future__ import annotations

import asyncio
import re
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Mapping
from contextlib import suppress
from io import BytesIO
from typing import Any, NamedTuple

from aiohttp import ClientPayloadError
from multidict import CIMultiDict, CIMultiDictProxy, istr

from .....compiler.plan.record import new_tuple
from .connector import LARGE_PIECE, MAX_HEADERS, Steady
from .whole_chunks import WholeChunks, whole_chunks

_BEGINS = b"HTTP/1.1 200 OK\r\n"
_FIELD = re.compile(r"^([!#$%&'*+.^_`|~0-9A-Za-z-]++): (?![\t ])([\t\x20-\x7e]*+)(?<![\t ])\r\n", re.M)
"""A whole line."""
_MOST_DIGITS, _MOST_HEAD = 15, 8 << 10
_CONNECTION, _TYPE, _SIZE = istr("Connection"), istr("Content-Type"), istr("Content-Length")
_CHUNKED, _PACKED, _UPGRADE = istr("Transfer-Encoding"), istr("Content-Encoding"), istr("Upgrade")
"""With these, a body is something else than the bytes that follow, or a connection no longer one of HTTP."""


_ROOM = 1 << 20
"""Bytes of a body for which there is room before any of it has come."""


class PlainAnswer(NamedTuple):
    """A success in JSON, or of events. size: bytes of its body, of which `body` is here; None: it comes in
    chunks of HTTP. A body that is not whole, or large, is a view of the piece that it came in."""

    headers: CIMultiDictProxy[str]
    body: bytes | memoryview
    size: int | None


def plain_answer(piece: bytes | memoryview) -> PlainAnswer | None:
    """The answer that `piece` is, or begins; None where it is more than one, or has to be parsed."""
    begin = piece[:_MOST_HEAD] if type(piece) is bytes else bytes(piece[:_MOST_HEAD])
    end = begin.find(b"\r\n\r\n")
    if end < 0 or not begin.startswith(_BEGINS):
        return None
    head = begin[len(_BEGINS) : end + 2].decode("latin-1")
    fields = _FIELD.findall(head)
    if len(fields) != head.count("\n"):
        return None  # something stands between them
    headers = CIMultiDict(fields)
    if (
        len(fields) > MAX_HEADERS
        or headers.get(_CONNECTION, "keep-alive").lower() != "keep-alive"
        or _PACKED in headers
        or _UPGRADE in headers
    ):
        return None
    kind, size = headers.get(_TYPE, "").partition(";")[0], None
    if kind == "application/json":
        length = headers.get(_SIZE, "")
        if not length.isdigit() or len(length) > _MOST_DIGITS:
            return None
        size = int(length)
        if len(piece) > end + 4 + size or len(headers.getall(_SIZE)) != 1 or _CHUNKED in headers:
            return None
    elif kind != "text/event-stream" or headers.getall(_CHUNKED, ()) != ["chunked"] or _SIZE in headers:
        return None
    body = piece[end + 4 :]
    if type(body) is not bytes and size == len(body) and len(piece) < LARGE_PIECE:
        body = bytes(body)
    return new_tuple(PlainAnswer, (CIMultiDictProxy(headers), body, size))


class Rest(asyncio.BufferedProtocol):
    """Reads on `steady` what is still to come of a body of `size` bytes, which begins with `body`.

    It stays where it is read. There is room for a megabyte, or as much more as has come: who only says
    that much will come takes no more memory.
    """

    def __init__(self, steady: Steady, body: bytes | memoryview, size: int) -> None:
        self._steady = steady
        self.size = size
        self._missing = size - len(body)
        self._full: list[bytes] = []
        self._make_room(body)
        self._goes_on: Callable[[], None] | None = None
        self._waiter: Future[None] | None = None
        self._is_lost = False
        self.eof_received = steady.eof_received  # type: ignore[method-assign]
        self.pause_writing = steady.pause_writing  # type: ignore[method-assign]
        self.resume_writing = steady.resume_writing  # type: ignore[method-assign]
        self._follow(self)

    def _make_room(self, begin: bytes | memoryview) -> None:
        """For what comes behind `begin`."""
        self._place = BytesIO(begin)
        here = self.size - self._missing
        self._place.seek(len(begin) + min(self._missing, max(here, _ROOM)) - 1)
        self._place.write(b"\0")
        self._room = self._place.getbuffer()[len(begin) :]

    def _take(self) -> bytes:
        """What was read where there is no more room: as it is, when nobody else looks there any more."""
        size = self._place.tell()
        with suppress(BufferError):
            self._room.release()
        return self._place.getvalue()[:size]

    @property
    def is_whole(self) -> bool:
        """Whether all is here."""
        return not self._missing

    @property
    def body(self) -> bytes:
        """All of it, when it is here."""
        last = self._take()
        return b"".join((*self._full, last)) if self._full else last

    def arrival(self, loop: AbstractEventLoop, goes_on: Callable[[], None]) -> Future[None]:
        """Done when all is here, or fails with a ClientError. goes_on: called for each piece before that."""
        waiter = loop.create_future()
        if self.is_whole:
            waiter.set_result(None)
        elif self._is_lost:
            waiter.set_exception(_broken())
        self._waiter, self._goes_on = waiter, goes_on
        return waiter

    def get_buffer(self, sizehint: int) -> memoryview:
        if not self._room:
            self._full.append(self._take())
            self._make_room(b"")
        return self._room

    def buffer_updated(self, size: int) -> None:
        self._missing -= size
        self._room = self._room[size:]
        if self.is_whole:
            self._room.release()  # nobody may ever read it, who was cancelled: `connection_lost` says why
            self._follow(self._steady)
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)
        elif self._goes_on is not None:
            self._goes_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._steady.connection_lost(exc)
        self._is_lost = True
        with suppress(BufferError):  # else, from 3.13 on, Python says that what is dropped cannot be closed
            self._room.release()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(_broken())

    def _follow(self, protocol: asyncio.BaseProtocol) -> None:
        """What comes is for `protocol` from now on."""
        if (transport := self._steady.transport) is not None:
            transport.set_protocol(protocol)


def _broken() -> ClientPayloadError:
    return ClientPayloadError("the connection has ended before the body did")


class FirstPiece:
    """Waits on `steady` for the first that comes of an answer, until `moment` at the latest. parsing: how a
    parser is made, which reads all that is no plain answer."""

    __slots__ = ("_parsing", "_steady", "moment", "rest", "stream", "waiter")

    def __init__(
        self, steady: Steady, loop: AbstractEventLoop, parsing: Mapping[str, Any], moment: float
    ) -> None:
        self.moment = moment
        self._steady = steady
        self._parsing = parsing
        self.waiter: Future[PlainAnswer | None] = loop.create_future()
        """Done with the answer; None: its parser has it."""
        self.rest: Rest | None = None
        """What reads the rest of its body."""
        self.stream: WholeChunks | None = None
        """What reads its chunks."""
        steady.relay = self

    def expire(self) -> None:
        """It has lasted too long."""
        if not self.waiter.done():
            self.waiter.set_exception(TimeoutError())

    def passes(self, piece: bytes | memoryview) -> bool:
        """Whether `piece` is an answer, or begins one."""
        self._steady.relay = None
        answer = plain_answer(piece)
        if answer is None:
            self._parse()
        elif (size := answer.size) is None:
            body = answer.body
            begun = whole_chunks(body) if type(body) is bytes else None  # else much is read at once
            if begun is None:
                answer = None
                self._parse()
            else:
                self.stream = WholeChunks(self._steady, self._parsing, begun[0], is_ended=begun[1])
        elif len(answer.body) < size:
            self.rest = Rest(self._steady, answer.body, size)
        if not self.waiter.done():
            self.waiter.set_result(answer)
        return answer is not None

    def _parse(self) -> None:
        self._steady.receiver.set_response_params(**self._parsing)

    def look(self, piece: bytes) -> None:
        """The connection has ended, or its parser has `piece`."""
        self._steady.relay = None
        if not self.waiter.done():
            self.waiter.set_result(None)
