"""Requests whose head has come before, but for the length of the body: they are not parsed.

What aiohttp's parser has made of a head follows from the same bytes once more. It is asked for all others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from aiohttp import StreamReader, hdrs
from aiohttp.http import HttpVersion11, RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD
from multidict import CIMultiDict, CIMultiDictProxy

MAX_KNOWN_HEAD = 4 << 10
"""Bytes of a head that is remembered."""
_MOST_HEADS = 64
"""Heads that a server remembers, beside the last one of each connection."""
_CHANCES = 4
"""How many heads in a row are remembered of a connection, where none comes twice."""
MAX_KNOWN_BODY = 1 << 20
"""Bytes of a body behind it that comes in parts: those of larger ones are looked at before they are read."""
READ_AHEAD = 256 << 10
"""Bytes of a body that may wait to be read, before no more are taken from the client."""
_END = b"\r\n\r\n"
_MOST_DIGITS = 9
_LENGTH = re.compile(rb"(?<=\r\ncontent-length: )[0-9]{1,9}(?=\r\n)", re.IGNORECASE)
PLAIN = ("application/json", "application/octet-stream")
"""Kinds of bodies that are read as they are."""
_MORE = (hdrs.EXPECT, hdrs.TRANSFER_ENCODING, hdrs.CONTENT_ENCODING, hdrs.UPGRADE)
"""Headers by which more follows than a body of so many bytes."""

Read = tuple[Sequence[tuple[Any, Any]], bool, bytes]
"""What a parser makes of a piece: messages with bodies; whether HTTP ends there, and what follows it."""
_NOTHING: Read = ((), False, b"")


class WholeBody:
    """A body that is here, in the place of aiohttp's `StreamReader`."""

    __slots__ = ("_error", "_rest")

    def __init__(self, body: bytes) -> None:
        self._rest = body
        self._error: BaseException | None = None

    def is_eof(self) -> bool:
        return True

    def at_eof(self) -> bool:
        return not self._rest

    def read_nowait(self, most: int = -1, /) -> bytes:
        if self._error is not None:
            raise self._error
        taken = self._rest if most < 0 else self._rest[:most]
        self._rest = self._rest[len(taken) :]
        return taken

    async def readany(self) -> bytes:
        return self.read_nowait()

    def set_read_chunk_size(self, most: int) -> None:
        """All is here."""

    def exception(self) -> BaseException | None:
        return self._error

    def set_exception(self, error: BaseException, cause: BaseException | None = None) -> None:
        self._error = error


class KnownHead:
    """A head that was parsed. before, after: what stands before the digits of its length, and behind them.
    message: what it says, but for the length. said: what the application has found in its headers."""

    __slots__ = ("after", "before", "message", "said")

    def __init__(self, before: bytes, after: bytes, message: RawRequestMessage) -> None:
        self.before, self.after, self.message = before, after, message
        self.said: Any = None


RecentHeads = dict[bytes, KnownHead]
"""The last ones of a server, by what stands before their lengths."""


