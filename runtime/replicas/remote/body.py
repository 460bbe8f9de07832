"""The body of a provider's answer, read piece by piece within bounds of time and of size."""

from __future__ import annotations

import asyncio
from enum import Enum
from functools import partial
from typing import Protocol

import aiohttp

from ...concurrency.timeouts import Timeouts
from ...http.stream_reader import arrival, arrived, take
from .transport.http_client import Answer
from .transport.plain_answers import Rest
from .transport.whole_chunks import WholeChunks

END_GRACE = 0.25
"""Seconds that a stream may stay open after its end marker, so that its connection can be used again."""

TURN = 1 << 20
"""Bytes that are read at once before others have their turn."""


class Limit(Enum):
    """Which bound a body has broken."""

    READ = "read"
    """Nothing new came for too long."""
    TOTAL = "total"
    """The whole answer took too long."""
    SIZE = "size"
    """The answer is too large."""


class OutOfBounds(Exception):
    """A body has broken `limit`; what is left of it is not read. most: bytes that it may have."""

    def __init__(self, limit: Limit, most: int) -> None:
        super().__init__(limit)
        self.limit = limit
        self.most = most


class Bypass(Protocol):
    """Who hands on what comes while a piece is waited for."""

    @property
    def left(self) -> object | None:
        """What it read and did not hand on; None: nothing."""
        ...

    def begin(self) -> asyncio.Future[None] | None:
        """Begin to; done when who waits has to go on. None: it is not to be."""
        ...

    def end(self) -> None:
        """What comes is no longer handed on."""
        ...


class Body:
    """The body of `response`.

    read: seconds between two pieces that bring something new. until: in the time of the loop, when all of it
    must be here. most: bytes, counted after they are unpacked.
    """

    since: float | None = None
    """When the wait for something new began; None: the last piece brought something new."""
    moment = 0.0
    _arrival: asyncio.Future[None] | None = None

    def __init__(self, response: Answer, timeouts: Timeouts, read: float, until: float, most: int) -> None:
        self._response = response
        self.content = content = response.content
        """Where its bytes are."""
        self.take = (
            partial(take, content) if isinstance(content, aiohttp.StreamReader) else content.read_nowait
        )
        """What is here, at most so many bytes; empty where there is nothing. -1: all."""
        self._timeouts = timeouts
        self.loop = timeouts.loop
        self._read = read
        self._until = until
        self.left = self._most = most
        """Bytes that may still come."""

    @property
    def at_end(self) -> bool:
        """Whether all of it has been read."""
        return self.content.at_eof()

    async def piece(self, most: int = -1, bypass: Bypass | None = None) -> bytes:
        """The next bytes, without waiting where some are here; empty at the end. most: how many; -1: all.
        Where `bypass` has something left, that is what comes next.

        Raises OutOfBounds and ClientError.
        """
        content = self.content
        data = self.take(most)
        while not data and not content.at_eof():  # the end of a chunk of HTTP wakes, too, and is nothing
            now = self.loop.time()
            if self.since is None:
                self.since = now
            moment = self.since + self._read
            self.moment = moment if moment < self._until else self._until
            if self.moment <= now:  # no wait lasts long where bytes come faster than they are read
                raise self._late()
            handed = None if bypass is None else bypass.begin()
            self._arrival = arrival(content) if handed is None else handed
            try:
                if self._arrival is None:
                    stream = self._response.content
                    assert not isinstance(stream, WholeChunks)  # of which the parser's is this one
                    with self._timeouts.until(self.moment):
                        data = await (stream.readany() if most < 0 else stream.read(most))
                else:
                    self._timeouts.begin(self)
                    try:
                        await self._arrival
                    finally:
                        self._timeouts.waits.discard(self)
                        if handed is None:
                            arrived(content)
                        elif bypass is not None:
                            bypass.end()
                    if bypass is not None and bypass.left is not None:
                        return b""
                    data = self.take(most)
            except TimeoutError:
                raise self._late() from None
        self.left -= len(data)
        if self.left < 0:
            raise self.too_large()
        return data

    def keep_to(self, most: int) -> None:
        """All of it, with what has been read, has at most so many bytes."""
        self.left += most - self._most
        self._most = most

    def too_large(self) -> OutOfBounds:
        """What to raise where nothing is left of the bytes that may come."""
        return OutOfBounds(Limit.SIZE, self._most)

    def goes_on(self) -> None:
        """Something new has come, and the next piece is waited for."""
        self.since = self.loop.time()

    def expire(self) -> None:
        """The wait for the next piece has lasted too long, unless something new has come since it began."""
        if self._arrival is None or self._arrival.done() or self.since is None:
            return
        self.moment = min(self.since + self._read, self._until)
        if self.moment > self.loop.time():
            self._timeouts.begin(self)
        else:
            self._arrival.set_exception(TimeoutError())

    async def whole(self) -> bytes:
        """All of it. Raises OutOfBounds and ClientError."""
        if (self._response.content_length or 0) > self.left:
            raise self.too_large()
        pieces: list[bytes] = []
        pause_at = self.left - TURN
        while data := await self.piece():
            pieces.append(data)
            self.since = None
            if self.left < pause_at:  # what is here already is read without waiting for anything
                pause_at = self.left - TURN
                await asyncio.sleep(0)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def rest(self, rest: Rest) -> bytes:
        """All of it, of which `rest` reads what is still to come. Raises OutOfBounds and ClientError."""
        if rest.size > self.left:
            raise self.too_large()
        if rest.is_whole:
            return rest.body
        self.goes_on()
        self.moment = min(self.loop.time() + self._read, self._until)
        self._arrival = rest.arrival(self.loop, self.goes_on)
        self._timeouts.begin(self)
        try:
            await self._arrival
        except TimeoutError:
            raise self._late() from None
        finally:
            self._timeouts.waits.discard(self)
        return rest.body

    def _late(self) -> OutOfBounds:
        over = self.loop.time() >= self._until
        return OutOfBounds(Limit.TOTAL if over else Limit.READ, self._most)

    async def beginning(self) -> bytes:
        """As much as comes in the time between two pieces, and fits; nothing is wrong where more would."""
        pieces: list[bytes] = []
        try:
            while data := await self.piece():
                pieces.append(data)
        except (OutOfBounds, aiohttp.ClientError):
            pass
        return b"".join(pieces)

    async def read_end(self) -> None:
        """Read what follows the end marker, which is nothing, so that the connection is free again."""
        try:
            async with asyncio.timeout(END_GRACE):
                while not self.at_end:
                    await self.piece()
        except (TimeoutError, OutOfBounds, aiohttp.ClientError):
            return
