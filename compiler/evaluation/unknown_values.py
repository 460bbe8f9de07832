"""Names of values that are not there, and what is said of them."""

from __future__ import annotations

from typing import Any

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics, Edit, Fix
from ...dsl.late_pattern import late_pattern
from ...dsl.suggest import did_you_mean, offer
from ...dsl.units import is_time
from ...dsl.values import Word
from ..scope import VALUES, Scope
from .foreign_values import report_named_space, report_others_value, report_variable

_RATE = late_pattern(r"\d\w*[ ]?/[ ]?\Z")
_DASHES = late_pattern(r"(?<=[ \t])--[ \t]++\Z")
_RATE_ADVICE = (
    "`requests_per_minute` is counted by the minute, `max_spend_per_day` by the day: write the number alone"
)
_NEAR = 40
_LATEST = 8
"""Among so many findings is what was said of the same text before."""


def report_unknown_value(
    node: s.Expression, name: str, scope: Scope, found: Diagnostics, takes: str | None = None
) -> None:
    """There is no `let` or `param` called `name`. takes: what may stand here, as a sentence."""
    if report_bare_text(node, scope, found):
        return
    meant = found.near(name, scope.names(*VALUES))
    span = scope.span(node)
    text = span.source.text
    dashes = _DASHES.search(text, max(0, span.start - _NEAR), span.start)
    if dashes is not None:  # a comment of one word
        here = scope.module.span(dashes.start(), dashes.start() + 2)
        fix = Fix("write `#`", (Edit(here, "#"),))
        found.error("E0105", "comments start with `#`", here, "this starts none", fixes=[fix])
        return
    if is_time(name) and not meant and _RATE.search(text, max(0, span.start - _NEAR), span.start):
        message = f"no `/{name}` stands behind a number"
        found.error("E0106", message, span, "the name of a field says it", help=_RATE_ADVICE)
        return
    fixes = [Fix(f"write `{meant[0]}`", (Edit(span, meant[0]),), safe=False)] if len(meant) == 1 else []
    hint = (
        None if fixes else offer(meant) or f"{f'{takes}; ' if takes else ''}declare it with `let {name} = …`"
    )
    found.error("E0201", f"there is no value called `{name}`", span, "not declared", help=hint, fixes=fixes)


def report_bare_text(node: s.Node, scope: Scope, found: Diagnostics) -> bool:
    """Report `us-east-1`, which could be a difference of values that are not there; whether it was a text."""
    from ...dsl.parsing.bare_texts import bare_text

    text = bare_text(scope.module.source.text, node.start)

    def is_declared(name: str) -> bool:
        symbol = scope.own.get(name) or scope.imported.get(name)
        return name in scope.aliases or (symbol is not None and isinstance(symbol.node, VALUES))

    if text is None or not text.is_sure(is_declared):
        return False
    if any(found.near(name, scope.names(*VALUES)) for name in text.names):
        return False
    span = scope.module.span(text.start, text.end)
    if any(
        each.code == text.code and each.primary is not None and each.primary.span == span
        for each in found.items[-_LATEST:]
    ):
        return True
    text.say(span, found.error)
    return True


def report_stray_word(node: s.Expression, value: Any, scope: Scope, found: Diagnostics) -> bool:
    """A bare word where only a value makes sense is an unknown name."""
    if not isinstance(value, Word):
        return False
    report_unknown_value(node, str(value), scope, found)
    return True


def report_unknown_member(node: s.Member, scope: Scope, found: Diagnostics) -> None:
    """What `alias.name` refers to is not there."""
    if isinstance(node.base, s.Bad):
        return
    if isinstance(node.base, s.Reference) and node.base.name in scope.aliases:
        target = scope.aliases[node.base.name]
        if scope.is_lost(node.base.name, is_alias=True):
            return
        message = f"`{target.module.source.name}` declares no `{node.name.text}`"
        hint = did_you_mean(node.name.text, target.own)
        found.error("E0201", message, scope.span(node.name), "not declared there", help=hint)
        return
    base = node.base.name if isinstance(node.base, s.Reference) else "this"
    if scope.is_lost(base) or report_variable(node, scope, found) or report_others_value(node, scope, found):
        return
    if isinstance(node.base, s.Reference) and report_named_space(base, node.name.text, node, scope, found):
        return
    if report_bare_text(node, scope, found) or report_named_space(base, node.name.text, node, scope, found):
        return
    hint = did_you_mean(base, scope.aliases) or f'`import "file.infer" as {base}` would make it one'
    found.error("E0201", f"`{base}` is no imported file", scope.span(node.base), help=hint)
