"""`enum.StrEnum` for type checkers, and enums that are made in half the time while programs run.

`enum` looks at each word of an enum in several ways, in case it overrides something. Its own way around that
is what the standard library makes `http.HTTPMethod` with.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["WordEnum", "by_word"]

if TYPE_CHECKING:
    from enum import StrEnum as WordEnum
else:

    class _Written:
        """What `enum` asks of the class that it makes an enum of; a class would take as long as the enum."""

        __slots__ = ("__dict__", "__name__")

    class _Maker(type):
        """Makes an `enum.StrEnum` of what is written as a class below `WordEnum`."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            if not bases:
                return type.__new__(cls, name, bases, body)
            written = _Written()
            written.__name__, written.__dict__ = name, body
            made = enum._simple_enum(enum.StrEnum)(written)
            for word, member in made.__members__.items():
                type.__setattr__(made, word, member)  # as `enum` does where nothing else has the name
            return made

    class WordEnum(metaclass=_Maker):
        """A class of words."""


_WordT = TypeVar("_WordT", bound=enum.StrEnum)


def by_word(words: type[_WordT]) -> Mapping[str, _WordT]:
    """The members of an enum of words, by the word of each."""
    members: Mapping[str, _WordT] = _by_word(words)
    return members


@cache
def _by_word(words: Any) -> Mapping[str, Any]:
    return {member.value: member for member in words}
