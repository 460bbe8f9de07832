"""An HTTP server that starts late, stops gently, and says what is wrong with its address."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from .requests.errors import StartError

GRACE = 30.0
"""Seconds that requests in flight have to finish once the server is told to stop."""

_BACKLOG = 1024


def bind(host: str, port: int, *, advice: str) -> socket.socket:
    """A socket bound to the address, not listening yet; port 0 takes a free one.

    advice: what to do when the port is taken, for the error. Raises StartError.
    """
    if not 0 <= port <= 65535:
        raise StartError(f"{port} is no port: {advice}")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError):
        raise StartError(f"`{host}` is no address of this machine: {advice}") from None
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise _unusable(host, port, advice, error) from None
    return bound


class HttpServer:
    """`app` on a bound socket. A client that disconnects cancels its request."""

    def __init__(
        self, app: web.Application, bound: socket.socket, *, advice: str, grace: float = GRACE
    ) -> None:
        self._socket = bound
        self._advice = advice
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=grace, handle_signals=False
        )

    @property
    def port(self) -> int:
        """The port that the socket is bound to."""
        port: int = self._socket.getsockname()[1]
        return port

    async def start(self) -> None:
        """Accept connections from now on. Raises StartError."""
        host, port = self._socket.getsockname()[:2]
        try:
            await self._runner.setup()
            await web.SockSite(self._runner, self._socket, backlog=_BACKLOG).start()
        except OSError as error:
            await self.stop()
            raise _unusable(host, port, self._advice, error) from None

    async def stop(self) -> None:
        """Accept nothing new, let requests in flight finish, and break off what outlasts the grace."""
        await self._runner.cleanup()
        self._socket.close()


@asynccontextmanager
async def stop_signal() -> AsyncIterator[asyncio.Event]:
    """An event that the first SIGINT or SIGTERM sets; a second one ends the process as usual."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)

    def restore() -> None:
        for number in signals:
            loop.remove_signal_handler(number)

    def received(number: signal.Signals) -> None:
        logging.getLogger(__name__).info("%s: finishing what is in flight", number.name)
        restore()
        stop.set()

    for number in signals:
        loop.add_signal_handler(number, received, number)
    try:
        yield stop
    finally:
        restore()


def _unusable(host: str, port: int, advice: str, error: OSError) -> StartError:
    match error.errno:
        case errno.EADDRINUSE:
            return StartError(f"port {port} on {host} is in use by another program: {advice}")
        case errno.EACCES:
            return StartError(f"port {port} on {host} is not allowed for this user: {advice}")
        case errno.EADDRNOTAVAIL:
            return StartError(f"{host} is no address of this machine: {advice}")
        case _:
            return StartError(f"cannot listen on {host}:{port}: {error.strerror}: {advice}")
