"""Where the parts of a template stand in the file: from positions in its text to positions in its source."""

from __future__ import annotations

import re
from functools import cached_property

from ...dsl import syntax as s
from ...dsl.literals import raw_places, raw_text
from ...dsl.source import Source, Span
from ...dsl.tokens import tokenize

_KEYWORD = len("prompt")
_OPENING = re.compile(r"\{[{%#]")


class Places:
    """Finds names, tags and lines of a template in the file; the whole text where one is not found."""

    def __init__(self, source: Source, node: s.Prompt) -> None:
        self._source = source
        self._node = node
        self._template = node.template

    @cached_property
    def _literal(self) -> tuple[int, str]:
        """Where the literal stands, and what it is, quotes included."""
        after = self._node.start + _KEYWORD
        token = next(tokenize(self._source.text[after : self._node.end]))
        return after + token.start, token.text

    @property
    def whole(self) -> Span:
        """The literal."""
        start, literal = self._literal
        return Span(self._source, start, start + len(literal))

    @cached_property
    def _offsets(self) -> list[int] | None:
        """The offset in the file of each character of the template; None when they do not fit together."""
        start, literal = self._literal
        if raw_text(literal) != self._template:
            return None
        places = raw_places(literal)
        return [start + place for place in places] if len(places) == len(self._template) + 1 else None

    def exact(self, span: Span) -> bool:
        """Whether `span` is a part of the text, and not the whole of it."""
        return span != self.whole

    def at(self, start: int, end: int) -> Span:
        """The characters `start` to `end` of the template."""
        return self._span(start, end)

    def name(self, name: str, line: int, before: str = "") -> Span:
        """A name in a tag; `before`: the sign or word that stands before it, such as `.` or `|`."""
        lead = {"": r"(?<![\w.|])", ".": r"\.\s*", "|": r"(?:\||\bfilter\b)\s*", "is": r"\bis\s+(?:not\s+)?"}[
            before
        ]
        pattern = re.compile(rf"{lead}({re.escape(name)})(?!\w)")
        return self._first(pattern, line, 1)

    def tag(self, word: str, line: int) -> Span:
        """`{% word … %}`."""
        return self._first(re.compile(rf"\{{%[-+]?\s*{word}\b.*?(?:%\}}|\Z)", re.DOTALL), line, 0)

    def line(self, line: int) -> Span:
        """What stands in a line of the template, from its first tag on."""
        start, end = self._line(line)
        opening = _OPENING.search(self._template, start, end)
        first = opening.start() if opening is not None else start
        text = self._template[first:end]
        first += len(text) - len(text.lstrip())
        return self._span(first, first + len(text.strip())) if text.strip() else self.whole

    def _line(self, line: int) -> tuple[int, int]:
        lines = self._template.split("\n")
        line = min(max(line, 1), len(lines))
        start = sum(len(each) + 1 for each in lines[: line - 1])
        return start, start + len(lines[line - 1])

    def _first(self, pattern: re.Pattern[str], line: int, group: int) -> Span:
        """The first place inside of a tag, best in the line that is said."""
        start, _ = self._line(line)
        for begin in (start, 0):
            for found in pattern.finditer(self._template, begin):
                if self._in_tag(found.start(group)):
                    return self._span(*found.span(group))
        return self.whole

    def _in_tag(self, position: int) -> bool:
        before = self._template[: position + 2]
        opened = max(before.rfind("{{"), before.rfind("{%"))
        before = self._template[:position]
        return opened > max(before.rfind("}}"), before.rfind("%}"))

    def _span(self, start: int, end: int) -> Span:
        offsets = self._offsets
        if offsets is None:
            return self.whole
        return Span(self._source, offsets[start], offsets[end - 1] + 1 if end > start else offsets[start])
