"""Fields of a JSON object, read and checked: errors say which field and what it must be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..requests.errors import BadRequest
from ..requests.parts import NOTHING, CacheMark, Extras, Part, Place, Text, path
from ..requests.usage import MOST_TOKENS
from .exact_json import Number

KINDS: dict[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    list: "a list",
    dict: "an object",
    float: "a number",
    Number: "a number",
    type(None): "null",
}
"""Types in the words of messages."""

T = TypeVar("T")

Json = dict[str, Any]


def required(body: Json, name: str, kind: type[T], at: Place = ()) -> T:
    """The field `name` of `body`. Raises BadRequest where it is missing or no `kind`."""
    value = body.get(name)
    if isinstance(value, kind) and not (kind is int and type(value) is bool):
        return value
    place = path((*at, name))
    raise mistyped(place, kind, value) if name in body else missing(place, kind)


def optional(body: Json, name: str, kind: type[T], at: Place = ()) -> T | None:
    """The field `name` of `body`; None where it is missing or null. Raises BadRequest."""
    value = body.get(name)
    if value is None or (isinstance(value, kind) and not (kind is int and type(value) is bool)):
        return value
    raise mistyped(path((*at, name)), kind, value)


def number(body: Json, name: str, at: Place = ()) -> float | None:
    """The field `name` of `body`, which must be a number. Raises BadRequest."""
    value = body.get(name)
    if value is None or type(value) in (int, float):
        return value
    if isinstance(value, Number):
        return float(value.text)
    raise mistyped(path((*at, name)), float, value)


def count(body: object, name: str) -> int:
    """The field `name` of `body`, where it is a number of tokens that can be, else 0, as where it is left
    out."""
    value = body.get(name) if isinstance(body, dict) else None
    return value if type(value) is int and 0 < value <= MOST_TOKENS else 0


def objects(value: object, at: Place) -> list[Json]:
    """`value`, which must be a list of objects. Raises BadRequest."""
    if not isinstance(value, list):
        raise mistyped(path(at), list, value)
    for index, each in enumerate(value):
        if not isinstance(each, dict):
            raise mistyped(path((*at, index)), dict, each)
    return value


def content(value: object, at: Place, read: Callable[[Any, Place], Part]) -> tuple[Part, ...]:
    """What a message says: a text, or a list of parts, each of which `read` reads. Raises BadRequest."""
    if isinstance(value, str):
        return (Text(value, at=at),)
    if not isinstance(value, list):
        place = path(at)
        raise BadRequest(f"`{place}` must be text or a list of parts", param=place, code="wrong_type")
    return tuple([read(part, (*at, index)) for index, part in enumerate(value)])


def rest(dialect: str, body: Json, known: frozenset[str]) -> Extras:
    """The fields of `body` that are not `known`, sealed for `dialect`."""
    if body.keys() <= known:
        return NOTHING
    return {dialect: {name: value for name, value in body.items() if name not in known}}


def cache_mark(body: Json, at: Place) -> CacheMark | None:
    """The mark in `body`, in Anthropic's words or OpenAI's."""
    mark = body.get("cache_control")
    if mark is not None:
        if not isinstance(mark, dict):
            raise mistyped(path((*at, "cache_control")), dict, mark)
        return CacheMark(optional(mark, "ttl", str, (*at, "cache_control")))
    mark = body.get("prompt_cache_breakpoint")
    if mark is not None:
        if not isinstance(mark, dict):
            raise mistyped(path((*at, "prompt_cache_breakpoint")), dict, mark)
        ttl = optional(mark, "ttl", str, (*at, "prompt_cache_breakpoint"))
        return CacheMark(ttl, "prompt_cache_breakpoint")
    return None


def missing(name: str, kind: type) -> BadRequest:
    return BadRequest(f"`{name}` is missing; it must be {KINDS[kind]}", param=name, code="missing_field")


def mistyped(name: str, kind: type, value: object) -> BadRequest:
    found = KINDS[type(value)]
    return BadRequest(f"`{name}` must be {KINDS[kind]}, not {found}", param=name, code="wrong_type")


def wrong(at: Place, what: str) -> BadRequest:
    """The value at `at` is of the right kind, and still wrong: `what` it must be."""
    place = path(at)
    return BadRequest(f"`{place}` {what}", param=place)
