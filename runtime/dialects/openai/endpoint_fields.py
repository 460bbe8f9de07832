"""What providers document of requests beside chats and vectors, as data, and what becomes of each field.

`endpoint_fields.json` has, for each provider and path, its fields in the words of `shapes.py`, with source
and day; `called`, `said` and `paths` are what OpenAI's names of fields, values and paths are there. A field
that another provider documents is refused by name, or left out where the answer is no other. What nobody
documents goes on, and so does all to paths and providers that are not listed, unless one `has no others`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ....compiler.plan import RemotePoolPlan, UnsupportedAction
from ...requests.errors import Incapable
from ...requests.request import Part
from ..field_check import Dropped, FieldCheck, Handling, Refused
from ..shapes import Problem, problems

_TABLE = Path(__file__).with_name("endpoint_fields.json")
_LACKS = Refused("the provider has no such field")
_ELSEWHERE: dict[str, Handling] = {
    "user": Dropped("the provider has no such field"),
    "safety_identifier": Dropped("it is about the checks of OpenAI"),
    "metadata": Dropped("it is about what the provider keeps"),
    "prompt_cache_key": Dropped("it is about the provider's cache of prompts"),
    "stream_format": Refused("the provider has no such field", ("audio",)),
    "response_format": Refused("the answer has one form", ("b64_json", "json")),
    **dict.fromkeys(
        ("background", "chunking_strategy", "moderation", "quality", "size"),
        Refused("the provider has no such field", ("auto",)),
    ),
    "stream": Refused("the provider does not stream such answers", (False,)),
    "echo": Refused("the provider has no such field", (False,)),
    "best_of": Refused("the provider has no such field", (1,)),
    "n": Refused("there is one answer to a request", (1,)),
    "speed": Refused("the provider has no such field", (1, 1.0)),
}
"""What becomes of fields in front of who has none; all others are refused."""

_AT = {"/responses/compact": "responses"}
"""Paths that are a part of an endpoint."""

_MOST_NUMBER = 64
"""Characters of a number in a form."""

Values = Mapping[str, Any]


class EndpointFields:
    """Holds the requests of one deployment against the fields that its provider and model know."""

    def __init__(self, plan: RemotePoolPlan) -> None:
        self._plan = plan
        self._who = f"{plan.provider} (deployment `{plan.deployment}`)"
        self._table = _of(plan.provider.value)
        self._drop = plan.request is not None and plan.request.unsupported is UnsupportedAction.DROP
        self._checks: dict[str, FieldCheck] = {}

    def check(self, path: str, values: Values) -> tuple[str, ...]:
        """Give the names of the fields that are left out. Raises Incapable, which names the field."""
        endpoints, table = self._plan.capabilities.endpoints, self._table
        if endpoints is not None and _AT.get(path, path[1:]) not in endpoints:
            has = ", ".join(f"/{each}" for each in endpoints)
            raise Incapable(
                f"{self._plan.model} of {self._who} has no `{path}`: it answers {has}", param="model"
            )
        if table is not None and path not in table and table.get("has no others"):
            raise Incapable(f"{self._who} has no `{path}`", param="model")
        if table is None or path not in table:
            return self._fields(path).check(values)
        fields = self._fields(path)
        left_out = fields.check(values)
        called = table.get("called", {}).get(path, {})
        kept = {called.get(name, name): value for name, value in values.items() if name not in fields.table}
        shapes = {"asked": {"fields": table[path], "open": True}}
        for problem in problems(kept, shapes, "asked"):
            own = {name: other for other, name in called.items()}
            field = own.get(str(problem.where[0]), str(problem.where[0]))
            kind = "missing_field" if problem.kind == "missing" else "wrong_type"
            code = kind if problem.kind in ("missing", "type") else "unsupported_value"
            raise Incapable(f"{self._who}: {_said(field, problem)}", param=field, code=code)
        return left_out

    def path(self, path: str) -> str:
        """What `path` is called at the provider."""
        found: str = (self._table or {}).get("paths", {}).get(path, path)
        return found

    def body(self, path: str, body: Values) -> dict[str, Any]:
        """`body` as the provider takes it. Raises Incapable."""
        self.check(path, body)
        gone = self._fields(path).table
        table = self._table or {}
        called, said = table.get("called", {}).get(path, {}), table.get("said", {}).get(path, {})
        kept = {name: value for name, value in body.items() if name not in gone and value is not None}
        return {
            called.get(name, name): said.get(name, {}).get(value, value) if isinstance(value, str) else value
            for name, value in kept.items()
        }

    def form(self, path: str, form: Iterable[Part]) -> tuple[Part, ...]:
        """The same of a form."""
        parts = tuple(form)
        self.check(path, self.values(path, parts))
        gone = self._fields(path).table
        return tuple(part for part in parts if _name(part) not in gone)

    def values(self, path: str, form: Iterable[Part]) -> dict[str, Any]:
        """What a form says, numbers as such where the provider has them."""
        fields = {name.rstrip("!"): spec for name, spec in (self._table or {}).get(path, {}).items()}
        return {_name(part): _read(part, fields.get(_name(part))) for part in form}

    def _fields(self, path: str) -> FieldCheck:
        found = self._checks.get(path)
        if found is None:
            known = {name.rstrip("!") for name in (self._table or {}).get(path, ())}
            known |= set((self._table or {}).get("called", {}).get(path, ()))
            lacking = set(self._plan.capabilities.lacking_fields or ())
            others = (_everywhere(path) - known if known else set()) | lacking
            handled = {name: _ELSEWHERE.get(name, _LACKS) for name in others}
            found = self._checks[path] = _Open(handled, self._who, self._drop)
        return found


class _Open(FieldCheck):
    """Fields that nobody documents go on."""

    def check(self, body: Values) -> tuple[str, ...]:
        return super().check({name: value for name, value in body.items() if name in self.table})


@cache
def _tables() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(_TABLE.read_bytes())
    return found


def _of(provider: str) -> dict[str, Any] | None:
    said = _tables().get(provider)
    return _tables()[said["as"]] if said is not None and "as" in said else said


@cache
def _everywhere(path: str) -> frozenset[str]:
    """The fields that any provider documents."""
    return frozenset(name.rstrip("!") for said in _tables().values() for name in said.get(path, ()))


def _name(part: Part) -> str:
    return part.name.partition("[")[0]


def _read(part: Part, spec: Any) -> Any:
    """What a part of a form says; what is no number stays a text."""
    kind = next(iter(spec)) if isinstance(spec, dict) else spec
    if kind == "any" or b"filename" in part.head.lower():
        return "file" if spec is None else part.content
    text = part.content.decode("utf-8", "replace")
    try:
        if kind == "flag" and text.lower() in _FLAGS:
            return _FLAGS[text.lower()]
        if kind == "integer" and len(text) <= _MOST_NUMBER:
            return int(text)
        if kind == "number" and len(text) <= _MOST_NUMBER and math.isfinite(float(text)):
            return float(text)
    except ValueError:
        pass
    return text


_FLAGS = {"true": True, "1": True, "false": False, "0": False}

_TYPES = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "flag": "true or false",
    "list": "a list",
    "map": "an object",
}


def _said(field: str, problem: Problem) -> str:
    known = problem.details
    least, most = known.get("least"), known.get("most")
    match problem.kind:
        case "missing":
            return f"`{field}` is missing"
        case "type":
            return f"`{field}` must be {_TYPES[known['expected']]}"
        case "below" | "above" if least is None or most is None:
            bound = f"at most {most}" if least is None else f"at least {least}"
            return f"`{field}` must be {bound}, and is {known['value']}"
        case "below" | "above":
            return f"`{field}` must be from {least} to {most}, and is {known['value']}"
        case "short":
            return f"`{field}` is empty"
    return f"`{field}` has {known['size']} characters; the most is {most}"
