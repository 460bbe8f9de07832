"""The functions that fields can call: `env(…)`, `file(…)` and others, each kept as a call."""

from __future__ import annotations

import re
from typing import Any

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics, Edit, Fix, write_instead
from ...dsl.kinds import RuntimeKind
from ...dsl.late_text import LateText
from ...dsl.suggest import near, offer
from ...dsl.values import Call, Word, describe
from ...dsl.word_enum import by_word
from ...dsl.wording import shorten
from ..scope import Scope
from .foreign_values import foreign_call, report_variable
from .unknown import UNKNOWN
from .unknown_values import report_stray_word

FUNCTIONS: dict[str, tuple[int, str]] = {
    "env": (2, 'env("NAME")'),
    "file": (1, 'file("path")'),
    "exec": (1, 'exec("command")'),
    "vault": (1, 'vault("mount/path#field")'),
    "aws_secret": (1, 'aws_secret("name")'),
    "gcp_secret": (1, 'gcp_secret("projects/…/secrets/…")'),
    "hash": (1, 'hash("sha256:…")'),
    "fallback": (1, "fallback(name)"),
    "bearer": (1, 'bearer(env("NAME"))'),
    "python": (1, 'python("package.module:name")'),
    "custom": (1, 'custom("name")'),
}
"""The calls that have a meaning outside of pipelines: most arguments, and how they are written."""


_VARIABLE = re.compile(r"[^=\0\s]{1,255}")
"""What a variable of the environment may be called."""


def function_of(node: s.CallExpression, scope: Scope, found: Diagnostics) -> str | None:
    """The function that is called; None, and said, where there is none or it is called otherwise."""
    if isinstance(node.function, s.Bad):
        return None
    name = node.function.name if isinstance(node.function, s.Reference) else None
    if name not in FUNCTIONS:
        if report_variable(node, scope, found):
            return None
        told, meant = foreign_call(name or scope.span(node.function).text), near(name or "", FUNCTIONS)
        if name in by_word(RuntimeKind):  # `runtime = openai(api_key = …)`
            told = f"a runtime is a block: `runtime {name} {{ … }}`, without `=`"
        hint = told or offer(meant) or f"there are {', '.join(f'`{f}`' for f in FUNCTIONS)}"
        written, span = shorten(scope.span(node.function).text), scope.span(node.function)
        fixes = [] if told else write_instead(span, meant)
        found.error(
            "E0201", f"there is no function `{written}`", span, help=None if fixes else hint, fixes=fixes
        )
        return None
    count, form = FUNCTIONS[name]
    named = any(isinstance(argument, s.NamedArgument) for argument in node.arguments)
    if not 1 <= len(node.arguments) <= count or named:
        takes = "one argument" if count == 1 else "a name, and perhaps a default"
        found.error("E0311", f"`{name}` takes {takes}", scope.span(node), help=f"write `{form}`")
        return None
    return name


def call(name: str, node: s.CallExpression, values: list[Any], scope: Scope, found: Diagnostics) -> Any:
    """The call of a function with these `values`, or UNKNOWN."""
    if name == "fallback" and isinstance(node.arguments[0], s.Member) and values[0] is not UNKNOWN:
        values = [Word(node.arguments[0].name.text)]  # plans know deployments without the alias
    if name == "env" and isinstance(values[0], str) and not _VARIABLE.fullmatch(values[0]):
        span = scope.span(node.arguments[0])
        found.error(
            "E0311", "this names no variable of the environment", span, help=f"write `{FUNCTIONS[name][1]}`"
        )
        return UNKNOWN
    if name == "env" and len(values) > 1 and values[1] is not UNKNOWN:
        values[1] = _default(node.arguments[1], values[1], scope, found)
    return UNKNOWN if UNKNOWN in values else Call(name, tuple(values))


def _default(node: s.Expression, value: Any, scope: Scope, found: Diagnostics) -> Any:
    """The second argument of `env`, which is a text as variables are."""
    if isinstance(value, str) and not isinstance(value, Word | LateText):
        return value
    if not report_stray_word(node, value, scope, found):
        span = scope.span(node)
        fixes = []
        if not isinstance(value, Call | list | LateText):
            fixes = [Fix("write it as a text", (Edit(span, f'"{span.text}"'),), safe=False)]
        message = "the default of a variable is a text"
        found.error("E0301", message, span, f"found {describe(value)}", fixes=fixes)
    return UNKNOWN
