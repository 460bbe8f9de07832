"""Findings that hold while the declarations that they are about stay as they are, wherever these move."""

from __future__ import annotations

from collections.abc import Iterable

from ..dsl.diagnostics import Diagnostic, places, with_places
from ..dsl.source import Span
from ..dsl.syntax import Declaration
from .scope import Scope


class Said:
    """A finding, with the declaration that each of its places stands in, and that declaration's file."""

    __slots__ = ("_about", "_finding", "_starts")

    def __init__(self, finding: Diagnostic, about: list[tuple[Scope, Declaration]]) -> None:
        self._finding = finding
        self._about = about
        self._starts = [node.start for _, node in about]

    @classmethod
    def of(cls, finding: Diagnostic, scopes: Iterable[Scope]) -> Said | None:
        """None where a place stands in no declaration of `scopes`, so that it is unknown how it moves."""
        by_source = {scope.module.source: scope for scope in scopes}
        about = []
        for span in places(finding):
            scope = by_source.get(span.source)
            number = scope.module.damage.number_at(span.start) if scope is not None else -1
            if scope is None or number < 0:
                return None
            about.append((scope, scope.module.declarations[number]))
        return cls(finding, about)

    def again(self) -> Diagnostic | None:
        """The finding where its declarations stand now, None where one of them is gone."""
        if not all(map(_is_there, self._about)):
            return None
        moved = (
            Span(scope.module.source, span.start - start + node.start, span.end - start + node.start)
            for (scope, node), start, span in zip(
                self._about, self._starts, places(self._finding), strict=True
            )
        )
        self._finding = with_places(self._finding, moved)
        self._starts = [node.start for _, node in self._about]
        return self._finding


def _is_there(place: tuple[Scope, Declaration]) -> bool:
    scope, node = place
    module = scope.module
    number = module.damage.number_at(node.start)
    return (
        scope.memory.scopes.get(module.key) is scope and number >= 0 and module.declarations[number] is node
    )
