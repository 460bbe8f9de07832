"""JSON schemas, brought into the subset that a provider takes.

Source of Anthropic's: its guide to structured outputs and the schemas that its own Python client writes:
objects are closed, bounds are not taken, and what is left out is told to the model in the description.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

MOST_DEPTH = 64
"""Schemas nested more deeply are not brought into any subset."""

_STRING_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)

_ANNOTATIONS = frozenset({"title", "description", "default", "enum", "const", "type", "$ref"})
_LISTS = ("anyOf", "allOf")
_MAPS = ("properties", "$defs", "definitions")


class Inexpressible(Exception):
    """The subset has no schema that lets the same answers through."""


def for_anthropic(schema: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The schema in Anthropic's subset, and what it lost: names of keywords. Raises Inexpressible."""
    lost: list[str] = []
    return _close(schema, lost, 0), lost


_BESIDE_REFERENCE = frozenset({"description", "default"})


def for_gemini(schema: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The schema without what Gemini does not take beside `$ref`, and names of that. It lets more through.

    Sources: google-genai 3.6.1, `response_json_schema`; of what may stand there,
    https://github.com/anomalyco/opencode/issues/12295.
    """
    lost: list[str] = []
    return _referring(schema, lost, 0), lost


def _referring(schema: Any, lost: list[str], depth: int) -> Any:
    if depth > MOST_DEPTH or not isinstance(schema, Mapping):
        return schema
    kept: dict[str, Any] = {}
    for name, value in schema.items():
        if "$ref" in schema and not name.startswith("$") and name not in _BESIDE_REFERENCE:
            lost.append(name)
        elif name in _MAPS and isinstance(value, Mapping):
            kept[name] = {key: _referring(inner, lost, depth + 1) for key, inner in value.items()}
        elif name in (*_LISTS, "oneOf", "prefixItems") and isinstance(value, list):
            kept[name] = [_referring(inner, lost, depth + 1) for inner in value]
        elif name in ("items", "additionalProperties"):
            kept[name] = _referring(value, lost, depth + 1)
        else:
            kept[name] = value
    return kept


_UNIONS = ("oneOf", "anyOf", "allOf")


def without_unions(schema: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The schema of an object, with what `oneOf`, `anyOf` and `allOf` at its top say of properties in their
    place, and which of them it had. It lets more through.

    Source: Anthropic's answer to tools that have them, "input_schema does not support oneOf, allOf, or anyOf
    at the top level".
    """
    had = [name for name in _UNIONS if name in schema]
    flat = {name: value for name, value in schema.items() if name not in _UNIONS}
    properties = dict(_mapping(schema.get("properties")))
    required = _texts(schema.get("required"))
    for name in had:
        listed = schema[name] if isinstance(schema[name], list) else []
        branches = [_followed(branch, schema) for branch in listed]
        wanted = [_texts(branch.get("required")) for branch in branches]
        told = [item for branch in branches for item in _mapping(branch.get("properties")).items()]
        for key, value in told:
            known = properties.setdefault(key, value)
            if known != value and name != "allOf":
                properties[key] = {"anyOf": [*(_mapping(known).get("anyOf") or [known]), value]}
        required += [
            key for each in wanted for key in each if name == "allOf" or all(key in other for other in wanted)
        ]
    if properties:
        flat["properties"] = properties
    if required:
        flat["required"] = list(dict.fromkeys(required))
    return flat, had


def _followed(branch: object, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """`branch`, or what it refers to among the definitions of `schema`."""
    found = _mapping(branch)
    where = found.get("$ref")
    for name in ("$defs", "definitions"):
        beginning = f"#/{name}/"
        if isinstance(where, str) and where.startswith(beginning):
            return _mapping(_mapping(schema.get(name)).get(where[len(beginning) :]))
    return found


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def is_closed(schema: Any, depth: int = 0) -> bool:
    """Whether OpenAI can hold calls to the schema: objects are closed, and all they have is required.

    Source: OpenAI's guide to structured outputs.
    """
    if depth > MOST_DEPTH or not isinstance(schema, Mapping):
        return False
    kinds = schema.get("type")
    properties = schema.get("properties") or {}
    if "object" in (kinds if isinstance(kinds, list) else [kinds]) or properties:
        required = schema.get("required") or ()
        is_open = schema.get("additionalProperties") is not False
        if is_open or not set(properties) <= set(required):
            return False
    inner = [*properties.values(), *(schema.get("anyOf") or ())]
    inner += [each for name in ("$defs", "definitions") for each in (schema.get(name) or {}).values()]
    inner += [schema["items"]] if "items" in schema else []
    return all(is_closed(each, depth + 1) for each in inner)


def _close(schema: Any, lost: list[str], depth: int) -> Any:
    if depth > MOST_DEPTH:
        raise Inexpressible("it is nested too deeply")
    if not isinstance(schema, Mapping):
        raise Inexpressible("a schema that is true or false")
    kept: dict[str, Any] = {}
    left: dict[str, Any] = {}
    for name, value in schema.items():
        if name in _MAPS and isinstance(value, Mapping):
            kept[name] = {key: _close(inner, lost, depth + 1) for key, inner in value.items()}
        elif name in _LISTS and isinstance(value, list):
            kept[name] = [_close(inner, lost, depth + 1) for inner in value]
        elif name == "oneOf" and isinstance(value, list):
            kept["anyOf"] = [_close(inner, lost, depth + 1) for inner in value]
            lost.append(name)  # of which one alone may fit
        elif name == "items" and isinstance(value, Mapping):
            kept[name] = _close(value, lost, depth + 1)
        elif _is_taken(name, value):
            kept[name] = value
        elif name != "additionalProperties":
            left[name] = value
    _close_object(schema, kept)
    if left:
        lost += left
        said = orjson.dumps(left, default=str).decode()
        kept["description"] = "\n\n".join(filter(None, (str(kept.get("description") or ""), said)))
    return kept


def _is_taken(name: str, value: Any) -> bool:
    match name:
        case "format":
            return value in _STRING_FORMATS
        case "minItems":
            return value in (0, 1)
        case "required":
            return True
        case _:
            return name in _ANNOTATIONS


def _close_object(schema: Mapping[str, Any], kept: dict[str, Any]) -> None:
    kinds = schema.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "object" not in kinds and "properties" not in schema:
        return
    more = schema.get("additionalProperties")
    if isinstance(more, Mapping) or ("properties" not in schema and more is not False):
        raise Inexpressible("an object whose keys are open")
    kept["additionalProperties"] = False
    kept.setdefault("type", "object")
