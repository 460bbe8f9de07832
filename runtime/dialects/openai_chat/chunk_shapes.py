"""What chunks look like that a provider has sent before: the next ones of that look need not be parsed.

A provider writes each kind of chunk in one way: the texts in it differ, and when it was created, and what it
counted. So of a chunk that was read, everything else is kept, with places where those were. Bytes that fit
are JSON, and say the same to whoever passes them on; what does not fit is read as JSON.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from ....compiler.plan.late_pattern import late_pattern, possessive
from ....compiler.plan.service_tiers import tier_named

MOST_SHAPES, MOST_BYTES = 8, 4096
"""Shapes that are remembered for one deployment, and bytes of a chunk whose shape is."""
_MOST_TRIES = 64
"""Shapes that nothing fitted, after which no more are learnt: the provider writes each chunk another way."""

_KEPT = frozenset({b"error", b"finish_reason", b"native_finish_reason", b"object", b"role", b"service_tier"})
"""Fields whose texts say more than words, or are always the same: they are kept as they are."""

_SPOKEN = ("role", "content")

_TOKEN = late_pattern(rb'"((?:[^"\\]|\\.)*+)"(\s*:)?|[{}\[\]]|-?\d[\d.eE+-]*')
_TEXT = (
    rb'[^"\\\x00-\x1f]*+'
    rb'(?:\\(?:["\\/bfnrt]|u(?:[0-9a-cefA-CEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}))[^"\\\x00-\x1f]*+)*+'
)
"""What may stand between the quotes of a text; halves of characters may not."""
_WORDS = late_pattern(_TEXT)
_COUNT = rb"(?:0|[1-9][0-9]{0,17})"
_INSIDE = rb"[^{}\x00-\x1f]*+"
_OBJECT = rb"(?P<usage>\{%b(?:\{%b\}%b)*+\})" % (_INSIDE, _INSIDE, _INSIDE)


def is_text(words: bytes) -> bool:
    """Whether `words` may stand between the quotes of a text in JSON."""
    if _WORDS.fullmatch(words) is None:
        return False
    try:
        return words.isascii() or bool(words.decode())
    except UnicodeDecodeError:
        return False


class Shape:
    """One kind of chunk. opens, ends: the choices in it that go on, and that end. is_empty: it has none.

    has_words: which part of it is a text that the model says is known. tier: of service, that it tells.
    says: whether such a chunk is more than who speaks, or a count; None: its words say it, where
    `says_words`, or it has to be read.
    """

    __slots__ = (
        "ends",
        "fitted",
        "has_usage",
        "has_words",
        "is_empty",
        "next",
        "opens",
        "pattern",
        "says",
        "says_words",
        "tier",
    )

    def __init__(
        self, pattern: re.Pattern[bytes], opens: frozenset[Any], ends: frozenset[Any], tier: str
    ) -> None:
        self.pattern = pattern
        self.tier = tier
        self.opens = opens
        self.ends = ends
        self.is_empty = not opens and not ends
        self.has_words = "words" in pattern.groupindex
        self.has_usage = "usage" in pattern.groupindex
        self.next: Shape | None = None
        """Which one followed it the last time; itself, where another one of its own ever has."""
        self.fitted = False
        self.says: bool | None = True if ends else False if self.is_empty and not self.has_words else None
        self.says_words = self.is_empty


Found = tuple[Shape, re.Match[bytes], Any]
"""A chunk whose shape is known, and usage as it tells it; None where it tells none."""


class ChunkShapes:
    """The shapes of one provider's chunks, for all of its streams."""

    def __init__(self) -> None:
        self._shapes: list[Shape] = []
        self._first: Shape | None = None
        self._tries = _MOST_TRIES

    def find(self, data: bytes, last: Shape | None) -> Found | None:
        """What `data` is; None where it has to be read as JSON. last: the shape of the chunk before."""
        shape = self._first if last is None else last.next
        if shape is None or (match := shape.pattern.fullmatch(data)) is None:
            for shape in self._shapes:
                if (match := shape.pattern.fullmatch(data)) is not None:
                    break
            else:
                return None
            if last is None:
                self._first = shape
            elif last.next is not last:
                last.next = shape
        usage = None
        try:
            if shape.has_usage:
                usage = orjson.loads(match["usage"])
            if not data.isascii():
                data.decode()
        except ValueError:
            return None
        if not shape.fitted:
            shape.fitted = True
            self._tries += 1
        return shape, match, usage

    def learn(self, data: bytes, chunk: dict[str, Any], last: Shape | None) -> Shape | None:
        """The shape of `data`, which holds `chunk` and no failure; None where it is not to be remembered."""
        if not self._tries or len(data) > MOST_BYTES or b"\n" in data or not _is_plain(chunk):
            return None
        pattern = _pattern(data, chunk)
        if pattern is None:
            return None
        self._tries -= 1
        choices = chunk.get("choices")
        told = choices if isinstance(choices, list) else ()
        ends = [each.get("index") for each in told if each.get("finish_reason") is not None]
        opens = [each.get("index") for each in told if each.get("finish_reason") is None]
        shape = Shape(pattern, frozenset(opens), frozenset(ends), tier_named(chunk.get("service_tier")))
        if not ends and len(told) == 1:
            shape.says_words = _says_words(data, told[0].get("delta"))
            if shape.says_words and not shape.has_words:
                shape.says = False
        self._shapes.insert(0, shape)
        for old in self._shapes[MOST_SHAPES:]:
            self._forget(old)
        if last is None:
            self._first = shape
        elif last.next is not last:
            last.next = shape
        return shape

    def _forget(self, old: Shape) -> None:
        self._shapes.remove(old)
        for shape in self._shapes:
            if shape.next is old:
                shape.next = None


