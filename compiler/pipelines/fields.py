"""`value.field`."""

from __future__ import annotations

from ...dsl import syntax as s
from ...dsl.diagnostics import Fix, write_instead
from ...dsl.suggest import did_you_mean, every, offer
from ...dsl.wording import as_name
from ..plan.types import RecordType, TypeKind
from ..typing.partial import UNKNOWN, is_optional, show_type
from .explain import origin, written
from .inferrer import Inferrer
from .typed import FieldOf, Mistake, Typed

_OF_ANSWERS = ("choices", "message", "content", "text", "output", "output_text")
"""Where others have the text of an answer."""


def infer_member(inferrer: Inferrer, node: s.Member) -> Typed:
    """A field of a value, or what another file declares."""
    base = node.base
    if isinstance(base, s.Reference) and inferrer.where_bound(base.name) is None:
        scope = inferrer.scope
        if base.name in scope.aliases:
            symbol = scope.find_in(base.name, node.name.text)
            if symbol is not None:
                return inferrer.declared(node, symbol)
            target = scope.aliases[base.name]
            if target.module is not scope.module:
                message = f"`{target.module.source.name}` declares no `{node.name.text}`"
                hint = did_you_mean(node.name.text, target.own)
                inferrer.error("E0201", message, node.name, "not declared there", help=hint)
            return Mistake(node, UNKNOWN)
    return field_of(inferrer, inferrer.infer(base), node)


def field_of(inferrer: Inferrer, of: Typed, node: s.Member) -> Typed:
    """The field that `node` names of the value `of`."""
    type, name = of.type, node.name.text
    if type is UNKNOWN:
        return Mistake(node, UNKNOWN)
    if isinstance(type, RecordType) and name in type.fields:
        return FieldOf(node, type.fields[name], of, name)
    if not isinstance(type, RecordType) and inferrer.is_told("E0602", of):
        return Mistake(node, UNKNOWN)
    labels, notes = origin(inferrer, of)
    span = inferrer.scope.span(node.name)
    fixes: list[Fix] = []
    advice: str | None = None
    if isinstance(type, RecordType):
        what = f"{show_type(type)} has no field `{name}`" if type.name else f"there is no field `{name}`"
        meant = inferrer.found.near(name, type.fields)
        fixes = write_instead(span, [as_name(each) for each in meant])
        if not fixes and type.fields:
            advice = offer(meant) or f"it has {every(f'`{each}`' for each in list(type.fields)[:12])}"
    elif is_optional(type):
        what = f"{show_type(type)} may be missing, and then has no field `{name}`"
        advice = f"say what then: `({written(inferrer, of)} else …).{as_name(name)}`"
    else:
        what = f"{show_type(type)} has no fields"
        if name in _OF_ANSWERS:
            advice = "a call gives the answer itself: `f(x)`, or `f(x) as T` to read it as a type"
        if type.kind is TypeKind.JSON:
            advice = f'read it as a type first, with `as T`, or take a part of it: `json_path(…, "$.{name}")`'
    inferrer.error(
        "E0602", what, node.name, "no such field", secondary=labels, notes=notes, help=advice, fixes=fixes
    )
    return Mistake(node, UNKNOWN)
