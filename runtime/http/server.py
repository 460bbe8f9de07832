"""An HTTP server that starts late, stops gently, and says what is wrong with its address."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import web
from attrs import field

from ...compiler.plan.record import frozen
from ..concurrency.tasks import end_tasks
from ..requests.errors import StartError
from .client_connection import Connection
from .connection_rules import RULES, ConnectionRules
from .known_heads import RecentHeads
from .probes import probe
from .tls_handshakes import TlsListener

if sys.platform != "win32":
    import resource

Listening = asyncio.Server | TlsListener

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_KNOWN_PATHS, _SHORT_PATH = 1024, 256
"""Paths that are remembered at most, and characters of each: clients may think of any number."""

GRACE = 30.0
"""Seconds that requests in flight have to finish once the server is told to stop."""

_HANDSHAKES = 2.0
"""Seconds of these that TLS handshakes have: nobody has asked for anything yet."""

_BACKLOG = 1024
_FIRST_HANDED = 3
_UNSENT = 128 << 10
"""Bytes of a connection that the kernel takes before the client has room for them."""

_DESCRIPTORS = 1 << 16
"""Files and connections that a process may have open at the same time, where the system lets it."""
_FEWEST = 64
"""With fewer, nothing can be served, or not even be started."""

log = logging.getLogger(__name__)


def allow_descriptors() -> None:
    """Let this process have as many connections open as it may, not as few as it is given at first.

    Raises StartError where that is not enough to start.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    if soft != resource.RLIM_INFINITY and soft < _FEWEST:
        raise StartError(f"only {soft} files and connections may be open here: allow more (`ulimit -n 1024`)")


