"""The guards of the gateway, as a plan says them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase, translate

from attrs import field

from ...dsl.fields import doc
from ...dsl.kinds import GuardAction
from ...dsl.record import frozen


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
    """Whether `pattern` is `name`, or the part of it before a slash, where clients say the rest."""
    return fnmatchcase(name, pattern) or fnmatchcase(name.partition("/")[0], pattern)


class Meant:
    """Names and patterns, of which many names are asked: those without a wildcard are looked up."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """No patterns are all names."""
        written = tuple(patterns)
        self._is_all = not written
        self._names = frozenset(each for each in written if not _WILD & set(each))
        self._patterns = [re.compile(translate(each)).match for each in written if each not in self._names]

    def __contains__(self, name: str) -> bool:
        before = name.partition("/")[0]
        if self._is_all or name in self._names or before in self._names:
            return True
        return any(match(name) or match(before) for match in self._patterns)


_WILD = {*"*?["}
