"""Parameters that are set for several files at once: each needs to be there in one of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import evolve

from ..dsl import syntax as s
from .compile import Checked


def with_shared_settings(all_checked: Sequence[Checked], names: Iterable[str]) -> list[Checked]:
    """Each with its findings, but for parameters in `names` that another one has."""
    declared = {name for checked in all_checked for name in _parameters(checked)}
    shared = tuple(f"has no parameter `{name}`" for name in names if name in declared)
    if not shared:
        return list(all_checked)
    return [
        evolve(
            checked,
            diagnostics=tuple(
                each
                for each in checked.diagnostics
                if each.code != "E0315" or not each.message.endswith(shared)
            ),
        )
        for checked in all_checked
    ]


def _parameters(checked: Checked) -> set[str]:
    scopes = checked.program.scopes if checked.program is not None else ()
    return {
        name
        for scope in scopes
        for name, symbol in scope.own.items()
        if isinstance(symbol.node, s.ParamDeclaration)
    }
