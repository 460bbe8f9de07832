"""Literals that are checked when a file is compiled: the template of `format`, the path of `json_path`."""

from __future__ import annotations

import string

from ...dsl import syntax as s
from ...dsl.suggest import every, offer
from ..plan.types import JSON, TEXT, OptionalType, Type, TypeKind
from ..typing.partial import UNKNOWN, is_known, is_text, show_type
from .arguments import Arguments
from .inferrer import Inferrer
from .texts import check_shown
from .typed import BuiltinCall, Constant, Mistake, Typed

_FORM = 'write `format("{name}: {score:.2f}", name = x, score = y)`'


def json_path(inferrer: Inferrer, node: s.CallExpression, given: Arguments) -> Type:
    """A part of a JSON value, which may not be there."""
    path = given["path"]
    if not isinstance(path, Constant):
        inferrer.error(
            "E0311", "the path of `json_path` is a literal", path.node, help='such as `"$.items[0].name"`'
        )
        return UNKNOWN
    from jsonpath import JSONPathEnvironment, JSONPathError

    try:
        JSONPathEnvironment(strict=True).compile(str(path.value))
    except (JSONPathError, RecursionError) as error:
        reason = next(iter(str(error).splitlines()), "it cannot be read")
        inferrer.error(
            "E0304", f"this is no JSONPath: {reason}", path.node, help='such as `"$.items[0].name"`'
        )
        return UNKNOWN
    return OptionalType(inner=JSON)


def infer_format(inferrer: Inferrer, node: s.CallExpression) -> Typed:
    """`format(template, …)`: each place of the template has a value, each value a place."""
    inferrer.templates.update(map(id, node.arguments[:1]))
    typed = [inferrer.infer(argument) for argument in node.arguments]
    if not typed or isinstance(node.arguments[0], s.NamedArgument):
        return inferrer.mistake("E0311", "`format` needs a template", node, help=_FORM)
    template, others = typed[0], list(zip(node.arguments[1:], typed[1:], strict=True))
    named = {a.name.text: value for a, value in others if isinstance(a, s.NamedArgument)}
    positional = [value for a, value in others if not isinstance(a, s.NamedArgument)]
    if template.type is UNKNOWN:
        return Mistake(node, TEXT)
    if not isinstance(template, Constant) or not isinstance(template.value, str):
        return inferrer.mistake("E0311", "the template of `format` is a literal", template.node, help=_FORM)
    if _places(inferrer, template, positional, named):
        for value in typed[1:]:
            check_shown(inferrer, value)
    return BuiltinCall(node, TEXT, "format", (template, *positional), named)


def _places(inferrer: Inferrer, template: Constant, positional: list[Typed], named: dict[str, Typed]) -> bool:
    """Report what is wrong with the places of a template."""
    try:
        places = [
            (name, spec or "", conversion)
            for _, name, spec, conversion in string.Formatter().parse(str(template.value))
            if name is not None
        ]
    except ValueError as error:
        inferrer.error("E0311", f"this is no template: {error}", template.node, help="write `{{` for a brace")
        return False
    used: set[str | int] = set()
    for number, (name, spec, conversion) in enumerate(places):
        key: str | int = number if not name else int(name) if name.isdecimal() else name
        value = named.get(str(key)) if isinstance(key, str) else _at(positional, key)
        if conversion is not None or (isinstance(key, str) and not key.isidentifier()):
            inferrer.error(
                "E0311",
                f"`{{{name}}}` is no plain name: templates have no attributes and conversions",
                template.node,
                help="bind a step to the value, and give its name",
            )
            return False
        if value is None:
            hint = f"values without a name: {len(positional)}" if isinstance(key, int) else None
            if isinstance(key, str) and named:
                hint = offer(inferrer.found.near(key, named)) or f"given: {every(f'`{k}`' for k in named)}"
            inferrer.error("E0311", f"nothing is given for `{{{name}}}`", template.node, help=hint or _FORM)
            return False
        used.add(key)
        if spec and is_known(value.type) and not _takes(spec, value.type):
            shown = show_type(value.type)
            inferrer.error(
                "E0311", f"`{spec}` is no format of {shown}", template.node, f"at `{{{name}:{spec}}}`"
            )
            return False
    unused = [name for name in named if name not in used] or [
        str(number) for number in range(len(positional)) if number not in used
    ]
    if unused:
        inferrer.error("E0311", f"the template has no place for `{unused[0]}`", template.node, help=_FORM)
    return not unused


def _at(values: list[Typed], index: int) -> Typed | None:
    return values[index] if index < len(values) else None


def _takes(spec: str, type: Type) -> bool:
    sample: object = "x"
    if type.kind is TypeKind.INT:
        sample = 1
    elif type.kind is TypeKind.FLOAT:
        sample = 1.5
    elif not is_text(type):
        return False
    if "{" in spec or any(part.isdecimal() and len(part) > 3 for part in spec.replace(".", " ").split()):
        return False
    try:
        format(sample, spec)
    except ValueError:
        return False
    return True
