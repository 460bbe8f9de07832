"""Every place that means the same thing, in this file and in all others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lsprotocol import types as lsp

from ...compiler.scope import Scope
from ..occurrences import Occurrence, Role, Target, occurrences
from ..view import View

LOCAL = ("step", "variable", "import")
"""What has a name in its file alone."""


def references(view: View, position: lsp.Position, *, with_declaration: bool = True) -> list[lsp.Location]:
    """Where the name at `position` is used."""
    found = view.occurrence_at(view.offset(position))
    if found is None:
        return []
    return [
        view.location_in(scope.module.source, each.start, each.end)
        for scope, each in everywhere(view, found.target)
        if with_declaration or each.role is not Role.DECLARES
    ]


def highlights(view: View, position: lsp.Position) -> list[lsp.DocumentHighlight]:
    """The same in this file alone."""
    found = view.occurrence_at(view.offset(position))
    if found is None:
        return []
    return [
        lsp.DocumentHighlight(
            view.range(each.start, each.end),
            lsp.DocumentHighlightKind.Write if each.role is Role.DECLARES else lsp.DocumentHighlightKind.Read,
        )
        for each in view.occurrences
        if each.target.key == found.target.key
    ]


def everywhere(view: View, target: Target) -> Iterator[tuple[Scope, Occurrence]]:
    """Each occurrence of `target`, with the file it stands in."""
    return places_in(scopes_of(view, target), target)


def scopes_of(view: View, target: Target) -> tuple[Scope, ...]:
    """The files in which `target` may stand."""
    return (view.scope,) if target.kind in LOCAL else view.workspace.everything(view.document)


def places_in(scopes: Iterable[Scope], target: Target) -> Iterator[tuple[Scope, Occurrence]]:
    """Each occurrence of `target` in these files."""
    for scope in scopes:
        if target.name.text in scope.module.source.text:
            for each in occurrences(scope):
                if each.target.key == target.key:
                    yield scope, each
