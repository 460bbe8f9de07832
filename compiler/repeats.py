"""One mistake is said once: a template's, however many deployments are built on it, and a name that is not
there, however often it is used."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import attrs

from ..dsl.diagnostics import Diagnostic, Label
from ..dsl.late_pattern import late_pattern
from ..dsl.suggest import every

_QUOTED = late_pattern(r"`([^`]+)`")
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
    return _unknown_once(_with_note(diagnostic, others[1:]) for diagnostic, others in alike.values())


def _unknown_once(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """`diagnostics`; the uses of one unknown name in a file become one finding with several places."""
    alike: dict[object, list[Diagnostic]] = {}
    for index, diagnostic in enumerate(diagnostics):
        key: object = index
        if diagnostic.code == "E0201" and diagnostic.primary is not None:
            span = diagnostic.primary.span
            key = (span.source, span.source.text[span.start : span.end])
        alike.setdefault(key, []).append(diagnostic)
    return [_together(first, others) for first, *others in alike.values()]


def _together(first: Diagnostic, others: list[Diagnostic]) -> Diagnostic:
    if not others:
        return first
    places = [each.primary.span for each in others if each.primary is not None]
    labels = tuple(Label(span, "and here") for span in places[:_MOST])
    notes = (f"it is used in {len(places) - _MOST} more places",) if len(places) > _MOST else ()
    fixes = {each.fixes[0].title: each.fixes[0] for each in (first, *others) if len(each.fixes) == 1}
    fix = first.fixes
    if len(fixes) == 1 and all(len(each.fixes) == 1 for each in (first, *others)):
        edits = tuple(edit for each in (first, *others) for edit in each.fixes[0].edits)
        fix = (attrs.evolve(first.fixes[0], edits=edits),)
    return attrs.evolve(first, secondary=(*first.secondary, *labels), notes=(*first.notes, *notes), fixes=fix)


def _with_note(diagnostic: Diagnostic, others: list[str]) -> Diagnostic:
    if not others:
        return diagnostic
    words = [f"`{name}`" for name in others[:_MOST]]
    if len(others) > _MOST:
        words.append(f"{len(others) - _MOST} more")
    return attrs.evolve(diagnostic, notes=(*diagnostic.notes, f"the same for {every(words)}"))
