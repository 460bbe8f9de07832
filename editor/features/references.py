"""Every place that means the same thing, in this file and in all others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lsprotocol import types as lsp

from ...compiler.modules import key_of
from ...compiler.scope import Scope
from ...dsl import syntax as s
from ...dsl.source import Span
from ..occurrences import Occurrence, Role, Target, occurrences
from ..view import View

LOCAL = ("step", "variable", "import")
"""What has a name in its file alone."""


def references(view: View, position: lsp.Position, *, with_declaration: bool = True) -> list[lsp.Location]:
    """Where the name at `position` is used."""
    found = view.occurrence_at(view.offset(position))
    if found is None:
        return [
            view.location(span)
            for span, declares in _of_field(view, position)
            if with_declaration or not declares
        ]
    return [
        view.location_in(scope.module.source, each.start, each.end)
        for scope, each in everywhere(view, found.target)
        if with_declaration or each.role is not Role.DECLARES
    ]


def highlights(view: View, position: lsp.Position) -> list[lsp.DocumentHighlight]:
    """The same in this file alone."""
    found = view.occurrence_at(view.offset(position))
    if found is None:
        here = _of_field(view, position, here=True)
        return [_highlight(view, span.start, span.end, declares) for span, declares in here]
    return [
        _highlight(view, each.start, each.end, each.role is Role.DECLARES)
        for each in view.occurrences
        if each.target.key == found.target.key
    ]


def _highlight(view: View, start: int, end: int, declares: bool) -> lsp.DocumentHighlight:
    kind = lsp.DocumentHighlightKind.Write if declares else lsp.DocumentHighlightKind.Read
    return lsp.DocumentHighlight(view.range(start, end), kind)


def may_name_a_field(view: View, offset: int) -> bool:
    """Whether a field of a record may be named at `offset`, as far as syntax says."""
    path = view.path_to(offset)
    return any(isinstance(each, s.TypeRecord) for each in path) or (
        bool(path) and isinstance(path[0], s.PipelineDeclaration)
    )


def _of_field(view: View, position: lsp.Position, here: bool = False) -> Iterator[tuple[Span, bool]]:
    """Where the field is named that is named at `position`, and whether it is declared there."""
    offset = view.offset(position)
    if not may_name_a_field(view, offset):
        return
    from ..record_fields import field_at, places_of

    named = field_at(view, offset)
    if named is not None:
        for span in places_of(view, named[0], here=here):
            yield span, (key_of(span.source), span.start) == named[0].key


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