def _is_plain(chunk: dict[str, Any]) -> bool:
    """Whether nothing in `chunk` differs from one to the next but texts, and what is told of usage."""
    choices = chunk.get("choices")
    told = choices if isinstance(choices, list) else []
    indices = [choice.get("index") for choice in told]
    return (
        "x_groq" not in chunk  # where Groq tells errors and usage
        and not any("usage" in choice for choice in told)  # where Moonshot does
        and not any(choice.get("logprobs") for choice in told)
        and not any((choice.get("delta") or {}).get("tool_calls") for choice in told)  # they are put in order
        and all(index is None or type(index) is int for index in indices)
        and len(set(indices)) == len(indices)
    )


def _says_words(data: bytes, delta: Any) -> bool:
    """Whether chunks such as `data`, which has `delta`, say no more than the words in that, if any."""
    return (
        isinstance(delta, dict)
        and data.count(b'"content"') == ("content" in delta)
        and not any(value or isinstance(value, str) for name, value in delta.items() if name not in _SPOKEN)
    )


def _pattern(data: bytes, chunk: dict[str, Any]) -> re.Pattern[bytes] | None:
    """What matches chunks that are written as `data` is; None where that cannot be told."""
    tells = isinstance(chunk.get("usage"), dict)
    parts: list[bytes] = []
    kept = depth = 0
    key, words, usage_at = b"", b"(?P<words>%b)" % _TEXT, -1
    for token in _TOKEN.finditer(data):
        first, begin, end = token[0][:1], *token.span()
        if first in b"{[":
            if tells and depth == 1 and key == b"usage" and first == b"{":
                usage_at = begin
            depth += 1
        elif first in b"}]":
            depth -= 1
            if usage_at >= 0 and depth == 1:
                parts += re.escape(data[kept:usage_at]), _OBJECT
                kept, usage_at = end, -1
        elif usage_at >= 0:
            continue
        elif token[2] is not None:
            key = token[1]
            if b"\\" in key:
                return None
        elif first == b'"' and key not in _KEPT:
            parts += re.escape(data[kept : begin + 1]), words if key == b"content" else _TEXT
            kept = end - 1
            if key == b"content":
                words = _TEXT
        elif key == b"created" and token[0].isdigit():
            parts += re.escape(data[kept:begin]), _COUNT
            kept = end
    if parts.count(_OBJECT) != tells:
        return None
    return re.compile(possessive(b"".join((*parts, re.escape(data[kept:])))))
