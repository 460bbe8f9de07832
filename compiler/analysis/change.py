"""One thing that a change of a file means for requests, and how grave it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import TypeVar

from ...dsl.record import frozen

T = TypeVar("T")


class Severity(StrEnum):
    """breaking: what worked may fail. risk: it works, and costs more or is less safe. info: all else."""

    BREAKING = "breaking"
    RISK = "risk"
    INFO = "info"


BREAKING, RISK, INFO = Severity.BREAKING, Severity.RISK, Severity.INFO


@frozen
class Change:
    """severity; about: the name, key or part; what: one sentence. why: how it comes to be, in lines."""

    severity: Severity
    about: str
    what: str
    why: tuple[str, ...] = ()


def both(old: Mapping[str, T], new: Mapping[str, T]) -> Iterator[tuple[str, T, T]]:
    """What has one name in both, with that."""
    for name, before in old.items():
        if name in new:
            yield name, before, new[name]


def limit_change(name: str, what: str, before: int | None, after: int | None) -> Iterator[Change]:
    """A limit that is lower, or gone: requests are held up, or nothing holds them any more."""
    if before != after:
        is_worse = after is None or before is None or after < before
        shown = ("no limit" if each is None else f"{each:,}" for each in (after, before))
        yield Change(RISK if is_worse else INFO, name, "`{}` is {}, {} before".format(what, *shown))


def listed(names: Iterable[str]) -> str:
    """`a`, `b`"""
    return ", ".join(f"`{each}`" for each in names)
