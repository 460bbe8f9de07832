"""The types that a `param` or a `let` may declare, and whether a value has one."""

from __future__ import annotations

import re
from typing import Any

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics, write_instead
from ...dsl.foreign_words import foreign_word
from ...dsl.late_text import LateText
from ...dsl.parsing.parser import parse
from ...dsl.ranges import Range
from ...dsl.source import Source
from ...dsl.suggest import did_you_mean, every, offer
from ...dsl.units import Duration, Money, Percent, Size, UnitError, parse_number
from ...dsl.values import Call, Word, describe, show
from ...dsl.wording import shorten
from ..scope import VALUES, Scope
from .unknown import UNKNOWN

TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "duration": (Duration,),
    "size": (Size,),
    "money": (Money,),
    "percent": (Percent,),
    "range": (Range,),
}
"""The types by name, and the Python types of their values."""


def check_param(
    node: s.ParamDeclaration | s.LetDeclaration,
    value: Any,
    scope: Scope,
    found: Diagnostics,
    origin: s.Node | None,
) -> Any:
    """`value`, if it has the declared type (an int becomes a float where one is wanted); else reported.

    origin: the expression that gave the value, None when it was set from outside the file.
    """
    if isinstance(value, Word):
        known = scope.names(*VALUES)
        span = scope.span(origin) if origin is not None else scope.span(node.name)
        meant = found.near(value, (name for name in known if name != node.name.text))
        hint = offer(meant) or f'write "{value}" for the text'
        found.error("E0201", f"there is no value called `{value}`", span, "not declared", help=hint)
        return UNKNOWN
    if node.type is None or _fits(node.type, value):
        return value
    if isinstance(node.type, s.TypeName) and node.type.name not in TYPES and node.type.module is None:
        told = foreign_word("types", node.type.name.casefold())
        meant = [word for word in told.to if word in TYPES] if told is not None else []
        hint = did_you_mean(node.type.name, TYPES) or f"types here are {every(f'`{t}`' for t in TYPES)}"
        message = f"there is no type `{node.type.name}` for a value"
        span = scope.span(node.type)
        fixes = write_instead(span, meant)
        found.error("E0201", message, span, "unknown type", help=None if fixes else hint, fixes=fixes)
        return UNKNOWN
    wanted = shorten(scope.span(node.type).text)
    span = scope.span(origin) if origin is not None else scope.span(node.name)
    source = "" if origin is not None else f"; it was set to {show(value)}"
    message = f"`{node.name.text}` is declared as `{wanted}`, found {describe(value)}{source}"
    found.error("E0301", message, span, f"not `{wanted}`")
    return UNKNOWN


def _fits(declared: s.TypeExpression, value: Any) -> bool:
    match declared:
        case s.TypeName(name=name, module=None) if name in TYPES:
            if isinstance(value, bool) or name == "bool":
                return isinstance(value, bool) and name == "bool"
            is_late = isinstance(value, LateText) or (isinstance(value, Call) and value.variable is not None)
            return type(value) in TYPES[name] or (is_late and name == "text")
        case s.TypeLiteral(value=text):
            return bool(value == text)
        case s.TypeUnion(options=options):
            return any(_fits(option, value) for option in options)
        case s.TypeOptional(inner=inner):
            return value is None or _fits(inner, value)
        case s.TypeGeneric(name="list", arguments=(element,)):
            return isinstance(value, list) and all(_fits(element, item) for item in value)
    return False


def read_setting(given: Any, declared: s.TypeExpression | None) -> Any:
    """The value of `--set name=given`: a number with its unit, a bool, a list, null, or the text itself.

    What the declared type does not take is a text where it takes that one. Values that are no text stay.
    """
    if not isinstance(given, str):
        return given
    value = _guessed(given)
    return given if declared is not None and not _fits(declared, value) and _fits(declared, given) else value


def _guessed(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if text == "null":
        return None
    if (ends := re.fullmatch(r"(\d{1,9})\.\.(\d{1,9})", text)) is not None:
        return Range(int(ends[1]), int(ends[2]))
    if text.startswith("["):
        return _literal(_parsed(text), text)
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1]
    try:
        return parse_number(text)
    except (UnitError, ValueError, ArithmeticError):
        return text


def _parsed(text: str) -> s.Expression | None:
    """`text` as an expression of a file; None where it is none."""
    parsed = parse(Source("--set", f"let value = {text}"))
    match parsed.declarations:
        case (s.LetDeclaration(value=value),) if not parsed.diagnostics:
            return value
    return None


def _literal(node: s.Expression | None, text: str) -> Any:
    """The value of an expression of nothing but literals; `text` for any other."""
    match node:
        case s.Number() | s.Boolean():
            return node.value
        case s.Text(parts=()):
            return ""
        case s.Text(parts=(str(only),)):
            return only
        case s.ListExpression(items=items):
            values = [_literal(item, text) for item in items]
            return text if any(value is text for value in values) else values
    return text
