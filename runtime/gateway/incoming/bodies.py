"""Request bodies, read from the connection and unpacked: bytes, or the JSON object in them."""

from __future__ import annotations

import asyncio
from codecs import BOM_UTF8
from collections.abc import Coroutine, Mapping
from typing import Any

import orjson
from aiohttp import web
from aiohttp.hdrs import CONTENT_ENCODING, CONTENT_TYPE

from ....compiler.plan import GatewayPlan
from ...concurrency.timeouts import Timeouts
from ...dialects import exact_json
from ...dialects.no_json import no_json
from ...dialects.openai.requests import _KINDS
from ...http.known_heads import PLAIN, WholeBody
from ...http.stream_reader import take
from ...requests.errors import BadRequest, GatewayFull, RequestError, RequestTooLarge
from .unpacking import BrokenPacking, Unpacker

MAX_CONTAINERS = 200_000
"""Objects and lists that a body may hold: each takes many times the memory of the two bytes that it is."""
MAX_FIELDS, MAX_ITEMS = 400_000, 2_000_000
"""Members of all objects, and items of all lists: reading more of them keeps all other requests waiting. They
are counted by their signs, of which long texts have some, too.
"""
MAX_DEPTH = 222
"""Objects and lists that may stand inside each other."""

JSON = "application/json"

_LATENESS, _MOST_LATE = 0.02, 0.25
"""By how much of its time a body may be late, and the seconds that it may be at most."""
_STEP = 1 << 20
_INLINE = 4 << 10
"""Packed bytes that are unpacked where they are: they cannot become much."""
_WRITABLE_DEPTH = 254
"""What orjson can write; it reads more."""
_ENCODINGS = ("identity", "gzip", "x-gzip", "deflate")
"""`x-gzip` is an older name (RFC 9110)."""


class BrokenBody(BadRequest):
    """The body cannot be read as its headers say, or does not come whole; the connection is closed."""

    code = "broken_body"


class BodyTimeout(RequestError):
    """The body took too long to come; the connection is closed."""

    status, type, code = 408, "invalid_request_error", "body_timeout"


class WrongMediaType(BadRequest):
    """The body is of a kind, or packed in a way, that is not read here."""

    status, code = 415, "unsupported_media_type"


class Bodies:
    """Reads the bodies of one gateway, and counts what those of all requests hold together."""

    def __init__(self, gateway: GatewayPlan) -> None:
        self.take_over(gateway)
        self.held = 0
        """Bytes of all requests that are not answered yet, packed and unpacked."""
        self._of: dict[int, int] = {}  # the bytes of each request, by its identity

    def take_over(self, gateway: GatewayPlan) -> None:
        """These settings hold from now on."""
        self._most = int(gateway.max_body)
        self._memory = int(gateway.max_body_memory)
        self._timeout = float(gateway.timeouts.body)
        self._timeouts = Timeouts(min(self._timeout * _LATENESS, _MOST_LATE))

    @property
    def is_full(self) -> bool:
        """Whether nine tenths of the room are taken."""
        return self.held * 10 >= self._memory * 9

    def read_at_once(self, request: web.Request) -> bytes | None:
        """The body of most requests, which came along with the headers, as it is; None: `read` it.

        Raises RequestTooLarge, GatewayFull.
        """
        content: Any = request._payload
        if type(content) is WholeBody:  # with a head that says as much
            raw = content.read_nowait()
        else:
            headers = request.headers
            if headers.get(CONTENT_TYPE) not in PLAIN or CONTENT_ENCODING in headers or not content.is_eof():
                return None
            try:
                raw = take(content)
            except web.RequestPayloadError:
                return None  # which `read` explains
        size = len(raw)
        self._hold(request, size, size)
        return raw

    async def read(self, request: web.Request, *, forms: bool = False) -> bytes:
        """The body, unpacked. forms: whether it may be a form with files.

        Raises BrokenBody, BodyTimeout, WrongMediaType, RequestTooLarge, GatewayFull.
        """
        headers = request.headers
        if headers.get(CONTENT_TYPE) != JSON and not (forms and is_form(request)):
            _check_type(headers)
        encoding = headers.get(CONTENT_ENCODING)
        if encoding is not None and (encoding := encoding.strip().lower()) not in _ENCODINGS:
            raise WrongMediaType(
                "bodies with this `Content-Encoding` are not read here: send it as it is, or as `gzip`",
                param="Content-Encoding",
            )
        content = request.content
        try:
            if content.is_eof():  # as most bodies, it came along with the headers
                raw = take(content)
                self._hold(request, len(raw), len(raw))
            else:
                with self._timeouts.within(self._timeout, None):
                    raw = await self._receive(request)
        except TimeoutError:
            raise BodyTimeout(f"the body did not come within {self._timeout:g} s") from None
        except web.RequestPayloadError:
            content.feed_eof()  # or else aiohttp goes on reading
            raise BrokenBody("the body cannot be read: it does not come as its headers say") from None
        if encoding is None or encoding == "identity":
            return raw
        encoding = encoding.removeprefix("x-")
        try:
            return await self._unpack(request, raw, encoding)
        except BrokenPacking:
            why = f"it is not in `{encoding}`, as its header Content-Encoding says"
            raise BrokenBody(f"the body cannot be read: {why}", param="Content-Encoding") from None

    def release(self, request: web.Request) -> None:
        """The request is answered: what it held is free."""
        self.held -= self._of.pop(id(request), 0)

    async def _receive(self, request: web.Request) -> bytes:
        if request.content_length is not None and request.content_length > self._most:
            raise self._too_large()
        if request.headers.get("Expect", "").lower() == "100-continue" and not request.content.is_eof():
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        parts: list[bytes] = []
        size = 0
        while part := await request.content.readany():
            size += len(part)
            self._hold(request, len(part), size)
            parts.append(part)
        return b"".join(parts)

    async def _unpack(self, request: web.Request, packed: bytes, encoding: str) -> bytes:
        """Raises BrokenPacking, RequestTooLarge, GatewayFull."""
        unpacker = Unpacker(packed, encoding)
        parts: list[bytes] = []
        size = 0
        while not unpacker.done:
            if len(packed) <= _INLINE:
                part = unpacker.next(_STEP)
            else:
                part = await asyncio.to_thread(unpacker.next, _STEP)
            size += len(part)
            self._hold(request, len(part), size)
            parts.append(part)
        return b"".join(parts)

    def _hold(self, request: web.Request, more: int, size: int) -> None:
        """Count `more` bytes of a body that now has `size`. Raises RequestTooLarge, GatewayFull."""
        if size > self._most:
            raise self._too_large()
        if self.held + more > self._memory:
            raise GatewayFull(
                "too many large requests are being answered: send it again later", retry_after=1
            )
        self.held += more
        key = id(request)
        self._of[key] = more if size == more else self._of.get(key, 0) + more

    def _too_large(self) -> RequestTooLarge:
        return RequestTooLarge(f"the body has more than {self._most / (1 << 20):g} MiB")


