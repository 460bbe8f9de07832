"""Requests with one field each, for every field of OpenAI's OpenAPI file, and values beyond its bounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from attrs import frozen

from .openapi import definitions, said

Json = dict[str, Any]
Put = Callable[[Any], Any]

MOST_DEPTH = 6
PLAIN: Json = {"string": "x", "boolean": True, "null": None}


@frozen
class Said:
    """A request with one field. beyond: the value is outside of what the file allows there."""

    place: str
    body: Json
    beyond: bool = False


def requests(kind: str, path: str, base: Json) -> Iterator[Said]:
    """base: what stands in all of them. A schema is looked into where it is met first."""
    met: set[str] = set()
    todo: deque[tuple[Json, str, Put, Any]] = deque([(said()[kind][path], "", lambda made: made, base)])
    while todo:
        schema, at, put, start = todo.popleft()
        for found, place in alternatives(schema, at, met):
            mine = start if isinstance(start, dict) else {}
            mine = {**least(found), **mine}
            for name, inner in found.get("properties", {}).items():
                where = f"{place}.{name}".lstrip(".")
                for value_at, value, beyond in values(inner, where):
                    yield Said(value_at, put({**mine, name: value}), beyond)
                todo.append((inner, where, _under(put, mine, name), None))
            if "items" in found:
                for value_at, value, beyond in values(found["items"], f"{place}[]"):
                    yield Said(value_at, put([value]), beyond)
                todo.append((found["items"], f"{place}[]", lambda value, put=put: put([value]), None))
            if isinstance(found.get("additionalProperties"), dict):
                inner = found["additionalProperties"]
                todo.append((inner, f"{place}{{}}", lambda value, put=put: put({"k": value}), None))


def alternatives(schema: Json, at: str, met: set[str] | None) -> Iterator[tuple[Json, str]]:
    """The schemas that may stand for one, each once; those with a `type` have it behind their place."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        if met is not None:
            if name in met:
                return
            met.add(name)
        schema = definitions()[name]
        yield from alternatives(schema, at, met)
    elif "anyOf" in schema and "properties" not in schema:
        for each in schema["anyOf"]:
            yield from alternatives(each, at, met)
    else:
        tag = schema.get("properties", {}).get("type", {})
        kind = tag.get("const") or (tag.get("enum") or [None])[0]
        yield schema, f"{at}<{kind}>" if kind and at else at


def values(schema: Json, at: str) -> Iterator[tuple[str, Any, bool]]:
    """The least value of each alternative, each word, and what is beyond a bound."""
    for found, place in alternatives(schema, at, None):
        if "enum" in found:
            for word in found["enum"]:
                yield f"{place}={word}", word, False
            continue
        value = least_value(found)
        yield place, value, False
        kind = found.get("type")
        if kind in ("integer", "number"):
            if "minimum" in found:
                yield f"{place}<min", found["minimum"] - 1, True
            if "maximum" in found:
                yield f"{place}>max", found["maximum"] + 1, True
        elif kind == "string" and "maxLength" in found and found["maxLength"] < 100_000:
            yield f"{place}>max", "x" * (found["maxLength"] + 1), True
        elif kind == "array" and "maxItems" in found and found["maxItems"] < 10_000:
            one = least_value(found.get("items", {"type": "string"}))
            yield f"{place}>max", [one] * (found["maxItems"] + 1), True


def least(schema: Json, depth: int = 0) -> Json:
    """What must stand in an object."""
    fields = schema.get("properties", {})
    needed = [name for name in schema.get("required", ()) if name in fields]
    return {name: least_value(fields[name], depth + 1) for name in needed}


def least_value(schema: Json, depth: int = 0) -> Any:
    found, _ = next(alternatives(schema, "", None))
    if "const" in found:
        return found["const"]
    if "enum" in found:
        return found["enum"][0]
    match found.get("type"):
        case "array":
            few = found.get("minItems", 0)
            return [least_value(found["items"], depth + 1)] * few if depth < MOST_DEPTH else []
        case "object" | None:
            return least(found, depth) if depth < MOST_DEPTH else {}
        case "integer" | "number":
            return found.get("minimum", found.get("maximum", 1))
        case str(plain):
            return PLAIN[plain]
        case [first, *_]:
            return PLAIN[first]
    raise AssertionError(found)


def _under(put: Put, base: Json, name: str) -> Put:
    return lambda value: put({**base, name: value})
