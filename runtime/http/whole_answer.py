"""Answers that are made and written without what aiohttp's own do beside."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.compression_utils import MAX_SYNC_CHUNK_SIZE
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE
from aiohttp.http_writer import _serialize_headers
from multidict import CIMultiDict

from ..concurrency.held_writes import HeldWrites
from .header_lines import header_lines
from .known_heads import WholeBody

JSON, OCTETS = "application/json", "application/octet-stream"
_JSON = JSON.encode()
IS_AS_EXPECTED = vars(web.Response()).keys() >= {"_body", "_headers", "_reason", "_status"} and all(
    hasattr(web.Response, name) for name in ("_eof_sent", "_keep_alive", "_payload_writer")
)
"""Whether this aiohttp has the fields that answers are sent by."""
_JOINED = 32 << 10
"""Bytes of a body up to which it is copied behind its head, to be sent at once."""
_WAITS_UNTOLD = (3, 12) <= sys.version_info < (3, 12, 9) or (3, 13) <= sys.version_info < (3, 13, 2)
"""Whether asyncio tells nobody that what was written in parts is not taken (CVE-2024-12254)."""
_HEAD = b"HTTP/1.1 200 OK\r\n%bContent-Type: %b\r\nContent-Length: %d\r\nDate: %b\r\nServer: %b\r\n\r\n"
_SERVER = SERVER_SOFTWARE.encode()
_WITHOUT_BODY = (204, 304)
_FIELDS = {"_body", "_compressed_body", "_headers", "_reason", "_state", "_status"}
_OF_ZLIB = {"_zlib_executor", "_zlib_executor_size"}
_IS_AS_EXPECTED = vars(web.Response(body=b"")).keys() == _FIELDS | _OF_ZLIB
"""Whether an answer of this aiohttp has these fields, and no others."""
_HEAD_IS_AS_EXPECTED = vars(web.StreamResponse()).keys() == {"_headers", "_reason", "_state", "_status"}


class WithLines:
    """An answer that has lines of its head beside its headers, each with its end; None: none may be."""

    lines: bytes | None = None


class StreamHead(WithLines, web.StreamResponse):
    """The head of a stream."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        if not _HEAD_IS_AS_EXPECTED:
            super().__init__(headers=headers)
            return
        self._state, self._headers = {}, CIMultiDict(headers)
        self._status, self._reason = 200, "OK"


class WholeAnswer(WithLines, web.Response):
    """An answer with status 200. Its headers are written as they are sent, until somebody asks for them.

    lines: None: they are `headers`. kind: of its content. parts: of the body, which are written as they are,
    without being joined.
    """

    kind: bytes = _JSON
    parts: tuple[bytes | memoryview, ...] = ()
    _known: CIMultiDict[str]

    def __init__(self, parts: tuple[bytes | memoryview, ...], headers: Mapping[str, str] | bytes) -> None:
        """Of JSON. headers: or their lines."""
        lines = headers if isinstance(headers, bytes) else header_lines(headers)
        if not _IS_AS_EXPECTED:
            super().__init__(body=b"".join(parts), headers=fields_of(lines), content_type=JSON)
            return
        self._state, self.parts = {}, parts
        self._status, self._reason = 200, "OK"
        self._zlib_executor_size, self._zlib_executor = MAX_SYNC_CHUNK_SIZE, None
        self.lines, self.kind = lines, _JSON

    def as_octets(self) -> WholeAnswer:
        """The same of bytes that are no JSON."""
        self.kind = OCTETS.encode()
        if self.lines is None:
            self.content_type = OCTETS
        return self

    @property
    def _body(self) -> bytes:
        """What aiohttp knows of the parts."""
        return b"".join(self.parts)

    @_body.setter
    def _body(self, body: bytes) -> None:
        self.parts = (body,)

    @property  # type: ignore[override]  # a field there
    def _headers(self) -> CIMultiDict[str]:
        """Those that aiohttp knows."""
        if self.lines is not None:
            self._known = fields_of(self.lines)
            self._known[hdrs.CONTENT_TYPE] = self.kind.decode()
            self.lines = None
        return self._known

    @_headers.setter
    def _headers(self, headers: CIMultiDict[str]) -> None:
        self._known = headers


def fields_of(lines: bytes) -> CIMultiDict[str]:
    """The headers that `lines` say, each with its end."""
    fields = (line.partition(": ") for line in lines.decode().split("\r\n")[:-1])
    return CIMultiDict((name, value) for name, _, value in fields)


WHOLE = (WholeAnswer, web.Response) if IS_AS_EXPECTED else ()
"""Answers in one piece, with nothing of their own beside, as `send_whole` takes them."""


def send_whole(
    transport: asyncio.Transport | None,
    request: web.BaseRequest,
    answer: web.Response,
    writes: HeldWrites | None = None,
) -> bool:
    """Send an answer in one piece, as most are; False where there is more to see to.

    writes: what holds it for a moment, if it may be held.

    The fields are aiohttp's own: each of its properties costs as much as all that is done here with one.
    """
    status = answer._status
    lines: bytes | None = None
    if type(answer) is WholeAnswer:
        parts, lines, kind = answer.parts, answer.lines, answer.kind
    else:
        body: Any = answer._body
        parts = (body,) if type(body) is bytes else body
    payload: Any = request._payload
    if (
        transport is None
        or transport.is_closing()
        or type(parts) is not tuple
        or answer._keep_alive is not None
        or status in _WITHOUT_BODY
        or answer._payload_writer is not None
        or answer._eof_sent
        or request._method == hdrs.METH_HEAD
        or (
            type(payload) is not WholeBody  # of which all that is known
            and (request._version != HttpVersion11 or request._message.should_close or not payload.is_eof())
        )
    ):
        return False
    size = len(parts[0]) if len(parts) == 1 else sum(map(len, parts))
    if lines is not None:
        head = _HEAD % (lines, kind, size, rfc822_formatted_time().encode(), _SERVER)
    else:
        headers = answer._headers
        headers[hdrs.CONTENT_LENGTH] = str(size)
        headers[hdrs.DATE] = rfc822_formatted_time()
        headers[hdrs.SERVER] = SERVER_SOFTWARE
        head = _serialize_headers(f"HTTP/1.1 {status} {answer._reason}", headers)
    if size > _JOINED:
        if writes is not None:
            writes.flush()  # what is held has waited for long
        if _WAITS_UNTOLD:
            transport.write(b"".join((head, *parts)))
        else:
            transport.writelines((head, *parts))
        if type(answer) is WholeAnswer:
            answer.parts = ()  # its connection keeps it until there is another one
    elif writes is None:
        transport.write(b"".join((head, *parts)))
    else:
        writes.write(transport, b"".join((head, *parts)))
    request._payload_writer.output_size += len(head) + size
    answer._keep_alive = answer._eof_sent = True
    return True
