"""A mistake in a template is one mistake, however many deployments are built on the template."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import attrs

from ..dsl.diagnostics import Diagnostic
from ..dsl.suggest import every

_QUOTED = re.compile(r"`([^`]+)`")
_MOST = 4
"""How many deployments are named."""


def without_repeats(diagnostics: Iterable[Diagnostic], deployments: Collection[str]) -> list[Diagnostic]:
    """`diagnostics`; those at one place that differ only in the deployment become one."""
    alike: dict[object, tuple[Diagnostic, list[str]]] = {}
    for index, diagnostic in enumerate(diagnostics):
        named = [name for name in _QUOTED.findall(diagnostic.message) if name in deployments]
        key: object = index
        if named and diagnostic.primary is not None:
            pieces = (piece for piece in _QUOTED.split(diagnostic.message) if piece not in deployments)
            key = (diagnostic.code, diagnostic.primary.span, *pieces)
        _, others = alike.setdefault(key, (diagnostic, []))
        others += named[:1]
    return [_with_note(diagnostic, others[1:]) for diagnostic, others in alike.values()]


def _with_note(diagnostic: Diagnostic, others: list[str]) -> Diagnostic:
    if not others:
        return diagnostic
    words = [f"`{name}`" for name in others[:_MOST]]
    if len(others) > _MOST:
        words.append(f"{len(others) - _MOST} more")
    return attrs.evolve(diagnostic, notes=(*diagnostic.notes, f"the same for {every(words)}"))
