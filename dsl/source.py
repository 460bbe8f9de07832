"""A source file and positions in it. Positions are character offsets; lines are found when asked for."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from itertools import takewhile
from pathlib import Path

from attrs import field

from .lines import line_starts
from .record import define, frozen
from .secrets.texts import MASK, borne, keys_in, may_give_keys


@define(eq=False)
class Source:
    """The text of one file, and the name it has in messages.

    text: as it was given. What a message quotes comes from `shown`, where secrets are hidden.
    """

    name: str
    text: str = field(repr=False)
    path: Path | None = None
    _hidden: set[tuple[int, int]] = field(init=False, factory=set, repr=False)
    _shown: str | None = field(init=False, default=None, repr=False)

    @property
    def folder(self) -> Path:
        """Where the relative paths in it start from."""
        return self.path.parent if self.path is not None else Path()

    def hide(self, start: int, end: int) -> None:
        """Never show the characters `start` to `end`: they are a secret."""
        if (start, end) not in self._hidden:
            self._hidden.add((start, end))
            self._shown = None

    @cached_property
    def secrets(self) -> tuple[tuple[int, int], ...]:
        """Where secrets start and end that their form or the names of their fields tell, in order."""
        from .secrets.fields import apart, secrets_in  # where something is said of the file

        found = (*secrets_in(self.text), *keys_in(self.text, may_hold=self.may_give_keys))
        return tuple(apart(sorted(found)))

    def secrets_between(self, start: int, end: int) -> list[str]:
        """Those of them that stand on the lines from `start` to `end`, at least in part."""
        if not self.secrets:
            return []
        first = self.text.rfind("\n", 0, start) + 1
        last = self.text.find("\n", end) % (len(self.text) + 1)
        return [self.text[begin:stop] for begin, stop in self._secrets_over(first, last)]

    def has_secret(self, start: int, end: int) -> bool:
        """Whether one of them stands between two offsets, at least in part."""
        return next(self._secrets_over(start, end), None) is not None

    def declares(self, name: str) -> bool:
        """Whether a `let` or `param` of this name stands at the beginning of a line."""
        return name.isidentifier() and re.search(rf"(?m)^(?:let|param)[ \t]+{name}\b", self.text) is not None

    def _secrets_over(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        index = max(0, bisect_right(self.secrets, (start,)) - 1)
        near = takewhile(
            lambda each: each[0] < end, (self.secrets[at] for at in range(index, len(self.secrets)))
        )
        return (each for each in near if each[1] > start)

    @property
    def shown(self) -> str:
        """The text with bullets over its secrets; all offsets are those of `text`."""
        if self._shown is None:
            text, pieces, position = self.text, [], 0
            for start, end in sorted({*self._hidden, *self.secrets}):
                start = max(start, position)
                if start < end:
                    pieces += [text[position:start], MASK * (end - start)]
                    position = end
            self._shown = "".join([*pieces, text[position:]])
        return self._shown

    @cached_property
    def may_give_keys(self) -> bool:
        """Whether its names and texts have to be looked at, as `secrets.may_give_keys` says."""
        return may_give_keys(self.text)

    @cached_property
    def borne_keys(self) -> tuple[str, ...]:
        """Keys that only the word before them tells: a message that quotes one must hide it."""
        return borne(self.text)

    @cached_property
    def line_starts(self) -> tuple[int, ...]:
        """The offset of the first character of each line."""
        return line_starts(self.text)

    def line_of(self, offset: int) -> int:
        """The line that holds `offset`, counted from 1."""
        return bisect_right(self.line_starts, offset)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of `offset`, both counted from 1, the column in characters."""
        line = self.line_of(offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        """The text of a line counted from 1, as it may be shown, without its end."""
        starts = self.line_starts
        end = starts[line] if line < len(starts) else len(self.text)
        return self.shown[starts[line - 1] : end].rstrip("\r\n")


@frozen
class Span:
    """A stretch of a source: characters `start` up to, not including, `end`."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        """What stands there, as it may be shown."""
        return self.source.shown[self.start : self.end]

    def starts_with(self, *signs: str) -> bool:
        """Whether one of these stands at its start: nothing is looked through for secrets for that."""
        return self.source.text.startswith(signs, self.start, self.end)


def common_length(one: str, other: str) -> int:
    """How many characters both texts begin with."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def common_end(one: str, other: str) -> int:
    """How many characters both texts end with."""
    return common_length(one[::-1], other[::-1])
