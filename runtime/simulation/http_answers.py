"""Answers over HTTP that were never sent: a head, and a body whose pieces come at their times."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiohttp import ClientPayloadError
from multidict import CIMultiDict, CIMultiDictProxy

Piece = tuple[float, bytes]
"""When some bytes come, in the time of the loop."""


class WholeAnswer:
    """An answer that is here, all of it. Read again it says the same: one stands for all its equals."""

    __slots__ = ("body", "content")

    status = 200
    content_type = "application/json"
    content_length: int | None = None

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.content: Any = _WholeBody(body)

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """As all of them have them."""
        return JSON

    def release(self) -> None:
        """There is no connection to give back."""


class _WholeBody:
    __slots__ = ("_body",)

    def __init__(self, body: bytes) -> None:
        self._body = body

    def is_eof(self) -> bool:
        return True

    def read_nowait(self, n: int = -1) -> bytes:
        return self._body if n < 0 else self._body[:n]


class PlayedAnswer:
    """An answer whose head is here. broken: when the connection breaks off, in place of an end."""

    __slots__ = ("content", "content_length", "content_type", "headers", "status")

    def __init__(
        self,
        status: int,
        headers: CIMultiDictProxy[str],
        content_type: str,
        pieces: Sequence[Piece],
        broken: float | None = None,
    ) -> None:
        self.status = status
        self.headers = headers
        self.content_type = content_type
        self.content_length: int | None = None
        self.content: Any = PlayedBody(pieces, broken)  # which has what is asked of aiohttp's reader

    def release(self) -> None:
        """There is no connection to give back."""


class PlayedBody:
    """As much of aiohttp's reader as is asked for."""

    __slots__ = ("_broken", "_left", "_loop", "_next", "_pieces")

    def __init__(self, pieces: Sequence[Piece], broken: float | None) -> None:
        self._pieces = pieces
        self._next = 0
        self._left = b""
        self._broken = broken
        self._loop = asyncio.get_running_loop()

    def is_eof(self) -> bool:
        """Whether all of it is here already."""
        return self._broken is None and (not self._pieces or self._pieces[-1][0] <= self._loop.time())

    def at_eof(self) -> bool:
        """Whether all of it has been read."""
        return self._broken is None and not self._left and self._next >= len(self._pieces)

    def read_nowait(self, n: int = -1) -> bytes:
        """What has come, and was not read yet."""
        now, pieces = self._loop.time(), self._pieces
        if self._next < len(pieces) and pieces[self._next][0] <= now:
            come = [self._left] if self._left else []
            while self._next < len(pieces) and pieces[self._next][0] <= now:
                come.append(pieces[self._next][1])
                self._next += 1
            self._left = come[0] if len(come) == 1 else b"".join(come)
        data = self._left
        if n < 0 or len(data) <= n:
            self._left = b""
            return data
        self._left = data[n:]
        return data[:n]

    def arrival(self) -> None:
        """None: it is asked itself."""

    async def read(self, n: int = -1) -> bytes:
        """The next bytes, when they come; empty at the end. Raises ClientPayloadError."""
        while True:
            if data := self.read_nowait(n):
                return data
            if self._next < len(self._pieces):
                await asyncio.sleep(self._pieces[self._next][0] - self._loop.time())
            elif self._broken is not None:
                await asyncio.sleep(self._broken - self._loop.time())
                raise ClientPayloadError("broken off")
            else:
                return b""

    async def readany(self) -> bytes:
        """The same."""
        return await self.read()


def frozen_headers(headers: dict[str, str]) -> CIMultiDictProxy[str]:
    """Headers of an answer."""
    return CIMultiDictProxy(CIMultiDict(headers))


JSON = frozen_headers({"Content-Type": "application/json"})
"""Of an answer in one piece."""
