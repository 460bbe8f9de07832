"""What a request must look like: fields, their types and their bounds, by a table.

A spec is the name of a type (`text`, `integer`, `number`, `flag`, `map`, `any`), or one of these:

    {"text": [least, most]}, {"integer": [least, most]}, {"number": [least, most]}: bounds may be null
    {"choice": [values]}, {"list": spec, "size": [least, most]}, {"any of": [specs]}
    {"map of": spec}: an object whose names are free
    {"object": name of a shape}, perhaps with a `tag` that stands in the place
    {"by": field, "of": {value: name of a shape}}: `else` is the value where the field is not there;
      `untagged`, it does not stand in the place

A shape has `fields`, whose names end in `!` where they must be there, and may be `open`: then others are let
through; or `one`: then just one of them is there. Those in `beta`, with a dot before their names, are known
to requests that ask for them. Null stands for a field that is not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...compiler.plan.record import frozen

Path = tuple[str | int, ...]
Shapes = Mapping[str, Any]

MAX_DEPTH = 64
"""Nesting of a request that is looked into."""

_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "integer": (int,),
    "number": (int, float),
    "flag": (bool,),
    "list": (list,),
    "map": (dict,),
}


@frozen
class Problem:
    """What is wrong.

    kind: `unknown`, `missing`, `type`, `below`, `above`, `short`, `long`, `few`, `many`, `choice` or `one`.
    where: the place in the request. tags: the same with the variants of what is told apart by a field.
    """

    kind: str
    where: Path
    tags: Path
    details: dict[str, Any]


def problems(body: Any, shapes: Shapes, name: str, closed: frozenset[str] = frozenset()) -> Iterator[Problem]:
    """All that is wrong with `body`, which is to have the shape `name`.

    closed: fields in `beta`, and values of `by`, that this request did not ask for.
    """
    yield from _Walk(shapes, closed).object(body, name, (), ())


def type_of(value: object) -> str:
    """The type of a value, in the words of a spec."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "flag"
    return next((name for name, types in _TYPES.items() if isinstance(value, types)), "map")


@frozen
class _Walk:
    shapes: Shapes
    closed: frozenset[str]

    def object(self, value: Any, name: str, where: Path, tags: Path) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield _mistyped("map", value, where, tags)
            return
        if len(where) > MAX_DEPTH:
            return
        shape = self.shapes[name]
        fields: dict[str, Any] = {each.rstrip("!"): spec for each, spec in shape["fields"].items()}
        for each in self.closed.intersection(shape.get("beta", ())):
            del fields[each[1:]]
        if not shape.get("open"):
            for each in value.keys() - fields.keys():
                yield Problem("unknown", (*where, each), (*tags, each), {"name": each, "value": value[each]})
        for each in shape["fields"]:
            if each.endswith("!") and value.get(each[:-1]) is None:
                inner = each[:-1]
                wanted = {"name": inner, "expected": _type_wanted(shape["fields"][each])}
                yield Problem("missing", (*where, inner), (*tags, inner), wanted)
        if shape.get("one") and sum(value.get(each) is not None for each in fields) != 1:
            yield Problem("one", where, tags, {})
        for each, spec in fields.items():
            if value.get(each) is not None:
                yield from self.value(value[each], spec, (*where, each), (*tags, each))

    def value(self, value: Any, spec: Any, where: Path, tags: Path) -> Iterator[Problem]:
        match spec:
            case "any":
                return
            case str(kind):
                yield from _typed(kind, value, where, tags)
            case {"object": str(name)}:
                tagged = (*tags, spec["tag"]) if "tag" in spec else tags
                yield from self.object(value, name, where, tagged)
            case {"choice": list(choices)}:
                if value not in choices:
                    yield Problem("choice", where, tags, {"value": value, "choices": choices})
            case {"map of": inner}:
                if not isinstance(value, dict):
                    yield _mistyped("map", value, where, tags)
                    return
                for name, each in value.items():
                    yield from self.value(each, inner, (*where, name), (*tags, name))
            case {"list": inner}:
                yield from self._list(value, inner, spec.get("size", (None, None)), where, tags)
            case {"by": str(field), "of": dict(variants)}:
                yield from self._variant(value, field, variants, spec, where, tags)
            case {"any of": list(specs)}:
                yield from self._any(value, specs, where, tags)
            case dict():
                [(kind, (least, most))] = spec.items()
                yield from _bounded(kind, value, least, most, where, tags)

    def _list(self, value: Any, inner: Any, size: Any, where: Path, tags: Path) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield _mistyped("list", value, where, tags)
            return
        least, most = size
        sized = {"size": len(value), "least": least, "most": most}
        if least is not None and len(value) < least:
            yield Problem("few", where, tags, sized)
        if most is not None and len(value) > most:
            yield Problem("many", where, tags, sized)
        for index, each in enumerate(value):
            yield from self.value(each, inner, (*where, index), (*tags, index))

    def _variant(
        self, value: Any, field: str, variants: dict[str, str], spec: Any, where: Path, tags: Path
    ) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield _mistyped("map", value, where, tags)
            return
        tag = value.get(field) or spec.get("else")
        if tag is None:
            yield Problem("missing", (*where, field), (*tags, field), {"name": field, "expected": "text"})
        elif not isinstance(tag, str) or tag not in variants or tag in self.closed:
            known = [each for each in variants if each not in self.closed]
            details = {"value": tag, "choices": known, "by": field}
            yield Problem("choice", (*where, field), (*tags, field), details)
        else:
            tagged = tags if spec.get("untagged") else (*tags, tag)
            yield from self.object(value, variants[tag], where, tagged)

    def _any(self, value: Any, specs: list[Any], where: Path, tags: Path) -> Iterator[Problem]:
        """What is wrong in the eyes of the spec that fits best: one with the same type, else the first."""
        found = [list(self.value(value, spec, where, tags)) for spec in specs]
        if not all(found):
            return
        deeper = [each for each in found if each[0].kind != "type" or each[0].where != where]
        yield from (deeper or found)[0]


def _type_wanted(spec: Any) -> str:
    """The type that a spec names first."""
    match spec:
        case str():
            return spec
        case {"any of": list(specs)}:
            return _type_wanted(specs[0])
        case {"list": _}:
            return "list"
        case {"choice": _}:
            return "text"
        case {"text": _} | {"integer": _} | {"number": _}:
            return str(next(iter(spec)))
        case _:
            return "map"


def _typed(kind: str, value: Any, where: Path, tags: Path) -> Iterator[Problem]:
    fits = isinstance(value, _TYPES[kind]) and (kind == "flag" or not isinstance(value, bool))
    if not fits and not (kind == "integer" and isinstance(value, float) and value.is_integer()):
        yield _mistyped(kind, value, where, tags)


def _bounded(kind: str, value: Any, least: Any, most: Any, where: Path, tags: Path) -> Iterator[Problem]:
    wrong = list(_typed(kind, value, where, tags))
    if wrong:
        yield from wrong
        return
    size, below, above = (len(value), "short", "long") if kind == "text" else (value, "below", "above")
    details = {"value": value, "size": size, "least": least, "most": most, "type": kind}
    if least is not None and size < least:
        yield Problem(below, where, tags, details)
    if most is not None and size > most:
        yield Problem(above, where, tags, details)


def _mistyped(kind: str, value: Any, where: Path, tags: Path) -> Problem:
    return Problem("type", where, tags, {"expected": kind, "got": type_of(value), "value": value})
