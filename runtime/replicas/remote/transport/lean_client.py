"""POST requests of bytes, on aiohttp's connections and parser, without most of what its session does.

`ClientSession` builds each request anew: URL, headers, cookies, redirects, traces, a writer. Here all that
stays the same for an address is built once, and connections that have answered are kept. To connect, TLS,
names and parsing are still aiohttp's. What is called for that is no public interface: where it is not as
expected, or where a proxy stands in between, a session does the work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_writer import _serialize_headers
from aiohttp.streams import EMPTY_PAYLOAD
from multidict import CIMultiDictProxy
from yarl import URL

from ....concurrency.held_writes import held_writes
from ....dialects.server_sent_events import EVENT_STREAM
from ....http.header_lines import header_lines
from .connector import (
    MAX_HEADER,
    MAX_HEADERS,
    MAX_INTERIM,
    TOO_MANY_INTERIM,
    Connector,
    Steady,
)
from .http_client import NO_TIMEOUT, Answer, ClientOptions, HttpClient, Limit
from .kept_connections import KeptConnections
from .network_errors import WAS_KEPT
from .plain_answers import FirstPiece, Rest
from .session_client import SessionClient
from .whole_chunks import WholeChunks

_CLOSED = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)
_JOINED = 64 << 10
"""Bytes of a body up to which it is copied behind its head, to be sent at once."""


def open_client(options: ClientOptions) -> HttpClient:
    """A client for many requests; call it in the event loop."""
    lean = options.proxy is None and is_as_expected()
    return LeanClient(options) if lean else SessionClient(options)


def is_as_expected() -> bool:
    """Whether this aiohttp has what LeanClient calls."""
    try:
        connect = _parameters(aiohttp.TCPConnector.connect)
        expect = _parameters(ResponseHandler.set_response_params)
    except AttributeError:
        return False
    return (
        connect == ("self", "req", "traces", "timeout")
        and _PARSING.keys() <= {*expect}
        and all(hasattr(ResponseHandler, name) for name in ("read", "should_close", "is_connected"))
        and hasattr(aiohttp.ClientRequest, "connection_key")
    )


def _parameters(function: Any) -> tuple[str, ...]:
    """Their names; `inspect` would take half of the time of making a client. Raises AttributeError."""
    code = function.__code__
    names: tuple[str, ...] = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return names


_PARSING = {
    "read_until_eof": True,
    "read_bufsize": 0,
    "max_line_size": MAX_HEADER,
    "max_field_size": MAX_HEADER,
    "max_headers": MAX_HEADERS,
}


class LeanClient:
    """Writes requests to aiohttp's connections itself."""

    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        self._connector = Connector(
            window=options.window, steady=options.is_plain, limit=0, ssl=options.ssl or True
        )
        self._parsing: dict[str, Any] = {**_PARSING, "read_bufsize": options.read_ahead}
        self._targets: dict[tuple[str, str | None], _Target] = {}
        self._kept: dict[Any, KeptConnections] = {}
        self._requests = held_writes()
        self._last: tuple[Mapping[str, str] | None, bytes] = None, b""  # headers are the same for long

    async def post(
        self,
        address: str,
        body: bytes,
        headers: Mapping[str, str],
        limit: Limit,
        content_type: str | None = None,
    ) -> Answer:
        """The answer, when its head is here."""
        key = (address, content_type)
        target = self._targets.get(key) or self._target(*key)
        known, lines = self._last
        if known is not headers:
            lines = header_lines(headers)
            self._last = headers, lines
        size = len(body)
        head = b"%b%bContent-Length: %b\r\n\r\n" % (target.head, lines, str(size).encode())
        timeouts, until = limit
        kept = target.kept.take()
        if kept is not None:
            connection, protocol = kept
        else:
            with timeouts.until(until):
                connection = await self._connector.connect(target, [], NO_TIMEOUT)
            protocol = connection.protocol
        steady: Steady | None = getattr(protocol, "steady", None)
        first: FirstPiece | None = None
        try:
            if steady is None:
                protocol.set_response_params(**self._parsing)
            else:
                first = FirstPiece(steady, self._connector._loop, self._parsing, until)
            transport = protocol.transport
            assert transport is not None
            if size > _JOINED:
                transport.writelines((head, body))
            else:
                self._requests.write(transport, head + body)
            if first is not None:
                timeouts.begin(first)
                try:
                    plain = await first.waiter
                finally:
                    timeouts.waits.discard(first)
                if plain is not None:
                    rest = first.rest
                    whole = plain.body if rest is None and first.stream is None else None
                    content = first.stream or EMPTY_PAYLOAD
                    return LeanAnswer(
                        connection, protocol, steady, target.kept, 200, plain.headers, content, whole, rest
                    )
            with timeouts.until(until):
                for _ in range(MAX_INTERIM + 1):
                    message, content = await protocol.read()
                    if message.code >= 200 or message.code == 101:
                        return LeanAnswer(
                            connection, protocol, steady, target.kept, message.code, message.headers, content
                        )
            raise _unreadable(target, 502, TOO_MANY_INTERIM)
        except HttpProcessingError as error:
            connection.close()
            raise _unreadable(target, error.code, error.message) from error
        except BaseException as error:
            if kept is not None and isinstance(error, _CLOSED):
                setattr(error, WAS_KEPT, True)
                target.kept.drop()  # what forgets one, as NAT and restarts do, has forgotten older ones, too
            if steady is not None:
                steady.relay = None
                if steady.stream is not None:
                    steady.stream.leave()
            connection.close()
            raise

    async def close(self) -> None:
        """Close all connections."""
        for each in self._kept.values():
            each.close()
        await self._connector.close()

    def _target(self, address: str, content_type: str | None) -> _Target:
        own = {} if content_type is None else {"Content-Type": content_type}
        target = _Target(self._options.url(address), {**self._options.headers, **own})
        where = target.connection_key
        if where not in self._kept:
            self._kept[where] = KeptConnections(self._options.keepalive)
        target.kept = self._kept[where]
        self._targets[address, content_type] = target
        return target


