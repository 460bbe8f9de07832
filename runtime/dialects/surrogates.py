"""Halves of characters: a provider that counts in UTF-16 may cut one in two, and has to escape each.

A half alone is no character: parsers refuse it, and UTF-8 has no bytes for it. So what was cut is joined, and
a half whose other one never comes becomes U+FFFD, which stands for what cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from ...compiler.plan.late_pattern import late_pattern
from .exact_json import dumps, loads_leniently
from .server_sent_events import Event

BACKSLASH = ord("\\")
"""Stands in all events that `SurrogateJoiner` has to see while it holds none: it is found in no time."""

_ESCAPED = late_pattern(rb"\\u[dD][89a-fA-F]")
_ESCAPED_TWICE = late_pattern(rb"\\\\u[dD][89a-fA-F]")
_HALF = late_pattern("[\ud800-\udfff]")
_FIRST, _SECOND = "\ud800", "\udc00"
"""The least of those that begin a character, and of those that end one."""

_PIECES = frozenset(
    {
        *("arguments", "content", "delta", "input", "partial_json", "reasoning", "reasoning_content"),
        *("refusal", "text", "thinking", "transcript"),
    }
)
"""The names of texts that a stream tells piece by piece, in all dialects."""

_PLACES = ("index", "output_index", "content_index", "summary_index", "contentBlockIndex", "thought")
"""What tells apart texts of one name."""

_END = late_pattern(
    rb'"type"\s*:\s*"(?:content_block_stop|message_\w+|error'
    rb'|response\.[\w.]+\.done|response\.(?:completed|incomplete|failed))"'
)
"""What comes behind the last piece of a text, where the dialect says so."""

_MOST_EVENTS, _MOST_BYTES = 32, 1 << 20
"""How much waits for the other half."""


def without_halves(body: bytes) -> bytes:
    """A whole body as it is, or with U+FFFD for each half of a character in it, and in arguments in it."""
    if BACKSLASH not in body or b"\\u" not in body:  # one byte is found at once
        return body
    is_refused = _has_halves(body)
    if not is_refused and _ESCAPED_TWICE.search(body) is None:
        return body
    is_changed = is_refused
    try:
        value = loads_leniently(body)
        for path, text in _texts(value, ()):
            said = text.get()
            told = _whole(said)
            if path[-1:] == ("arguments",):  # JSON in JSON
                told = without_halves(told.encode()).decode()
            if told != said:
                text.set(told)
                is_changed = True
    except (ValueError, RecursionError):
        return body
    return _written(value, body) if is_changed else body


class SurrogateJoiner:
    """Joins the halves in one stream: an event that ends in a half waits for the one that has the other half,
    and so do those between them, of other texts.

    held: the events that wait, and what is to be written in their place.
    """

    def __init__(self) -> None:
        self.held: list[tuple[Event, Any]] = []
        self._open: dict[_Path, _Text] = {}
        """The texts that end in a half."""

    def feed(self, event: Event) -> list[Event]:
        """The events that may be read, now that `event` has come."""
        has_halves = _has_halves(event.data)
        if not has_halves and not self.held:
            return [event]
        told = self.close() if _END.search(event.data) else []
        try:
            value = loads_leniently(event.data)
            texts = list(_texts(value, (event.name, value.get("type") if isinstance(value, dict) else None)))
        except (ValueError, RecursionError):
            return [*told, *self.close(), event]
        self.held.append((event, value if has_halves else None))
        for path, text in texts:
            self._join(path, text)
        is_long = len(self.held) >= _MOST_EVENTS or sum(len(one.data) for one, _ in self.held) > _MOST_BYTES
        return [*told, *self.close()] if is_long or not self._open else told

    def close(self) -> list[Event]:
        """The events that wait: nothing more comes for them."""
        for text in self._open.values():
            text.set(_whole(text.get()))
        told = [
            event if value is None else Event(event.name, _written(value, event.data))
            for event, value in self.held
        ]
        self.held, self._open = [], {}
        return told

    def _join(self, path: _Path, text: _Text) -> None:
        """One more piece of the text at `path`."""
        said = text.get()
        if not said:
            return
        if (before := self._open.pop(path, None)) is not None:
            if said[0] >= _SECOND and _HALF.match(said):
                before.set(before.get() + said[0])
                said = said[1:]
            before.set(_whole(before.get()))
        if path[-1] in _PIECES and _FIRST <= said[-1:] < _SECOND:
            self._open[path] = text
            text.set(_whole(said[:-1]) + said[-1])
        else:
            text.set(_whole(said))


_Path = tuple[Any, ...]


class _Text(NamedTuple):
    """A text in a JSON value, which may be replaced."""

    within: Any
    key: str | int

    def get(self) -> str:
        found: str = self.within[self.key]
        return found

    def set(self, text: str) -> None:
        self.within[self.key] = text


def _texts(value: Any, path: _Path) -> Iterator[tuple[_Path, _Text]]:
    """The texts in `value`, with what the next piece of each has in common with it. Names become whole."""
    if not isinstance(value, dict | list):
        return
    if isinstance(value, dict):
        places = (value.get(name) for name in _PLACES)
        path = (*path, *(place if isinstance(place, int) else None for place in places))
        for name in [name for name in value if _HALF.search(name)]:
            value[_whole(name)] = value.pop(name)
    each: Any = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(each):
        at = (*path, key) if isinstance(value, dict) else path
        if isinstance(inner, str):
            yield at, _Text(value, key)
        elif isinstance(inner, dict | list):
            yield from _texts(inner, at)


def _has_halves(data: bytes) -> bool:
    """Whether `data` is refused, and may be for halves alone: whole characters may be escaped, too."""
    if b"\\u" not in data or _ESCAPED.search(data) is None:
        return False
    try:
        orjson.loads(data)
    except ValueError:
        return True
    return False


def _whole(text: str) -> str:
    """`text` with halves joined that stand side by side, and U+FFFD for the others."""
    if _HALF.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _written(value: Any, otherwise: bytes) -> bytes:
    """The JSON of `value`; what it was read from where it is nested too deeply to be written."""
    try:
        return dumps(value)
    except orjson.JSONEncodeError:
        return otherwise