class KnownHeads:
    """The parser of one connection, with what is not parsed again while that can be. parser: aiohttp's.

    recent: of its server. most: bytes of a body above which the application looks at what its head says
    before it reads it.
    """

    __slots__ = ("_body", "_chances", "_connection", "_missing", "_most", "_parser", "_recent", "head")

    def __init__(self, parser: Any, connection: Any, recent: RecentHeads, most: int = MAX_KNOWN_BODY) -> None:
        self._parser, self._connection, self._recent = parser, connection, recent
        self._most = min(most, MAX_KNOWN_BODY)
        self._chances = _CHANCES
        self._missing: int | None = 0
        """Bytes of the last body that are still to come; None: nobody but the parser can say."""
        self._body: StreamReader | None = None  # that body, where the parser does not know of it
        self.head: KnownHead | None = None
        """The last one that is known."""

    def feed_data(self, data: bytes) -> Read:
        """What `data` holds. Raises HttpProcessingError."""
        if self._body is not None:
            return self._go_on(self._body, data)
        if self._missing == 0:
            head = self.head
            if head is None or not data.startswith(head.before):
                head = self._another(data)
            if head is not None:
                at, after = len(head.before), head.after
                end = data.find(b"\r", at, at + _MOST_DIGITS + 1)
                if data.startswith(after, end) and (digits := data[at:end]).isdigit():
                    body, size = data[end + len(after) :], int(digits)
                    self._chances = _CHANCES
                    if len(body) == size:
                        return ((head.message, WholeBody(body)),), False, b""
                    if len(body) < size <= self._most:
                        coming = StreamReader(self._connection, READ_AHEAD, loop=self._connection._loop)
                        self._body = coming
                        self._missing = size
                        self._go_on(coming, body)
                        return ((head.message, coming),), False, b""
        return self._parse(data)

    def _another(self, data: bytes) -> KnownHead | None:
        """What may be the head of `data`: another one of those that the server remembers."""
        found = _LENGTH.search(data, 0, MAX_KNOWN_HEAD)
        head = None if found is None else self._recent.get(data[: found.start()])
        if head is not None:
            self.head = head
        return head

    def _go_on(self, body: StreamReader, data: bytes) -> Read:
        """More of a body that is not the parser's, and perhaps what follows it."""
        assert self._missing is not None
        piece, rest = data[: self._missing], data[self._missing :]
        self._missing -= len(piece)
        body.feed_data(piece)
        if self._missing == 0:
            self._body = None
            body.feed_eof()
        return self.feed_data(rest) if rest else _NOTHING

    def _parse(self, data: bytes) -> Read:
        missing, self._missing = self._missing, None
        read: Read = self._parser.feed_data(data)
        messages, upgraded, _ = read
        if missing == 0 and len(messages) == 1 and self._chances and not upgraded:
            self._missing = self._remember(data, *messages[0])
        elif missing is not None and not messages and missing >= len(data):
            self._missing = missing - len(data)
        if self._missing is None:  # nor will it be known later
            self._connection._parser, self._connection.heads = self._parser, None
        return read

    def _remember(self, data: bytes, message: RawRequestMessage, payload: Any) -> int | None:
        """Know the head of `data` again, if it is that of one request from its first byte; gives the bytes
        of its body that are missing.

        None: that is not known. Then the parser may be in the midst of the next one: it sees all that comes.
        """
        end = data.find(_END) + len(_END)
        head, here = data[:end], len(data) - end
        if payload is EMPTY_PAYLOAD:
            return None if here else 0
        found, headers = _LENGTH.search(head), message.headers
        if (
            not len(_END) < end <= MAX_KNOWN_HEAD
            or found is None
            or (size := int(found[0])) < here
            or len(headers.getall(hdrs.CONTENT_LENGTH)) != 1
            or payload.total_bytes != here
            or message.version != HttpVersion11
            or message.should_close
            or headers.get(hdrs.CONTENT_TYPE) not in PLAIN
            or any(name in headers for name in _MORE)
        ):
            return None
        self._chances -= 1
        rest = CIMultiDict(headers)
        rest.popall(hdrs.CONTENT_LENGTH)
        raw = tuple(each for each in message.raw_headers if each[0].lower() != b"content-length")
        message = message._replace(headers=CIMultiDictProxy(rest), raw_headers=raw)
        before, recent = head[: found.start()], self._recent
        self.head = recent[before] = KnownHead(before, head[found.end() :], message)
        if len(recent) > _MOST_HEADS:
            del recent[next(iter(recent))]
        return size - here

    def message_consumed(self) -> None:
        self._parser.message_consumed()

    def pause_reading(self) -> None:
        if self._body is None:
            self._parser.pause_reading()

    def set_upgraded(self, value: bool) -> None:
        self._parser.set_upgraded(value)
