"""What templates know: Jinja2's filters, tests and functions, as the executor has them, and their types."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, cached_property

from jinja2 import TemplateSyntaxError
from jinja2.lexer import Lexer
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ...plan.types import FLOAT, INT, TEXT, Type, TypeKind

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


class _Lexer(Lexer):
    """Says of each token at which character it begins, where Jinja2 says in which line."""

    def tokeniter(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> Iterator[tuple[int, str, str]]:
        reached = 0
        try:
            for _, kind, text in super().tokeniter(source, name, filename, state):
                # nothing is left out but white space
                begin = max(source.find(text, reached), reached)
                reached = begin + len(text)
                yield begin, kind, text
        except TemplateSyntaxError as error:
            error.lineno = sum(len(each) + 1 for each in source.split("\n")[: error.lineno - 1])
            raise


class _Environment(ImmutableSandboxedEnvironment):
    @cached_property
    def lexer(self) -> Lexer:
        return _Lexer(self)


@cache
def environment() -> ImmutableSandboxedEnvironment:
    """Jinja2, for what it knows: syntax, filters, tests. A node's `lineno` is the character it begins at."""
    return _Environment(autoescape=False)


@cache
def functions() -> tuple[str, ...]:
    """The names that stand for a function in every template."""
    return tuple(name for name in environment().globals if name not in _LEFT_OUT)
