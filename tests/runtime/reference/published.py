"""Requests with one field each, for every field that a provider publishes: those of the strict mock's shapes.

Each comes with its place, in which `<…>` says which of several variants stands there and `[]` one of a list,
as in `messages[]<user>.content[]<image>.source`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from attrs import frozen

Json = dict[str, Any]
Put = Callable[[Any], Json]

MOST_DEPTH = 4
"""Of what stands in a field that must be there."""

TEXTS = {
    "data": "aGVsbG8=",
    "bytes": "aGVsbG8=",
    "url": "https://example.com/a.png",
    "image_url": "https://example.com/a.png",
    "file_url": "https://example.com/a.pdf",
    "file_data": "data:application/pdf;base64,aGVsbG8=",
    "schema": '{"type": "object", "properties": {}, "additionalProperties": false}',
}
"""Values of texts that are more than a text, by the names of their fields."""

_PLAIN: Json = {"text": "x", "integer": 2048, "number": 0.5, "flag": True, "map": {}, "any": {}}


@frozen
class Said:
    """A request with one field. without: the same, as far as it can be without it."""

    place: str
    body: Json
    without: Json


def is_within(place: str, others: Iterable[str]) -> bool:
    """Whether a place is one of others, or inside of it."""
    return any(place.startswith(other) and place[len(other) :][:1] in "[.<={" for other in others)


@frozen
class Published:
    """The requests of one provider.

    base: what stands in all of them. complete: puts beside a field what it needs, such as the result of a
    call. root: the shape of a whole request.
    """

    shapes: Json
    base: Json
    complete: Callable[[Json], Json] = lambda body: body
    root: str = "chat"

    def requests(self) -> Iterator[Said]:
        """The shallow places first; a shape is looked into where it is first met."""
        met = {self.root}
        todo: deque[tuple[str, str, Put, Json]] = deque([(self.root, "", lambda made: made, self.base)])
        while todo:
            name, at, put, base = todo.popleft()
            without = self.complete(put(base))
            if self.shapes[name].get("one"):
                base = {}
            for field, spec in self.shapes[name]["fields"].items():
                field = field.rstrip("!")
                place = f"{at}.{field}".lstrip(".")
                for where, inner, value, shape in self._values(spec, _under(put, base, field), place, field):
                    yield Said(where, self.complete(inner(value)), without)
                    if shape is not None and shape not in met:
                        met.add(shape)
                        todo.append((shape, where, inner, value))

    def _values(self, spec: Any, put: Put, at: str, name: str) -> Iterator[tuple[str, Put, Any, str | None]]:
        """Each value that may stand in a place, with what puts it there, and its shape."""
        match spec:
            case {"object": str(shape)}:
                yield at, put, self._least(shape), shape
            case {"list": inner}:
                yield from self._values(inner, lambda each: put([each]), f"{at}[]", name)
            case {"map of": inner}:
                yield from self._values(inner, lambda each: put({"k": each}), f"{at}{{}}", name)
            case {"any of": many}:
                for each in many:
                    yield from self._values(each, put, at, name)
            case {"by": field, "of": of}:
                for tag, shape in of.items():
                    yield f"{at}<{tag}>", put, {**self._least(shape), field: tag}, shape
            case {"choice": choices}:
                for each in choices:
                    yield f"{at}={each}", put, each, None
            case _:
                yield at, put, self._value(spec, name), None

    def _least(self, shape: str, depth: int = 0) -> Json:
        """What must stand in a shape."""
        fields = self.shapes[shape]["fields"]
        if self.shapes[shape].get("one"):
            name, spec = next(iter(fields.items()))
            return {name: self._value(spec, name, depth + 1)}
        return {
            field[:-1]: self._value(spec, field[:-1], depth + 1)
            for field, spec in fields.items()
            if field.endswith("!")
        }

    def _value(self, spec: Any, name: str, depth: int = 0) -> Any:
        match spec:
            case "text" | {"text": _}:
                return TEXTS.get(name, "x")
            case {"integer": [least, _]} | {"number": [least, _]}:
                return 1 if least is None else least
            case {"choice": [first, *_]}:
                return first
            case {"object": shape}:
                return self._least(shape, depth)
            case {"by": field, "of": of}:
                tag, shape = next(iter(of.items()))
                return {**self._least(shape, depth), field: tag}
            case {"list": inner}:
                return [self._value(inner, name, depth + 1)] if depth < MOST_DEPTH else []
            case {"any of": [first, *_]}:
                return self._value(first, name, depth)
            case str(plain):
                return _PLAIN[plain]
            case _:
                return {}


def _under(put: Put, base: Json, field: str) -> Put:
    return lambda value: put({**base, field: value})