class _Target(aiohttp.ClientRequest):
    """What all requests to one URL have in common; for aiohttp, a request that asks for a connection."""

    connection_key: Any = None
    kept: KeptConnections

    def __init__(self, url: URL, headers: Mapping[str, str]) -> None:
        super().__init__("POST", url, headers=headers)
        self.headers.popall("Content-Length", None)
        type_key: Any = aiohttp.ClientRequest.connection_key
        self.connection_key = type_key.fget(self)
        self.head = _serialize_headers(f"POST {self.url.raw_path_qs} HTTP/1.1", self.headers)[:-2]


class LeanAnswer:
    """An answer whose head is here."""

    __slots__ = (
        "_connection",
        "_content",
        "_kept",
        "_protocol",
        "headers",
        "rest",
        "status",
        "steady",
        "whole",
    )

    def __init__(
        self,
        connection: Any,
        protocol: Any,
        steady: Steady | None,
        kept: KeptConnections,
        status: int,
        headers: CIMultiDictProxy[str],
        content: aiohttp.StreamReader | WholeChunks,
        whole: bytes | memoryview | None = None,
        rest: Rest | None = None,
    ) -> None:
        self._connection = connection
        self._protocol = protocol
        self._kept = kept
        self.status = status
        self.headers = headers
        self._content = content
        self.whole = whole
        """All of the body, where it came along with the head; then nothing is left of it in `content`. A view
        is where it was read: nothing else is read there while anybody has it."""
        self.rest = rest
        """What reads the body, past `content`, where not all of it came along with the head."""
        self.steady = steady
        """Where it comes from, if little is read there at once."""

    @property
    def content(self) -> aiohttp.StreamReader | WholeChunks:
        """Where its body is read; another one once its chunks have to be parsed."""
        content = self._content
        return (content.parsed or content) if type(content) is WholeChunks else content

    @property
    def content_type(self) -> str:
        if type(self._content) is WholeChunks:
            return EVENT_STREAM
        kind = self.headers.get("Content-Type", "application/octet-stream")
        return kind.partition(";")[0].strip().lower()

    @property
    def content_length(self) -> int | None:
        length = self.headers.get("Content-Length", "")
        return int(length) if length.isascii() and length.isdigit() else None

    def release(self) -> None:
        """Give the connection back; it is closed where something is left unread, or unsent."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        steady = self.steady
        if steady is not None and (stream := steady.stream) is not None:
            stream.leave()
            connection.close()
        elif self.rest is not None and not self.rest.is_whole:
            connection.close()
        else:
            content = self._content
            parsed = self.whole is None and (type(content) is not WholeChunks or content.parsed is not None)
            self._kept.keep(connection, self._protocol, parsed=parsed)


def _unreadable(target: _Target, status: int, message: str) -> aiohttp.ClientResponseError:
    return aiohttp.ClientResponseError(target.request_info, (), status=status, message=message)