BODIES: web.AppKey[Bodies] = web.AppKey("bodies", Bodies)


def read_body(request: web.Request, *, forms: bool = False) -> Coroutine[Any, Any, bytes]:
    """The body, unpacked. forms: whether it may be a form with files. Raises RequestError."""
    return request.app[BODIES].read(request, forms=forms)


def is_form(request: web.Request) -> bool:
    """Whether the body is said to be a form with files."""
    return request.headers.get("Content-Type", "").lower().startswith("multipart/form-data")


async def read_object(request: web.Request, *, exact: bool = False) -> dict[str, Any]:
    """The JSON object in the body; what Azure's paths name is its `model`. Raises RequestError.

    exact: numbers that no machine type holds keep their text.
    """
    found: Any = request._match_info  # past aiohttp's properties, each of which costs as much as a small body
    bodies: Bodies = found._current_app._state[BODIES]
    raw = bodies.read_at_once(request)
    if raw is None:
        raw = await bodies.read(request)
    check_counts(raw, len(raw))
    raw = raw.removeprefix(BOM_UTF8)  # which editors put in front of files
    try:
        body = exact_json.loads(raw) if exact else orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if not raw:
            raise BadRequest("the body is empty; it must be a JSON object") from None
        raise BadRequest(f"the body is no JSON: {no_json(error)}", code="invalid_json") from None
    if not isinstance(body, dict):
        raise BadRequest(f"the body must be a JSON object, not {_KINDS[type(body)]}")
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:
        _check_depth(body)
    deployment = found.get("deployment")
    if deployment is not None:
        body["model"] = deployment
    return body


def check_counts(raw: bytes, size: int, advice: str = "") -> None:
    """Raises RequestTooLarge where the JSON in the first `size` bytes would take long to read.

    advice: what to do then.
    """
    if size <= MAX_CONTAINERS:  # each is a byte at least
        return
    containers = raw.count(b"{", 0, size) + raw.count(b"[", 0, size)
    for count, most, what in (
        (containers, MAX_CONTAINERS, "objects and lists"),
        (raw.count(b'":', 0, size), MAX_FIELDS, "fields"),
        (raw.count(b",", 0, size), MAX_ITEMS, "items"),
    ):
        if count > most:
            raise RequestTooLarge(f"the body has more than {most} {what}{advice}")


def _check_depth(body: Any) -> None:
    """Raises BadRequest where more than MAX_DEPTH objects and lists stand inside each other.

    Others are put around it, until orjson could not write one more.
    """
    for _ in range(_WRITABLE_DEPTH - MAX_DEPTH):
        body = [body]
    try:
        exact_json.dumps(body)
    except TypeError:
        raise BadRequest(f"the body is nested more than {MAX_DEPTH} levels deep", code="too_deep") from None


def _check_type(headers: Mapping[str, str]) -> None:
    """Raises WrongMediaType for what is said to be no JSON.

    `curl -d` and other programs send JSON as a form, and are understood; browsers do not send JSON so.
    """
    said = headers.get(CONTENT_TYPE, "")
    kind = said.partition(";")[0].strip().lower()
    if kind in ("", JSON, "application/octet-stream", "text/json") or kind.endswith("+json"):
        return
    if kind == "application/x-www-form-urlencoded" and not headers.keys() & _OF_BROWSERS:
        return
    raise WrongMediaType(
        "the body must be JSON: send the header `Content-Type: application/json`", param="Content-Type"
    )


_OF_BROWSERS = {"Origin", "Sec-Fetch-Site"}
