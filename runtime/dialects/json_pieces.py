"""Answers as JSON in pieces: whoever writes many megabytes at once keeps everyone else waiting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

MOST = 1 << 15
"""Numbers that are written at once, or as much else: some milliseconds."""
_LEAST = 1 << 18
"""Bytes of a piece, of all but the last."""
_TEXT = 16
"""Characters of a text that take as long as a number."""


def json_pieces(value: Any) -> Iterable[bytes]:
    """`value` as JSON. It may hold arrays, and iterators: lists that are made as they are written."""
    return json_at_once(value) if _weight(value) <= MOST else gathered(_parts(value))


def json_at_once(value: Any) -> tuple[bytes]:
    """The same in one piece, of what is known to be small."""
    return (orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY),)


def gathered(parts: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """The same bytes in as few pieces as are not small."""
    if isinstance(parts, list) and sum(map(len, parts)) < _LEAST:
        yield b"".join(parts)
        return
    found: list[bytes | memoryview] = []
    size = 0
    for part in parts:
        found.append(part)
        size += len(part)
        if size >= _LEAST:
            yield b"".join(found)
            found, size = [], 0
    if found:
        yield b"".join(found)


def _parts(value: Any) -> Iterator[bytes]:
    if _weight(value) <= MOST or isinstance(value, str):
        yield _dumped(value)
    elif isinstance(value, dict):
        between = b"{"
        for name, inner in value.items():
            yield between + _dumped(name) + b":"
            yield from _parts(inner)
            between = b","
        yield b"}"
    else:
        between = b"["
        for some in _slices(value):
            yield between
            if len(some) == 1:
                yield from _parts(some[0])
            else:
                yield _dumped(some)[1:-1]
            between = b","
        yield b"[]" if between == b"[" else b"]"


def _slices(value: Any) -> Iterator[Any]:
    """What stands in a list, an array or an iterator, as much of it at a time as is written at once."""
    if hasattr(value, "shape"):
        step = max(1, MOST * len(value) // value.size)
        yield from (value[at : at + step] for at in range(0, len(value), step))
        return
    some: list[Any] = []
    weight = 0
    for item in value:
        more = _weight(item)
        if some and weight + more > MOST:
            yield some
            some, weight = [], 0
        some.append(item)
        weight += more
    if some:
        yield some


def _weight(value: Any) -> int:
    """How much there is to write, in numbers; that of an iterator is not known, and more than is allowed."""
    if isinstance(value, str):
        return 1 + len(value) // _TEXT
    if isinstance(value, dict):
        return 1 + sum(map(_weight, value.values()))
    if isinstance(value, list | tuple):
        plain = bool(value) and isinstance(value[0], int | float)
        return 1 + (len(value) if plain else sum(map(_weight, value)))
    if isinstance(value, Iterator):
        return MOST + 1
    return getattr(value, "size", 1)


def _dumped(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
