"""Connections to providers, with a bound on what may come before an answer."""

from __future__ import annotations

import socket
from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import BadHttpMessage

MAX_HEADER, MAX_HEADERS = 8190, 128
"""Bytes of one header of an answer, name or value, and how many of them there may be."""

MAX_INTERIM = 16
"""Interim answers (status 1xx) that may come before the final one; aiohttp itself skips any number."""

TOO_MANY_INTERIM = "Too many interim responses"
_REASONS = {
    f"Got more than {MAX_HEADER} bytes": f"sent a header of more than {MAX_HEADER} bytes",
    "Too many headers": f"sent more than {MAX_HEADERS} headers",
    TOO_MANY_INTERIM: f"sent more than {MAX_INTERIM} interim answers (status 1xx)",
}
"""How aiohttp begins to say that the head of an answer breaks a bound, and how we say it."""


class Connector(aiohttp.TCPConnector):
    """A pool of connections.

    window: bytes that the system keeps of what a provider sends before it is read; None: as it likes. What
    is read at once is no more, and stays in memory while a client does not read.
    """

    def __init__(self, *, window: int | None = None, **options: Any) -> None:
        super().__init__(**options, socket_factory=partial(_socket_with, window) if window else None)


class PatientConnector(Connector):
    """A pool of connections that bear some interim answers, not any number."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        make: Any = partial(_Connection, loop=self._loop)
        self._factory = make


class _Connection(ResponseHandler):
    """Refuses an answer after too many interim ones."""

    _interim = 0

    async def read(self) -> Any:
        message, payload = await super().read()
        self._interim = self._interim + 1 if 100 <= message.code < 200 else 0
        if self._interim > MAX_INTERIM:
            raise BadHttpMessage(TOO_MANY_INTERIM)
        return message, payload


def _socket_with(window: int, address: aiohttp.AddrInfoType) -> socket.socket:
    made = socket.socket(*address[:3])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    return made


def why_unreadable(error: aiohttp.ClientResponseError) -> str:
    """Why the head of an answer was not read; what aiohttp quotes of it is not repeated."""
    known = (ours for theirs, ours in _REASONS.items() if error.message.startswith(theirs))
    return next(known, "sent an answer that is no HTTP")
