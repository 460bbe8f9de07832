"""Whether a JSON object that comes in pieces has come to its end."""

from __future__ import annotations

import re

from ...compiler.plan.late_pattern import late_pattern

_MARKS = late_pattern(r'\\.|["{}\[\]]|\\\Z', re.DOTALL)


class JsonEnd:
    """Looks at each piece once, however many there are."""

    __slots__ = ("_begun", "_depth", "_escaped", "_in_text")

    def __init__(self) -> None:
        self._depth = 0
        self._begun = self._in_text = self._escaped = False

    def feed(self, text: str) -> None:
        start = 1 if self._escaped and text else 0
        if text:
            self._escaped = False
        for found in _MARKS.finditer(text, start):
            mark = found[0]
            if mark == "\\":
                self._escaped = True
            elif mark == '"':
                self._in_text = not self._in_text
            elif self._in_text or mark[0] == "\\":
                continue
            elif mark in "{[":
                self._begun = True
                self._depth += 1
            else:
                self._depth -= 1

    @property
    def is_whole(self) -> bool:
        """Whether all that was opened is closed."""
        return self._begun and self._depth <= 0 and not self._in_text
