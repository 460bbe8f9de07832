"""One mistake is said once: a template's, however many deployments are built on it, and a name that is not
there, however often it is used."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import attrs

from ..dsl.diagnostics import Diagnostic, Label
from ..dsl.late_pattern import late_pattern
from ..dsl.suggest import every

_QUOTED = late_pattern(r"`([^`]+)`")
_OF_SIGNS = ("E0101", "E0105")
_SIGNS = (":", ";", "=")
"""Signs that other languages have in each line where this one has another one, or none."""
_OF_MODELS = ("E0423", "W0424")
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
    once = _unknown_once(_with_note(diagnostic, others[1:]) for diagnostic, others in alike.values())
    return _without_followers_of_values(once)


def _without_followers_of_values(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """`diagnostics`, but for what a model says of a value that no model takes."""
    wrong = {each.primary.span for each in diagnostics if each.code == "E0304" and each.primary is not None}
    return [
        each
        for each in diagnostics
        if each.code not in _OF_MODELS or each.primary is None or each.primary.span not in wrong
    ]


def _unknown_once(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """`diagnostics`; the uses of one unknown name in a file become one finding with several places."""
    alike: dict[object, list[Diagnostic]] = {}
    for index, diagnostic in enumerate(diagnostics):
        key: object = index
        if diagnostic.primary is not None:
            span = diagnostic.primary.span
            if diagnostic.code == "E0201":
                key = (span.source, span.source.text[span.start : span.end])
            elif diagnostic.code in _OF_SIGNS and (habit := _habit(diagnostic)) is not None:
                key = (span.source, diagnostic.code, habit)
                if any(_at_one_sign(diagnostic, each) for each in alike.get(key, ())):
                    continue
        alike.setdefault(key, []).append(diagnostic)
    return [_together(first, others) for first, *others in alike.values()]


def _habit(diagnostic: Diagnostic) -> str | None:
    """The sign that others have in each line, where it is sure what stands here instead; else None."""
    if len(diagnostic.fixes) != 1 or not diagnostic.fixes[0].safe or len(diagnostic.fixes[0].edits) != 1:
        return None
    [edit] = diagnostic.fixes[0].edits
    written = edit.span.source.text[edit.span.start : edit.span.end]
    sign = written.strip()[-1:]
    is_sign = sign in _SIGNS and _letters(written) == _letters(edit.replacement)
    return (diagnostic.fixes[0].title if sign == "=" else sign) if is_sign else None


def _at_one_sign(item: Diagnostic, other: Diagnostic) -> bool:
    """Whether both would change the same sign, so that one of them follows from the other."""
    here, there = item.fixes[0].edits[0].span, other.fixes[0].edits[0].span
    return here.start < there.end and there.start < here.end


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _together(first: Diagnostic, others: list[Diagnostic]) -> Diagnostic:
    if not others:
        return first
    places = [each.primary.span for each in others if each.primary is not None]
    labels = tuple(Label(span, "and here") for span in places[:_MOST])
    notes = (f"and in {len(places) - _MOST} more places",) if len(places) > _MOST else ()
    fix = first.fixes
    titles = {each.fixes[0].title for each in (first, *others) if len(each.fixes) == 1}
    is_one = len(titles) == 1 or first.code in _OF_SIGNS
    if is_one and all(len(each.fixes) == 1 for each in (first, *others)):
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
