"""Answers, held here to the schema that their provider was not told in full.

Both sides are foreign: the schema is the client's, the answer the model's. References are looked up in the
schema alone, patterns are searched for in linear time, and what takes too long is given up. `format` is a
remark, as JSON Schema has it by default.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.validators import create, validator_for
from referencing import Registry

from ...requests.errors import BadRequest, InvalidAnswer
from .linear_patterns import compiled, may_match
from .result import Checked

MOST_SECONDS = 2.0
"""Time of a processor that one answer may take."""

MOST_TOLD = 100
"""Characters of a constraint that an error tells."""

_UNCHECKED = ("unevaluatedItems", "unevaluatedProperties", "format")
_REF_ALONE = ("draft-03", "draft-04", "draft-06", "draft-07")
"""Versions of JSON Schema in which nothing holds beside a reference."""


class _TooLong(Exception):
    """The time is up."""


def hold_to_schema(answer: str, checked: Checked) -> None:
    """Raises InvalidAnswer, which says where `answer` does not fit, and BadRequest where that cannot be told.

    It may take `MOST_SECONDS`: not on the event loop.
    """
    what = "the answer" if checked.tool is None else f"the call of `{checked.tool}`"
    try:
        value = orjson.loads(answer)
    except ValueError:
        raise InvalidAnswer(f"{what} is no JSON, and does not fit the schema") from None
    try:
        misfits = _validator(checked.schema).iter_errors(value)
        if checked.closed:  # beside anyOf and oneOf, where it tells the schemas apart
            misfits = (each for each in misfits if each.validator != "additionalProperties")
        misfit = best_match(misfits)
    except _TooLong:
        raise _unusable(checked, f"it takes more than {MOST_SECONDS:g} s") from None
    except RecursionError:
        raise _unusable(checked, "the schema, or the answer, is nested too deeply") from None
    except Exception as error:  # the library leaves a schema that is none to chance
        raise _unusable(
            checked, f"the schema is not valid: {' '.join(str(error)[:MOST_TOLD].split())}"
        ) from None
    if misfit is not None:
        raise InvalidAnswer(f"{what} does not fit the schema {_told(misfit)}")


def _unusable(checked: Checked, why: str) -> BadRequest:
    return BadRequest(f"the answer cannot be held to `{checked.where}`: {why}", param=checked.where)


def _told(misfit: ValidationError) -> str:
    where = misfit.json_path[:MOST_TOLD]
    if misfit.validator == "required":
        return f"at `{where}`: {misfit.message[:MOST_TOLD]}"
    if misfit.validator is None:
        return f"at `{where}`: nothing may stand there"
    said = orjson.dumps(misfit.validator_value, default=str).decode()
    said = said if len(said) <= MOST_TOLD else f"{said[:MOST_TOLD]}…"
    return f"at `{where}`: `{misfit.validator}` is {said}"


def _validator(schema: Mapping[str, Any]) -> Any:
    """What checks one answer, from now on."""
    base = validator_for(schema, default=Draft202012Validator)
    until = time.thread_time() + MOST_SECONDS
    named = schema.get("$schema")
    ref_alone = isinstance(named, str) and any(draft in named for draft in _REF_ALONE)

    def keywords(part: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
        """Asked for each part of the schema and each value that is held to it."""
        if time.thread_time() > until:
            raise _TooLong
        return (("$ref", part["$ref"]),) if ref_alone and "$ref" in part else part.items()

    known = {name: check for name, check in base.VALIDATORS.items() if name not in _UNCHECKED}
    kind = create(
        base.META_SCHEMA,
        known | {name: check for name, check in _OWN.items() if name in known},
        type_checker=base.TYPE_CHECKER,
        format_checker=FormatChecker(()),
        id_of=base.ID_OF,
        applicable_validators=keywords,
    )
    return kind(schema, registry=Registry())


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not may_match(pattern, value):
        yield ValidationError("the pattern is not found")


def _pattern_properties(validator: Any, patterns: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, dict):
        for pattern, inner in patterns.items():
            found = compiled(pattern)
            for name in value if found is not None else ():
                if found.search(name) is not None:
                    yield from validator.descend(value[name], inner, path=name, schema_path=pattern)


def _additional_properties(validator: Any, inner: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, dict):
        known = schema.get("properties", {})
        patterns = schema.get("patternProperties", {})
        for name in value:
            if name in known or any(may_match(pattern, name) for pattern in patterns):
                continue
            if inner is False:
                yield ValidationError("not allowed", path=(name,))
            else:
                yield from validator.descend(value[name], inner, path=name)


def _unique_items(validator: Any, unique: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    """By what the items look like: in linear time, where comparing each with each would not be."""
    if unique and isinstance(value, list):
        looks = {orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item in value}
        if len(looks) < len(value):
            yield ValidationError("two items are equal")


_OWN = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}
"""What the library does in another way, with regular expressions that may take forever, or with each pair."""
