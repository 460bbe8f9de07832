"""What a request must have for a path to find anything there, so that most paths need not be followed."""

from __future__ import annotations

import json
import re
from typing import Any

from jsonpath.filter import (
    BooleanLiteral,
    FilterQuery,
    FunctionExtension,
    InfixExpression,
    IntegerLiteral,
    StringLiteral,
)
from jsonpath.selectors import Filter, NameSelector

_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_NOTHING: frozenset[str] = frozenset()


def strings_of(text: str) -> frozenset[str]:
    """The strings in JSON text, those that name fields included, as they are written there."""
    return frozenset(_STRING.findall(text))


def needed(path: Any) -> frozenset[str]:
    """Strings without any one of which `path` finds nothing. path: a compiled JSONPath over {"body": …}."""
    return _in_path(path) - {"body"}


def _in_path(path: Any) -> frozenset[str]:
    found = _NOTHING
    for segment in path.segments:
        match segment.selectors:
            case (NameSelector(name=name),):
                found |= {name}
            case (Filter(expression=filtered),):
                found |= _in(filtered.expression)
    return found


def _in(expression: Any) -> frozenset[str]:
    """Strings without any one of which `expression` is false."""
    match expression:
        case InfixExpression(operator="&&"):
            return _in(expression.left) | _in(expression.right)
        case InfixExpression(operator="||"):
            return _in(expression.left) & _in(expression.right)
        case InfixExpression(operator="==", right=StringLiteral(value=value)):
            return _in(expression.left) | {json.dumps(value)[1:-1]}
        case InfixExpression(operator="==", right=BooleanLiteral() | IntegerLiteral()):
            return _in(expression.left)
        case InfixExpression(operator="<" | ">"):  # what is not there is neither
            return _in(expression.left)
        case FilterQuery():
            return _in_path(expression.path)
        case FunctionExtension(name="match" | "search" | "length"):
            return _in(expression.args[0])
    return _NOTHING
