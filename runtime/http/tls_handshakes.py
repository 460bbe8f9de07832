"""Accepting connections that are encrypted: how many handshakes are under way, and which is broken off."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from .client_connection import Connection
from .connection_rules import ConnectionRules

log = logging.getLogger(__name__)

_PART = 8
"""One in so many of the connections that may be is always room for handshakes."""

_AT_ONCE = 16
"""Connections that are accepted before others have their turn, and those that were broken off are closed."""

_PAUSE = 0.1
"""Seconds until the next try, where nothing could be accepted."""


class TlsListener:
    """Accepts at `bound`, which listens; `connection` makes what speaks once a handshake is done.

    tls: encrypts. rules: those of now, with how many connections may be. count: how many there are.
    handshakes: all that are under way, the oldest first.
    """

    def __init__(
        self,
        bound: socket.socket,
        tls: ssl.SSLContext,
        connection: Callable[[], Connection],
        rules: Callable[[], ConnectionRules],
        count: Callable[[], int],
        handshakes: dict[asyncio.Task[None], None],
    ) -> None:
        self._bound, self._tls, self._connection = bound, tls, connection
        self._rules, self._count, self._handshakes = rules, count, handshakes
        self._loop = asyncio.get_running_loop()
        self._next_try: asyncio.TimerHandle | None = None
        bound.setblocking(False)
        self._listen()

    def _listen(self) -> None:
        self._next_try = None
        self._loop.add_reader(self._bound, self._accept)

    def close(self) -> None:
        """Accept nothing more; handshakes go on. Safe to call twice."""
        if self._bound.fileno() < 0:
            return
        self._loop.remove_reader(self._bound)
        if self._next_try is not None:
            self._next_try.cancel()
        self._bound.close()

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                client, _address = self._bound.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                log.warning("no connection can be accepted: %s", error.strerror, extra={"kind": "accept"})
                self._loop.remove_reader(self._bound)
                self._next_try = self._loop.call_later(_PAUSE, self._listen)
                return
            self.encrypt(client)

    def encrypt(self, client: socket.socket) -> None:
        """Begin with one. The oldest one makes room for it: a client that goes on is soon done."""
        client.setblocking(False)
        most = self._rules().most
        if len(self._handshakes) >= max(most - self._count(), most // _PART, 1):
            log.warning(
                "%d TLS handshakes are under way, and there is no room for more: the oldest is broken off",
                len(self._handshakes),
                extra={"kind": "handshakes"},
            )
            oldest = next(iter(self._handshakes))
            del self._handshakes[oldest]
            oldest.cancel()
        begun = self._loop.create_task(self._encrypt(client))
        self._handshakes[begun] = None
        begun.add_done_callback(lambda done: self._handshakes.pop(done, None))

    async def _encrypt(self, client: socket.socket) -> None:
        with suppress(OSError):  # of which TLS tells the client
            await self._loop.connect_accepted_socket(
                self._connection, client, ssl=self._tls, ssl_handshake_timeout=self._rules().header
            )
