"""Requests whose head a connection has sent before, but for the length of the body: they are not parsed.

What aiohttp's parser has made of a head follows from the same bytes once more. It is asked for all others:
for heads that differ, and for requests that come in parts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from aiohttp import hdrs
from aiohttp.http import HttpVersion11, RawRequestMessage
from multidict import CIMultiDict, CIMultiDictProxy

MAX_KNOWN_HEAD = 4 << 10
"""Bytes of a head that is remembered, as one is for each connection."""
_CHANCES = 4
"""How many heads of a connection are remembered, each in the place of the one before: none may come twice."""
_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"(?<=\r\ncontent-length: )[1-9][0-9]{0,8}(?=\r\n)", re.IGNORECASE)
PLAIN = ("application/json", "application/octet-stream")
"""Kinds of bodies that are read as they are."""
_MORE = (hdrs.EXPECT, hdrs.TRANSFER_ENCODING, hdrs.CONTENT_ENCODING, hdrs.UPGRADE)
"""Headers by which more follows than a body of so many bytes."""

Read = tuple[Sequence[tuple[Any, Any]], bool, bytes]
"""What a parser makes of a piece: messages with bodies; whether HTTP ends there, and what follows it."""


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

    def exception(self) -> BaseException | None:
        return self._error

    def set_exception(self, error: BaseException, cause: BaseException | None = None) -> None:
        self._error = error


class KnownHeads:
    """The parser of one connection, with what is not parsed again. parser: aiohttp's."""

    __slots__ = ("_after", "_before", "_chances", "_is_between", "_parser", "message", "said")

    def __init__(self, parser: Any) -> None:
        self._parser = parser
        self._is_between = True  # requests: the parser has all of the last one, and nothing else
        self._chances = _CHANCES
        self._before = self._after = b""  # what stands before the digits of its length, and behind them
        self.message: RawRequestMessage | None = None
        """The known one, of whose headers the length is missing."""
        self.said: Any = None
        """What the application has found in its headers."""

    def feed_data(self, data: bytes) -> Read:
        """What `data` holds. Raises HttpProcessingError."""
        if self.message is not None and data.startswith(self._before):
            at = len(self._before)
            end = data.find(b"\r", at, at + 10)
            if data.startswith(self._after, end):
                body = data[end + len(self._after) :]
                if data[at:end] == b"%d" % len(body):
                    return ((self.message, WholeBody(body)),), False, b""
        return self._parse(data)

    def _parse(self, data: bytes) -> Read:
        was_between, self._is_between, self.message, self.said = self._is_between, False, None, None
        read: Read = self._parser.feed_data(data)
        messages, upgraded, _ = read
        if was_between and self._chances and len(messages) == 1 and not upgraded:
            self._remember(data, *messages[0])
        return read

    def _remember(self, data: bytes, message: RawRequestMessage, payload: Any) -> None:
        """Know the head of `data` again, if it is one whole request from its first byte to its last.

        Where it is not, the parser may be in the midst of the next one: then it has to see all that comes.
        """
        end = data.find(_END) + len(_END)
        head, size = data[:end], len(data) - end
        found, headers = _LENGTH.search(head), message.headers
        if (
            not len(_END) < end <= MAX_KNOWN_HEAD
            or found is None
            or int(found[0]) != size
            or len(headers.getall(hdrs.CONTENT_LENGTH)) != 1
            or not payload.is_eof()
            or payload.total_bytes != size
            or message.version != HttpVersion11
            or message.should_close
            or headers.get(hdrs.CONTENT_TYPE) not in PLAIN
            or any(name in headers for name in _MORE)
        ):
            return
        self._chances -= 1
        self._is_between = True
        self._before, self._after = head[: found.start()], head[found.end() :]
        rest = CIMultiDict(headers)
        rest.popall(hdrs.CONTENT_LENGTH)
        raw = tuple(each for each in message.raw_headers if each[0].lower() != b"content-length")
        self.message = message._replace(headers=CIMultiDictProxy(rest), raw_headers=raw)

    def message_consumed(self) -> None:
        self._parser.message_consumed()

    def pause_reading(self) -> None:
        self._parser.pause_reading()

    def set_upgraded(self, value: bool) -> None:
        self._parser.set_upgraded(value)
