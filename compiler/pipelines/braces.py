"""Braces that fill nothing in: `{name}` in a text, `${name}` in a prompt, `{{ name }}` outside of one."""

from __future__ import annotations

import re

from ...dsl import syntax as s
from ...dsl.diagnostics import Edit, Fix
from ..scope import VALUES
from .inferrer import Inferrer

_PLACE = re.compile(r"(?<![\\${])(?P<double>\{)?\{\s*(?P<name>[^\W\d]\w*)\s*\}(?(double)\}|(?!\}))")
_PROMPT_PLACE = re.compile(r"(?<![\\{])\$?\{\s*(?P<name>[^\W\d]\w*)\s*\}(?!\})")


def check_text(inferrer: Inferrer, node: s.Text) -> None:
    """Warn about braces around a name that is known, in a text in which nothing is filled in."""
    text = node.parts[0]
    if isinstance(text, str) and "{" in text:
        _check(inferrer, node, _PLACE, "a text", "${{{}}}")


def check_prompt(inferrer: Inferrer, node: s.Prompt) -> None:
    """The same for a prompt, which takes values between `{{` and `}}`."""
    if "{" in node.template:
        _check(inferrer, node, _PROMPT_PLACE, "a prompt", "{{{{ {} }}}}")


def _check(inferrer: Inferrer, node: s.Node, places: re.Pattern[str], what: str, form: str) -> None:
    known = {*inferrer.local_names(), *inferrer.scope.names(*VALUES)}
    source = inferrer.scope.module.source
    for found in places.finditer(source.text, node.start, node.end):
        if found["name"] not in known:
            continue
        inferrer.scope.find(found["name"])
        written = form.format(found["name"])
        span = inferrer.scope.module.span(found.start(), found.end())
        inferrer.found.warning(
            "W0617",
            f"`{found[0]}` stays as it is: {what} is filled in with `{written}`",
            span,
            "nothing is filled in here",
            fixes=[Fix(f"write `{written}`", (Edit(span, written),), safe=False)],
        )
        return
