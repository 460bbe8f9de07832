"""Which name of a plan answers for one that clients say and that stands nowhere."""

from __future__ import annotations

from collections.abc import Iterable

from ...dsl.catalogues.inference import WILDCARD

MOST_ASKED = 400
"""Characters of a name that may fit one with a `*`."""


def is_pattern(name: str) -> bool:
    """Whether clients say a part of `name`: what stands for its `*`."""
    return WILDCARD in name


def meeting(one: str, other: str) -> str | None:
    """The pattern of the names that fit both, which have one `*` each; None where none begins and ends so."""
    (before, _, after), (start, _, end) = one.partition(WILDCARD), other.partition(WILDCARD)
    if len(before) < len(start):
        before, start = start, before
    if len(after) < len(end):
        after, end = end, after
    if not (before.startswith(start) and after.endswith(end)):
        return None
    return f"{before}{WILDCARD}{after}"


class OpenNames:
    """Names with a `*`, and names of which clients say the rest behind a slash: `any` is asked as `any/*` is.

    The longest that fits counts; of two as long, the first by the alphabet.
    """

    def __init__(self, patterns: Iterable[str], prefixes: Iterable[str]) -> None:
        """patterns: names with one `*`. prefixes: names without, before which clients put nothing."""
        written = {f"{name}/{WILDCARD}": (name, 1) for name in prefixes}
        written |= {name: (name, 0) for name in patterns}
        self._all = [
            (*pattern.partition(WILDCARD)[::2], *written[pattern])
            for pattern in sorted(written, key=lambda each: (-len(each), each))
        ]

    def find(self, asked: str) -> tuple[str, str] | None:
        """The name that answers for `asked`, and what stands for its `*`; None where nothing does, as nothing
        does for a name of odd characters, which would come to headers and logs.
        """
        if len(asked) > MOST_ASKED or not asked.isascii() or not asked.isprintable():
            return None
        for before, after, name, least in self._all:
            long = len(asked) - len(before) - len(after)
            if long >= least and asked.startswith(before) and asked.endswith(after):
                return name, asked[len(before) : len(before) + long]
        return None
