"""The guards of the gateway, as a plan says them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase, translate

from attrs import field

from ...dsl.fields import doc
from ...dsl.kinds import GuardAction
from ...dsl.record import frozen
from .open_names import is_pattern


@frozen
class GuardPlan:
    """Code of the user's that sees what is asked, and what is answered."""

    name: str = field(metadata={"doc": "what errors, logs and metrics call it"})
    request: str | None = doc("the extern that sees what is asked; null: none", default=None)
    answer: str | None = doc("the extern that sees what is answered; null: none", default=None)
    models: tuple[str, ...] = doc("what is asked: names, and patterns with `*`; empty: all", default=())
    keys: tuple[str, ...] = doc("whose requests; empty: everyone's", default=())
    on_failure: GuardAction = doc("when the extern fails", default=GuardAction.REFUSE)
    unreadable: GuardAction = doc("what holds no text", default=GuardAction.REFUSE)
    pieces: int | None = doc(
        "characters of a streamed answer that are seen at a time; null: all of it at once", default=None
    )

    def sees(self, name: str) -> bool:
        """Whether requests for `name` are among those that it looks at."""
        return not self.models or any(is_meant(pattern, name) for pattern in self.models)


def is_meant(pattern: str, name: str) -> bool:
    """Whether `pattern` is `name`, or the part of it before some slash, where clients say the rest."""
    ends = (each.start() for each in re.finditer("/", name))
    return fnmatchcase(name, pattern) or any(fnmatchcase(name[:end], pattern) for end in ends)


class Meant:
    """Names and patterns, of which many names are asked: those without a wildcard are looked up."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """No patterns are all names."""
        written = tuple(patterns)
        self._is_all = not written
        self._names = frozenset(each for each in written if not _WILD & set(each))
        self._patterns = [re.compile(translate(each)).match for each in written if each not in self._names]
        self._stars = [re.compile(translate(each)).match for each in written if _WILD & set(each) == {"*"}]
        self._written = written
        begun = [each for each in written if "/" in each]
        heads = {_ends(each)[0] for each in begun}
        self._begun = frozenset(head[: each.start()] for head in heads for each in re.finditer("/", head))
        self._open = tuple({_ends(each)[0] for each in begun if _WILD & set(each)})

    def __contains__(self, name: str) -> bool:
        """Whether all that clients ask of `name` is meant."""
        before = name.partition("/")[0]
        if self._is_all or name in self._names or before in self._names:
            return True
        if not is_pattern(name):
            return any(match(name) or match(before) for match in self._patterns)
        fitting = [name.replace("*", each) for each in _SAID]
        return any(
            all(match(each) or match(each.partition("/")[0]) for each in fitting) for match in self._stars
        )

    def meets(self, name: str) -> bool:
        """Whether something that clients may ask of `name` is meant: of `claude-*`, `claude-opus` is."""
        if self._is_all or name in self._names or any(match(name) for match in self._patterns):
            return True
        if is_pattern(name):
            return any(may_meet(each, name) for each in self._written)
        return name in self._begun or f"{name}/".startswith(self._open)

    def parts(self, name: str) -> Iterable[str]:
        """Of what clients may ask of `name`, what is meant: patterns and names."""
        return (name,) if self._is_all else (each for each in self._written if Meant((each,)).meets(name))


def may_meet(one: str, other: str) -> bool:
    """Whether a name may fit both patterns, by how they begin and end."""
    (start, end), (begin, stop) = _ends(one), _ends(other)
    starts = start.startswith(begin) or begin.startswith(start)
    return starts and (end.endswith(stop) or stop.endswith(end))


def _ends(pattern: str) -> tuple[str, str]:
    """What stands before the first of what is not itself, and behind the last; all of a name, twice."""
    found = re.split(r"[*?]|\[[^]]*\]?", pattern)
    return found[0], found[-1]


_WILD = {*"*?["}
_SAID = ("", "\0\0", "\0/\0")
"""What stands for the `*` of a name: a pattern of `*` alone that fits it with all of these fits all of it."""
