"""How much there is in a value, as far as it matters for what may be done with it on the event loop."""

from __future__ import annotations

from typing import Any

MOST = 4096
"""Values in each other that a light one has at most: about 5 ms of work in Python."""

CHARACTERS = 16
"""Characters or bytes that weigh as much as one value, where each is looked at."""

COPIED = 1024
"""The same, where they are copied only."""

_NUMBERS = 64


def is_light(value: Any, characters: int = CHARACTERS) -> bool:
    """Whether working through `value` once takes the loop no time worth mentioning.

    characters: of a text, that weigh as much as one value. Looks at no more than MOST values.
    """
    left, todo = MOST, [value]
    while todo:
        each = todo.pop()
        left -= 1
        if isinstance(each, str | bytes):
            left -= len(each) // characters
        elif isinstance(each, list | tuple | dict):
            if len(each) > left:
                return False
            todo += each.values() if isinstance(each, dict) else each
        elif hasattr(each, "size"):
            left -= each.size // _NUMBERS
        if left < 0:
            return False
    return True
