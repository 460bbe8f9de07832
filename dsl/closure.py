"""All that one comes to from somewhere, step by step."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

_T = TypeVar("_T", bound=Hashable)


def closure(start: Iterable[_T], following: Callable[[_T], Iterable[_T]]) -> set[_T]:
    """What stands at the start, what follows it, and what follows that."""
    found = set(start)
    waiting = [*found]
    while waiting:
        for each in following(waiting.pop()):
            if each not in found:
                found.add(each)
                waiting.append(each)
    return found
