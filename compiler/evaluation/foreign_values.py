"""Values in the words of others: variables of the environment, names behind `var.`, functions."""

from __future__ import annotations

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics, Edit, Fix
from ...dsl.foreign_variables import STARTS, variable_named
from ...dsl.foreign_words import foreign_word
from ...dsl.source import Span
from ..scope import VALUES, Scope

_SPACES = ("var", "vars", "local", "locals", "param", "params", "let", "self", "this", "config", "values")
"""What others write before the name of a value."""
_OTHERS = ("each", "module", "data", "resource")
"""What stands before values that nothing here has."""


def report_variable(node: s.Expression, scope: Scope, found: Diagnostics) -> bool:
    """Report `process.env.X`, `os.environ.X` and the like; whether it was one."""
    span = scope.span(node)
    variable = variable_named(span.text) if span.starts_with(*STARTS) else None
    if variable is None:
        return False
    message = f'a variable of the environment is written `env("{variable}")`'
    found.error("E0201", message, span, "read otherwise", fixes=[env_instead(variable, span)])
    return True


def report_others_value(node: s.Expression, scope: Scope, found: Diagnostics) -> bool:
    """Report `each.value` and `module.shared.name`, which nothing here has; whether it was one of them."""
    span = scope.span(node)
    space = span.text.partition(".")[0]
    if space not in _OTHERS:
        return False
    told = foreign_word("fields" if space == "each" else "declarations", space)
    found.error("E0201", f"there is no `{span.text}` here", span, "not declared", help=told and told.say)
    return True


def report_named_space(space: str, name: str, node: s.Node, scope: Scope, found: Diagnostics) -> bool:
    """Report `var.x`, where `x` alone is meant; whether it was that."""
    if space not in _SPACES:
        return False
    span = scope.span(node)
    known = name in scope.names(*VALUES)
    fixes = [Fix(f"write `{name}`", (Edit(span, name),), safe=False)] if known else []
    found.error(
        "E0201",
        f"names stand alone here, without `{space}.`",
        span,
        f"write `{name}`",
        fixes=fixes,
        help=None if known else f"declare it: `param {name}: text = …`, or `let {name} = …`",
    )
    return True


def report_in_text(part: s.Reference, text: s.Text, scope: Scope, found: Diagnostics) -> bool:
    """The same between `${` and `}`."""
    space, _, name = part.name.rpartition(".")
    if space and report_named_space(space, name, part, scope, found):
        return True
    variable = variable_named(f"${{{part.name}}}")
    if variable is None:
        return False
    is_whole = [each for each in text.parts if each != ""] == [part]
    span = scope.span(text if is_whole else part)
    found.error(
        "E0201",
        f'a variable of the environment is written `env("{variable}")`',
        span,
        "only a `let` or a `param` can stand in a text" if not is_whole else "read otherwise",
        fixes=[env_instead(variable, span)] if is_whole else (),
        help=None if is_whole else f'`let name = env("{variable}")` gives it a name for texts: `${{name}}`',
    )
    return True


def foreign_call(written: str) -> str | None:
    """What is called here instead of a function of others, as a sentence."""
    told = foreign_word("calls", written.rpartition(".")[2])
    if told is None:
        return None
    return told.say or f"write `{told.to[0]}(…)`"


def env_instead(name: str, span: Span) -> Fix:
    """The change to the variable `name` of the environment."""
    call = f'env("{name}")'
    return Fix(f"write `{call}`", (Edit(span, call),))
