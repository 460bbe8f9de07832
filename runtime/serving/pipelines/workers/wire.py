"""Values between processes: JSON, and beside it the bytes and tensors as they are.

Nothing that is read can run code. A frame is a head (sizes), the JSON, and the buffers. In the JSON, a
buffer is `{mark: […]}`, with a mark that is drawn by lot for each frame, so that no value looks like one.
"""

from __future__ import annotations

import secrets
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    import asyncio

MAX_TREE = 16 << 20
"""Bytes of JSON of one frame."""

MAX_BUFFERS = 256 << 20
"""Bytes of all buffers of one frame."""

MAX_COUNT = 4096
"""Buffers of one frame."""

_HEAD = struct.Struct("<II16s")
_SIZE = struct.Struct("<Q")
_MARK = 8
_DTYPES = frozenset(
    (
        *("float16", "float32", "float64", "bool"),
        *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    )
)

Buffer = bytes | bytearray | memoryview


class Unsendable(Exception):
    """A value that does not cross; the message says why, and never what is in it."""


class BadFrame(Exception):
    """Bytes that are no frame, or one that is too large."""


def check_size(value: object) -> None:
    """Refuse texts that are too long before they are copied. Raises Unsendable."""
    texts = value if isinstance(value, list) else [value]
    size = sum(len(each) for each in texts if isinstance(each, str))
    if size > MAX_TREE:
        raise Unsendable(f"it has {size >> 20} MiB of text; {MAX_TREE >> 20} at most")


def encode(tree: object) -> list[Buffer]:
    """The parts of a frame, one to be sent behind the other. Raises Unsendable."""
    mark = secrets.token_hex(_MARK)
    buffers: list[Buffer] = []

    def put(value: Any) -> Any:
        if isinstance(value, bytes | bytearray | memoryview):
            buffers.append(value)
            return {mark: [len(buffers) - 1]}
        if hasattr(value, "dtype") and hasattr(value, "shape"):
            if value.shape == () and hasattr(value, "item"):
                return value.item()
            if value.dtype.name in _DTYPES:
                buffers.append(value.reshape(-1).view("u1").data)
                return {mark: [len(buffers) - 1, value.dtype.name, list(value.shape)]}
            return {mark: [value.reshape(-1).tolist(), "text", list(value.shape)]}
        raise TypeError

    try:
        said = orjson.dumps(tree, put)
    except orjson.JSONEncodeError as error:
        raise Unsendable(str(error.__cause__ or error)) from None
    size = sum(len(each) for each in buffers)
    if len(said) > MAX_TREE:
        raise Unsendable(f"it has {len(said) >> 20} MiB of texts and numbers; {MAX_TREE >> 20} at most")
    if size > MAX_BUFFERS or len(buffers) > MAX_COUNT:
        raise Unsendable(
            f"it has {size >> 20} MiB in {len(buffers)} tensors and bytes; {MAX_BUFFERS >> 20} MiB in "
            f"{MAX_COUNT} at most"
        )
    head = _HEAD.pack(len(said), len(buffers), mark.encode())
    sizes = b"".join(_SIZE.pack(len(each)) for each in buffers)
    return [head + sizes + said, *buffers]


def decode(tree: Buffer, mark: str, buffers: Sequence[bytearray]) -> Any:
    """The value of a frame. Raises BadFrame."""
    try:
        value = orjson.loads(tree)
        return _filled(value, mark, buffers) if buffers or mark.encode() in tree else value
    except (ValueError, TypeError, IndexError, LookupError, RecursionError) as error:
        raise BadFrame(type(error).__name__) from None


def _filled(value: Any, mark: str, buffers: Sequence[bytearray]) -> Any:
    if isinstance(value, list):
        return [_filled(each, mark, buffers) for each in value]
    if not isinstance(value, dict):
        return value
    found = value.get(mark)
    if found is None:
        return {name: _filled(each, mark, buffers) for name, each in value.items()}
    if len(found) == 1:
        return bytes(buffers[found[0]])
    import numpy

    index, dtype, shape = found
    if dtype == "text":
        texts = numpy.empty(len(index), numpy.object_)
        texts[:] = index
        return texts.reshape(shape)
    if dtype not in _DTYPES:
        raise ValueError(dtype)
    return numpy.frombuffer(buffers[index], dtype).reshape(shape)


def _read() -> Iterator[Any]:
    """Yields the buffers that are to be filled, one after the other, and at last the value in a tuple."""
    head = bytearray(_HEAD.size)
    yield head
    length, count, mark = _HEAD.unpack(head)
    if length > MAX_TREE or count > MAX_COUNT:
        raise BadFrame("too large")
    sizes = bytearray(_SIZE.size * count)
    yield sizes
    lengths = [size for (size,) in _SIZE.iter_unpack(sizes)]
    if sum(lengths) > MAX_BUFFERS:
        raise BadFrame("too large")
    tree = bytearray(length)
    yield tree
    buffers = [bytearray(size) for size in lengths]
    yield from buffers
    yield (decode(tree, mark.decode("ascii", "replace"), buffers),)


# ---- in a process that waits


def send(connection: socket.socket, parts: Sequence[Buffer]) -> None:
    """Write a frame."""
    for part in parts:
        connection.sendall(part)


def receive(connection: socket.socket) -> Any:
    """The next value. Raises EOFError where none comes any more, and BadFrame."""
    for part in _read():
        if isinstance(part, tuple):
            return part[0]
        left = memoryview(part)
        while left:
            count = connection.recv_into(left)
            if not count:
                raise EOFError
            left = left[count:]
    raise AssertionError


# ---- on a loop


async def send_on(
    loop: asyncio.AbstractEventLoop, connection: socket.socket, parts: Sequence[Buffer]
) -> None:
    """Write a frame."""
    for part in parts:
        await loop.sock_sendall(connection, part)


async def receive_on(loop: asyncio.AbstractEventLoop, connection: socket.socket) -> Any:
    """The next value. Raises EOFError where none comes any more, and BadFrame."""
    for part in _read():
        if isinstance(part, tuple):
            return part[0]
        left = memoryview(part)
        while left:
            count = await loop.sock_recv_into(connection, left)
            if not count:
                raise EOFError
            left = left[count:]
    raise AssertionError
