"""Clients: those that behave, and raw connections for those that do not."""

from __future__ import annotations

import contextlib
import http.client
import json
import math
import re
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from attrs import define, field, frozen

from .processes import Gateway

T = TypeVar("T")
_MOST = 1 << 20


@frozen
class Answer:
    """status: 0 when none came, and `text` says why. text: the first MB. seconds: until its end."""

    status: int
    headers: dict[str, str]
    text: str
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def request(
    it: Gateway,
    method: str,
    path: str,
    body: object = None,
    headers: dict[str, str] | None = None,
    timeout: float = 30,
) -> Answer:
    """body: bytes as they are, all else as JSON."""
    assert it.port
    client = http.client.HTTPConnection("127.0.0.1", it.port, timeout=timeout)
    began, text = time.monotonic(), b""
    content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    try:
        client.request(method, path, content, {"Content-Type": "application/json"} | (headers or {}))
        got = client.getresponse()
        while piece := got.read1(_MOST):
            text += piece[: _MOST - len(text)]
        named = {name.lower(): value for name, value in got.getheaders()}
        return Answer(got.status, named, text.decode("utf-8", "replace"), time.monotonic() - began)
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, {}, type(error).__name__, time.monotonic() - began)
    finally:
        client.close()


def chat_body(text: str = "hi", model: str = "m", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **fields}


def chat(
    it: Gateway,
    text: str = "hi",
    model: str = "m",
    timeout: float = 30,
    headers: dict[str, str] | None = None,
    **fields: object,
) -> Answer:
    return request(it, "POST", "/v1/chat/completions", chat_body(text, model, **fields), headers, timeout)


def pipeline(it: Gateway, name: str, timeout: float = 30, **parameters: object) -> Answer:
    return request(it, "POST", f"/v1/pipelines/{name}", parameters, timeout=timeout)


def metric(it: Gateway, name: str) -> float | None:
    """The sum of a metric's values; None if there is none."""
    found = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", request(it, "GET", "/metrics").text, re.M)
    return sum(map(float, found)) if found else None


def raw_chat(text: str = "hi", headers: str = "", **fields: Any) -> bytes:
    """A chat request, as its bytes. headers: further lines, each with its end."""
    body = json.dumps(chat_body(text, **fields)).encode()
    return post(len(body), headers) + body


def post(length: int, headers: str = "") -> bytes:
    """The head of a chat request."""
    return (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"{headers}Content-Length: {length}\r\n\r\n"
    ).encode()


def packed_zeros(megabytes: int) -> bytes:
    """So many MiB of zeros, packed by gzip into a thousandth: one MiB is packed, and said again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    zeros, check = bytes(1 << 20), 0
    piece = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(megabytes):
        check = zlib.crc32(zeros, check)
    head = b"\x1f\x8b\x08" + bytes(6) + b"\xff"  # RFC 1952
    return head + piece * megabytes + packer.flush() + struct.pack("<II", check, megabytes << 20)


def connect(it: Gateway, data: bytes = b"", timeout: float = 10) -> socket.socket:
    """A connection with a small window, on which `data` was sent."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(timeout)
    try:
        connection.connect(("127.0.0.1", it.port))
        connection.sendall(data)
    except OSError:
        connection.close()
        raise
    return connection


def ended(connection: socket.socket, seconds: float) -> tuple[bytes, float | None]:
    """All that comes on a connection, and after how many seconds it was closed there; None: it was not."""
    began, got = time.monotonic(), b""
    while (rest := began + seconds - time.monotonic()) > 0:
        try:
            connection.settimeout(rest)
            piece = connection.recv(1 << 16)
        except TimeoutError:
            break
        except OSError:
            return got, time.monotonic() - began
        if not piece:
            return got, time.monotonic() - began
        got += piece
    return got, None


def raw(it: Gateway, data: bytes, seconds: float = 5) -> tuple[bytes, float | None]:
    """Sends these bytes and nothing more; as `ended`."""
    try:
        with connect(it, data, seconds) as connection:
            return ended(connection, seconds)
    except OSError:
        return b"", 0.0


def at_once(function: Callable[[int], T], number: int, threads: int = 32) -> list[T]:
    """What `function` gives for 0, 1, 2…, on threads."""
    with ThreadPoolExecutor(min(number, threads)) as pool:
        return list(pool.map(function, range(number)))


@define
class Others:
    """Other clients meanwhile: seconds that each of their requests took, and what failed."""

    waited: list[float] = field(factory=list)
    failed: list[str] = field(factory=list)
    stop: threading.Event = field(factory=threading.Event)

    @property
    def p99(self) -> float:
        ordered = sorted(self.waited)
        return ordered[max(0, math.ceil(len(ordered) * 0.99) - 1)] if ordered else math.inf

    @property
    def longest(self) -> float:
        return max(self.waited, default=math.inf)

    def run(self, ask: Callable[[], Answer]) -> None:
        while not self.stop.wait(0.01):
            got = ask()
            self.waited.append(got.seconds)
            if got.status != 200:
                self.failed.append(f"{got.status} {got.text[:80]}")


@contextlib.contextmanager
def others(it: Gateway, **how: Any) -> Iterator[Others]:
    """Somebody else chats, one request after the other, until the end of the block."""
    chat(it, **how)
    them = Others()
    thread = threading.Thread(target=them.run, args=[lambda: chat(it, **how)], daemon=True)
    thread.start()
    try:
        yield them
        while len(them.waited) < 10 and thread.is_alive():
            time.sleep(0.05)
    finally:
        them.stop.set()
        thread.join(40)
