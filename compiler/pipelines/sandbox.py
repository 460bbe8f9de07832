"""What templates know: Jinja2's filters, tests and functions, as the executor has them, and their types."""

from __future__ import annotations

from functools import cache

from jinja2.sandbox import ImmutableSandboxedEnvironment

from ..plan.types import FLOAT, INT, TEXT, Type, TypeKind

_LEFT_OUT = ("lipsum",)
"""Functions that make no sense in a prompt."""

MUTATING = frozenset(
    (
        *("append", "extend", "insert", "remove", "clear", "reverse", "sort"),
        *("pop", "popitem", "setdefault", "update"),
    )
)
"""Methods that change a value, which the sandbox refuses."""

PYTHON: dict[TypeKind, type] = {
    TypeKind.TEXT: str,
    TypeKind.CHOICE: str,
    TypeKind.INT: int,
    TypeKind.FLOAT: float,
    TypeKind.BOOL: bool,
    TypeKind.LIST: list,
    TypeKind.RECORD: dict,
}
"""The Python types of the values in a template, where there is one."""

GIVES: dict[str, Type] = (
    dict.fromkeys(("upper", "lower", "title", "capitalize", "trim", "join", "replace", "string"), TEXT)
    | dict.fromkeys(("truncate", "wordwrap", "indent", "tojson", "format", "center"), TEXT)
    | dict.fromkeys(("length", "count", "int", "wordcount"), INT)
    | {"float": FLOAT}
)
"""The filters that always give the same type."""

ONE_OF = frozenset(("first", "last", "random", "min", "max"))
"""The filters that give one value of a list."""

SAME = frozenset(("sort", "reverse", "unique", "list", "select", "reject", "selectattr", "rejectattr"))
"""The filters that give a list of the same values."""


@cache
def environment() -> ImmutableSandboxedEnvironment:
    """Jinja2, for what it knows: syntax, filters, tests."""
    return ImmutableSandboxedEnvironment(autoescape=False)


@cache
def functions() -> tuple[str, ...]:
    """The names that stand for a function in every template."""
    return tuple(name for name in environment().globals if name not in _LEFT_OUT)
