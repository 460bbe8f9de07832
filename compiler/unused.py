"""Declarations that nothing in their own file uses, but other files that are checked with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve

from .compile import Checked
from .modules import key_of


def without_used_elsewhere(all_checked: Sequence[Checked]) -> list[Checked]:
    """Each with its findings, but for names "never used" that another of them uses."""
    used: dict[str, set[str]] = {}
    for checked in all_checked:
        for key, names in _used(checked):
            used.setdefault(key, set()).update(names)
    return [_without_used(checked, used) for checked in all_checked]


def _without_used(checked: Checked, used: Mapping[str, set[str]]) -> Checked:
    left = tuple(
        each
        for each in checked.diagnostics
        if each.code != "W0210"
        or each.primary is None
        or each.primary.span.text not in used[key_of(each.primary.span.source)]
    )
    return checked if len(left) == len(checked.diagnostics) else evolve(checked, diagnostics=left)


def _used(checked: Checked) -> Iterator[tuple[str, set[str]]]:
    """For each file of a program the names that are used; with mistakes, all that may be meant."""
    scopes = checked.program.scopes if checked.program is not None else ()
    for scope in scopes:
        yield key_of(scope.module.source), scope.used
        if not checked.ok:
            others = (each.module.source.text for each in scopes if each is not scope)
            yield key_of(scope.module.source), {word for text in others for word in re.findall(r"\w+", text)}
