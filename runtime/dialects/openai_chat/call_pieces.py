"""Which piece of a streamed tool call belongs to which call.

OpenAI numbers calls from 0, tells id and name with the first piece, and the number alone with the others.
Servers that speak its protocol do not all: some number every call 0, or none, or begin elsewhere; tell an id
later, never, again with each piece, or a new one each time; number the rest of a call otherwise than its
beginning. So a number is a hint, and so is an id.
Sources: https://github.com/vercel/ai/issues/18333, https://github.com/apache/maka/pull/1995,
https://github.com/agno-agi/agno/pull/8880, https://github.com/continuedev/continue/issues/13225.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..argument_pieces import ArgumentPieces
from ..exact_json import dumps

Json = dict[str, Any]


class Piece(NamedTuple):
    """A piece of the call `number`. begins: its id and name are told with it."""

    number: int
    begins: bool
    id: str
    name: str
    arguments: str


class _Call:
    __slots__ = ("arguments", "has_id", "id", "name", "number")

    def __init__(self, number: int, id: str, name: str, *, has_id: bool) -> None:
        self.number = number
        self.id = id
        self.name = name
        self.has_id = has_id
        self.arguments = ArgumentPieces()

    def goes_on(self, id: str | None, name: str) -> bool:
        """Whether a piece that tells a name, and no id that is known, is this call's."""
        if id is not None:
            return not self.has_id and not self.arguments.is_begun
        return name == self.name and not self.arguments.is_whole()


class CallPieces:
    """The calls of one choice, by their pieces.

    make_id: an id for a call that has none, from its number and name.
    """

    def __init__(self, make_id: Callable[[int, str], str]) -> None:
        self._make_id = make_id
        self._calls: list[_Call] = []
        self._ids: dict[str, _Call] = {}
        self._places: dict[int | str, _Call] = {}
        self._nameless: dict[int | str | None, tuple[str | None, str]] = {}

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def has_nameless(self) -> bool:
        """Whether a call was begun whose name never came."""
        return bool(self._nameless)

    def has(self, name: str) -> bool:
        """Whether a call of that function was begun."""
        return any(call.name == name for call in self._calls)

    def put(self, value: Json) -> Piece | None:
        """What `value` is a piece of; None where that is held until its name is told."""
        function = value.get("function")
        told, name = (
            (function.get("arguments"), function.get("name")) if isinstance(function, dict) else (None, None)
        )
        arguments = told if isinstance(told, str) else dumps(told).decode() if told else ""
        id, name = _text(value.get("id")), _text(name)
        place = value.get("index")
        place = place if type(place) in (int, str) else None
        held = self._nameless.pop(place, None)
        if held is not None:
            id, arguments = held[0] or id, held[1] + arguments
        call = self._find(id, place, name) if held is None else None
        begins = call is None
        if call is None:
            if name is None:
                self._nameless[place] = id, arguments
                return None
            call = self._begin(id, name)
        if place is not None:
            self._places[place] = call
        if id is not None:
            self._ids.setdefault(id, call)
        if arguments:
            arguments = call.arguments.add(arguments)
        return Piece(call.number, begins, call.id, call.name, arguments)

    def rest(self) -> list[Piece]:
        """What is left to say of the calls when nothing more comes."""
        rests = ((call, call.arguments.rest()) for call in self._calls)
        return [Piece(call.number, False, call.id, call.name, rest) for call, rest in rests if rest]

    def _find(self, id: str | None, place: int | str | None, name: str | None) -> _Call | None:
        """The call that goes on; None where one begins."""
        at = self._places.get(place) if place is not None else None
        known = self._ids.get(id) if id is not None else None
        if known is not None:  # some tell one id for several calls, under other numbers
            return None if name is not None and place is not None and at is None else known
        last = self._calls[-1] if self._calls else None
        if name is not None:
            last = at if place is not None else last
            return last if last is not None and last.goes_on(id, name) else None
        if at is not None:
            return at
        return None if id is not None and place is not None else last

    def _begin(self, id: str | None, name: str) -> _Call:
        number = len(self._calls)
        is_new = id is not None and id not in self._ids
        call = _Call(number, id if id and is_new else self._make_id(number, name), name, has_id=is_new)
        self._calls.append(call)
        return call


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
