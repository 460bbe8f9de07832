"""Fields of a JSON object, read and checked: errors say which field and what it must be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil, isfinite
from typing import Any, TypeVar

from ..requests.errors import BadRequest
from ..requests.parts import NOTHING, CacheMark, Extras, Part, Place, Text, path
from ..requests.usage import MOST_TOKENS, PICODOLLARS
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


def optional(body: Mapping[str, Any], name: str, kind: type[T], at: Place = ()) -> T | None:
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


MOST_SEARCHES = 10_000
"""For one request; a provider that tells more is not believed."""

MOST_DOLLARS = 10_000
"""The same for what it charges."""

_TICKS = 100
"""Picodollars in one of xAI's ticks."""


def few(body: object, name: str) -> int:
    """The field `name` of `body`, where it is a number of searches, or of pictures, that can be, else 0."""
    found = count(body, name)
    return found if found <= MOST_SEARCHES else 0


def told_cost(usage: Json) -> int:
    """What a provider says that it charges for the request, in picodollars; 0 where it says nothing.

    OpenRouter and Perplexity say it in dollars, the latter by what it is for; xAI in ticks. Where a key of
    one's own is used at OpenRouter, its owner pays the provider of the model, too.

    Sources: OpenRouter, usage accounting; Perplexity, API reference; xAI, cost tracking.
    """
    if "cost_in_usd_ticks" in usage:
        ticks = as_number(usage["cost_in_usd_ticks"])
        return int(ticks) * _TICKS if 0 < ticks * _TICKS <= MOST_DOLLARS * PICODOLLARS else 0
    cost = usage.get("cost")
    if isinstance(cost, dict):
        cost = cost.get("total_cost")
    dollars = as_number(cost)
    if isinstance(details := usage.get("cost_details"), dict):
        upstream = as_number(details.get("upstream_inference_cost"))
        if usage.get("is_byok", upstream > dollars) is True:
            dollars += upstream
    return round(dollars * PICODOLLARS) if 0 < dollars <= MOST_DOLLARS else 0


def as_number(value: object) -> float:
    """`value`, where it is a finite number, else 0."""
    if isinstance(value, Number):
        value = float(value.text)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and isfinite(value) else 0.0  # type: ignore[arg-type]


def count(body: object, name: str) -> int:
    """The field `name` of `body`, where it is a number of tokens that can be, else 0, as where it is left
    out."""
    value = body.get(name) if isinstance(body, dict) else None
    if type(value) is not int:
        value = 0 if value is None else ceil(as_number(value))  # Cohere counts with a point
    return value if 0 < value <= MOST_TOKENS else 0


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
    """The fields of `body` that are not `known`, sealed for `dialect`; no mark that is null."""
    if body.keys() <= known:
        return NOTHING
    left = {name: value for name, value in body.items() if name not in known and not _is_no_mark(name, value)}
    return {dialect: left} if left else NOTHING


MARKS = ("cache_control", "prompt_cache_breakpoint")
"""What cache marks are called."""


def _is_no_mark(name: str, value: Any) -> bool:
    return value is None and name in MARKS


def without_empty_marks(value: Any) -> Any:
    """`value`, an object, without cache marks that are null; itself where there are none."""
    if not isinstance(value, dict) or not any(value.get(name, value) is None for name in MARKS):
        return value
    return {name: each for name, each in value.items() if not _is_no_mark(name, each)}


def cache_mark(body: Mapping[str, Any], at: Place) -> CacheMark | None:
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
