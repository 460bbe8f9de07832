"""The events of one answer, kept so that a client that lost it reads on from where it was."""

from __future__ import annotations

import asyncio
import base64
import zlib
from collections.abc import AsyncGenerator

import orjson

from ...requests.errors import BadRequest

MOST = 16 << 20
"""Bytes of events of one answer that are kept; the first ones go first."""

_END = b"\n\n"


class EventLog:
    """Events in their order, numbered from 0, each of which ends with an empty line. Many may follow it."""

    def __init__(self) -> None:
        self._kept: list[bytes] = []
        self._first = 0
        self._size = 0
        self._ended = False
        self._news = asyncio.Event()

    def add(self, data: bytes) -> None:
        """Keep the events in `data`, none or several."""
        if self._ended or not data:
            return
        for each in data.split(_END)[:-1]:
            self._kept.append(each + _END)
            self._size += len(each) + len(_END)
        if self._size > MOST:
            half = len(self._kept) // 2 or 1
            self._size -= sum(map(len, self._kept[:half]))
            del self._kept[:half]
            self._first += half
        self._tell()

    def end(self) -> None:
        """No more will come."""
        self._ended = True
        self._tell()

    def fail(self, code: str, message: str) -> None:
        """End with an error, in the words of OpenAI's responses, unless it has ended."""
        number = self._first + len(self._kept)
        said = {"type": "error", "code": code, "message": message, "param": None, "sequence_number": number}
        self.add(b"event: error\ndata: %b\n\n" % orjson.dumps(said))
        self.end()

    async def follow(self, number: int) -> AsyncGenerator[bytes, None]:
        """Those from `number` on, as they come, until the end; nothing while none is there.

        Raises BadRequest for what is not kept.
        """
        while True:
            if number < self._first:
                message = f"`starting_after`: the events up to {self._first - 1} are not kept any more"
                raise BadRequest(message, param="starting_after")
            if new := self._kept[number - self._first :]:
                number += len(new)
                yield b"".join(new)
            elif self._ended:
                return
            else:
                yield b""
                await self._news.wait()

    def packed(self) -> str | None:
        """All of them as text; None where the first are gone."""
        if self._first:
            return None
        return base64.b85encode(zlib.compress(b"".join(self._kept))).decode()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


def unpacked(text: str, number: int) -> bytes:
    """The events from `number` on of those that were `packed`."""
    events = zlib.decompress(base64.b85decode(text)).split(_END)[number:-1]
    return b"".join(each + _END for each in events)
