"""Where the parts of a template stand in the file: from positions in its text to positions in its source."""

from __future__ import annotations

import re
from functools import cached_property

from ....dsl import syntax as s
from ....dsl.parsing.literals import raw_places, raw_text
from ....dsl.parsing.tokens import tokenize
from ....dsl.source import Source, Span

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

    def name(self, name: str, start: int, before: str = "") -> Span:
        """A name in a tag, from `start` on; `before`: the sign or word that stands before it, `.` or `|`."""
        if self._template.startswith(name, start):
            return self._span(start, start + len(name))
        lead = {"": r"(?<![\w.|])", ".": r"\.\s*", "|": r"(?:\||\bfilter\b)\s*", "is": r"\bis\s+(?:not\s+)?"}
        return self._first(re.compile(rf"{lead[before]}({re.escape(name)})(?!\w)"), start, 1)

    def tag(self, word: str, start: int) -> Span:
        """`{% word … %}`, whose word stands at `start`."""
        opening = max(self._template.rfind("{%", 0, start), 0)
        return self._first(re.compile(rf"\{{%[-+]?\s*{word}\b.*?(?:%\}}|\Z)", re.DOTALL), opening, 0)

    def line(self, position: int) -> Span:
        """What stands in the line of the template around `position`, from its first tag on."""
        position = min(position, len(self._template))
        start = self._template.rfind("\n", 0, position) + 1
        end = self._template.find("\n", position)
        end = len(self._template) if end < 0 else end
        opening = _OPENING.search(self._template, start, end)
        first = opening.start() if opening is not None else start
        text = self._template[first:end]
        first += len(text) - len(text.lstrip())
        return self._span(first, first + len(text.strip())) if text.strip() else self.whole

    def _first(self, pattern: re.Pattern[str], start: int, group: int) -> Span:
        """The first place inside of a tag, best from `start` on."""
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
