"""OpenAI's OpenAPI file judges what is sent to OpenAI, and what clients of OpenAI's are answered.

Names that it does not list are refused, wherever it lists any.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from inferc.runtime.dialects.exact_json import dumps

Json = dict[str, Any]

FILE = Path(__file__).parent.parent / "runtime/reference/openai_schema.json"
"""Written by `scripts/build_openai_schema.py`."""

DIFFERENCES: Json = json.loads(FILE.with_name("openai_schema_differences.json").read_text("utf-8"))
"""Where the file and what is known of OpenAI otherwise differ, and why."""


@cache
def said() -> Json:
    """The schemas of `requests`, `forms`, `answers` and `events`, by path."""
    found: Json = json.loads(FILE.read_text("utf-8"))
    return found


@cache
def judge(kind: str, path: str) -> jsonschema_rs.Draft202012Validator:
    """What validates a request, a form, an answer or one event of a stream."""
    return jsonschema_rs.Draft202012Validator({**_closed(said()[kind][path]), "$defs": definitions()})


def is_valid(kind: str, path: str, value: Any) -> bool:
    """Whether the file has nothing against `value`."""
    plain = json.loads(dumps(value))  # numbers whose text is kept are numbers there
    return judge(kind, path).is_valid(plain)


def faults(kind: str, path: str, value: Any) -> list[str]:
    """What the file has against `value`: where, and what."""
    return list(_faults(_closed(said()[kind][path]), json.loads(dumps(value)), ""))


def _faults(schema: Any, value: Any, at: str) -> Iterator[str]:
    """The same, of alternatives only what the nearest has against it."""
    alone = jsonschema_rs.Draft202012Validator({**schema, "$defs": definitions()})
    for error in alone.iter_errors(value):
        inner, place = value, at
        for step in error.instance_path:
            inner, place = inner[step], f"{place}/{step}"
        broken: Any = {**schema, "$defs": definitions()}
        for step in error.schema_path:
            if step == "anyOf":
                break
            broken = broken[int(step)] if isinstance(broken, list) else broken[step]
            if isinstance(broken, dict) and "$ref" in broken:
                broken = definitions()[broken["$ref"].rsplit("/", 1)[-1]]
        if error.schema_path[-1] != "anyOf":
            yield f"{place}: {error.message[:200]}"
            continue
        tried = [list(_faults(each, inner, place)) for each in broken["anyOf"]]
        yield from min(tried, key=lambda found: (_other_kind(found, place), len(found)))


def _other_kind(found: list[str], at: str) -> bool:
    """Whether an alternative is for values of another type, or another `type`."""
    here = (f"{at}: ", f"{at}/type: ", f"{at}/role: ")
    return any(each.startswith(here) and "required" not in each for each in found)


@cache
def definitions() -> Json:
    """The named schemas of the file, with what answers have beside it."""
    found = {name: _closed(schema) for name, schema in said()["$defs"].items()}
    for name, more in DIFFERENCES["answers"]["also"].items():
        found[name]["properties"] |= more
    return found


def _closed(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    made = dict(schema)
    if "properties" in made:
        made["properties"] = {name: _closed(each) for name, each in made["properties"].items()}
        made.setdefault("additionalProperties", False)
    for name in ("items", "additionalProperties"):
        if name in made:
            made[name] = _closed(made[name])
    if "anyOf" in made:
        made["anyOf"] = [_closed(each) for each in made["anyOf"]]
    return made