def bind(host: str, port: int, *, advice: str, shared: bool = False) -> socket.socket:
    """A socket bound to the address, not listening yet; port 0 takes a free one.

    advice: what to do when the port is taken, for the error. shared: other processes may listen there, too,
    if they say so as well. Raises StartError.
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
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise _unusable(host, port, advice, error) from None
    return bound


def from_systemd() -> socket.socket | None:
    """The socket at which systemd listens for this process (`ListenStream=`); None where it does not.

    Raises StartError.
    """
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    count = os.environ.get("LISTEN_FDS", "")
    if count != "1":
        raise StartError(f"systemd hands over {count or 'no'} sockets: let its unit have one `ListenStream=`")
    handed = socket.socket(fileno=_FIRST_HANDED)
    handed.set_inheritable(False)
    if handed.family not in (socket.AF_INET, socket.AF_INET6) or handed.type != socket.SOCK_STREAM:
        handed.close()
        raise StartError("systemd hands over another socket than one of TCP: name a port in `ListenStream=`")
    return handed


class HttpServer:
    """`app` on a bound socket. A client that disconnects cancels its request.

    How clients are treated is what the application says under `RULES`. grace: seconds that requests in
    flight have to finish when the server stops. tls: encrypts connections; None: they are plain.
    """

    def __init__(
        self,
        app: web.Application,
        bound: socket.socket,
        *,
        advice: str,
        grace: float = GRACE,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.app = app
        self._socket, self._tls = bound, tls
        self._advice = advice
        self._grace = grace
        self.rules = app.get(RULES, ConnectionRules())
        """How connections are treated that come from now on."""
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0)
        self._listening: Listening | None = None
        self._connections: dict[Connection, None] = {}
        self._recent: RecentHeads = {}
        self._handshakes: dict[asyncio.Task[None], None] = {}

    @property
    def port(self) -> int:
        """The port that the socket is bound to."""
        port: int = self._socket.getsockname()[1]
        return port

    async def start(self) -> None:
        """Accept connections from now on. Raises StartError."""
        await self._runner.setup()
        assert self._runner.server is not None
        if self.rules.plain:
            self._runner.server.request_handler = _past_the_router(self.app)
        try:
            self._listening = await self.listen(self._socket, self._tls)
        except BaseException:
            await self.stop()
            raise

    def again(self) -> socket.socket:
        """The same socket once more, to listen there in another way: no connection to it is lost."""
        return self._socket.dup()

    async def listen(self, bound: socket.socket, tls: ssl.SSLContext | None) -> Listening:
        """Accept connections at `bound`, too; with `tls`, encrypted ones. Raises StartError."""
        host, port = bound.getsockname()[:2]
        try:
            if hasattr(socket, "TCP_NOTSENT_LOWAT"):
                bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT)
            probe(bound)
            if tls is None:
                return await asyncio.get_running_loop().create_server(
                    self._connection, sock=bound, backlog=_BACKLOG
                )
            bound.listen(_BACKLOG)
            return TlsListener(
                bound,
                tls,
                self._connection,
                lambda: self.rules,
                self._connections.__len__,
                self._handshakes,
            )
        except OSError as error:
            raise _unusable(host, port, self._advice, error) from None

    async def move(self, listening: Listening, bound: socket.socket) -> None:
        """Accept connections there alone; those that are open stay."""
        if bound.getsockname() != self._socket.getsockname():
            await self._accept_the_rest()
        if self._listening is not None:
            self._listening.close()
        self._socket.close()
        self._listening, self._socket = listening, bound

    async def stop(self, at_once: asyncio.Event | None = None) -> None:
        """Accept nothing new, let requests in flight finish, and break off what outlasts the grace.

        at_once: ends the grace when it is set.
        """
        if self._listening is not None:
            await self._accept_the_rest()
            self._listening.close()
        loop = asyncio.get_running_loop()
        until = loop.time() + self._grace
        if handshakes := tuple(self._handshakes):
            await _waited_for(asyncio.wait(handshakes), min(self._grace, _HANDSHAKES), at_once)
            await end_tasks(handshakes)
        await asyncio.sleep(0)  # what has come in before is a request in flight
        for connection in tuple(self._connections):
            connection.finish()
        if lost := [connection.lost for connection in self._connections]:
            await _waited_for(asyncio.wait(lost), until - loop.time(), at_once)
        await asyncio.gather(*(connection.end() for connection in tuple(self._connections)))
        await self._runner.cleanup()
        self._socket.close()

    def _connection(self) -> Connection:
        server = self._runner.server
        assert server is not None
        return Connection(server, self.rules, self._connections, self._recent)

    async def _accept_the_rest(self) -> None:
        """Take the connections that the kernel holds for us: it would break them off."""
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            bound = self._socket.dup()
            bound.setblocking(False)
            with bound:
                for _ in range(_BACKLOG):
                    client, _address = bound.accept()
                    if isinstance(self._listening, TlsListener):
                        self._listening.encrypt(client)
                    else:
                        await loop.connect_accepted_socket(self._connection, client)


def _past_the_router(app: web.Application) -> Callable[[Any], Awaitable[web.StreamResponse]]:
    """What answers a request: the router of `app` is asked once for each path that it knows."""
    routed = app._handle
    known: dict[tuple[str, str], tuple[web.UrlMappingMatchInfo, Handler]] = {}

    async def first(request: web.Request) -> web.StreamResponse:
        response = await routed(request)
        found, path = request.match_info, request.raw_path
        if found.http_exception is None and len(path) <= _SHORT_PATH and "?" not in path:
            if len(known) >= _KNOWN_PATHS:
                known.clear()
            known[request.method, path] = found, found.handler
        return response

    def answer(request: web.Request) -> Awaitable[web.StreamResponse]:
        message = request._message
        found = known.get((message.method, message.path))
        if found is None:
            return first(request)
        request._match_info, handler = found
        return handler(request)

    return answer


@frozen
class Stop:
    """What signals ask for. asked: to finish what is in flight. at_once: to break it off."""

    asked: asyncio.Event = field(factory=asyncio.Event)
    at_once: asyncio.Event = field(factory=asyncio.Event)


@asynccontextmanager
async def stop_signal() -> AsyncIterator[Stop]:
    """The first SIGINT or SIGTERM asks to stop, the second one to do it at once, a third ends the process."""
    loop = asyncio.get_running_loop()
    stop = Stop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def restore() -> None:
        for number in signals:
            loop.remove_signal_handler(number)

    def received(number: signal.Signals) -> None:
        if not stop.asked.is_set():
            log.info("%s: finishing what is in flight", number.name)
            stop.asked.set()
        else:
            log.info("%s: breaking off what is in flight", number.name)
            stop.at_once.set()
            restore()

    for number in signals:
        loop.add_signal_handler(number, received, number)
    try:
        yield stop
    finally:
        restore()


async def _waited_for(what: Coroutine[Any, Any, Any], seconds: float, at_once: asyncio.Event | None) -> None:
    """Until `what` is done, the time is over, or `at_once` is set."""
    waits: list[asyncio.Task[Any]] = [asyncio.create_task(what)]
    if at_once is not None:
        waits.append(asyncio.create_task(at_once.wait()))
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end_tasks(waits)


def _unusable(host: str, port: int, advice: str, error: OSError) -> StartError:
    match error.errno:
        case errno.EADDRINUSE:
            taken = f"port {port} on {host} is in use by another program"
            return StartError(f"{taken}: stop that program, or {advice}")
        case errno.EACCES:
            return StartError(f"port {port} on {host} is not allowed for this user: {advice}")
        case errno.EADDRNOTAVAIL:
            return StartError(f"{host} is no address of this machine: {advice}")
        case _:
            return StartError(f"cannot listen on {host}:{port}: {error.strerror}: {advice}")
