"""From a name to where it is declared, and from a path to its file."""

from __future__ import annotations

from lsprotocol import types as lsp

from ...dsl import syntax as s
from ..occurrences import Role
from ..view import View


def definition(view: View, position: lsp.Position) -> list[lsp.LocationLink]:
    """The declaration of the name at `position`, in whichever file; for an import, the file itself."""
    offset = view.offset(position)
    found = view.occurrence_at(offset)
    if found is None:
        return _file(view, offset) or _field(view, offset)
    origin = view.range(found.start, found.end)
    if found.target.kind == "import" and found.role is Role.REFERS:
        inner = found.target.scope.aliases[found.target.name.text].module.source
        start = view.location_in(inner, 0, 0)
        return [lsp.LocationLink(start.uri, start.range, start.range, origin)]
    target = found.target
    whole = view.location_in(target.source, target.node.start, target.node.end)
    name = view.location_in(target.source, target.name.start, target.name.end)
    return [lsp.LocationLink(whole.uri, whole.range, name.range, origin)]


def declaration(view: View, position: lsp.Position) -> list[lsp.LocationLink]:
    """Like `definition`, but the name of an imported file leads to its `import`."""
    found = view.occurrence_at(view.offset(position))
    if found is None or found.target.kind != "import":
        return definition(view, position)
    target = found.target
    name = view.location_in(target.source, target.name.start, target.name.end)
    return [lsp.LocationLink(name.uri, name.range, name.range, view.range(found.start, found.end))]


def _file(view: View, offset: int) -> list[lsp.LocationLink]:
    for node in view.declarations:
        if isinstance(node, s.ImportAs | s.ImportNames) and node.path.start <= offset <= node.path.end:
            module = view.scope.module.imports.get(node.start)
            if module is not None:
                start = view.location_in(module.source, 0, 0)
                return [lsp.LocationLink(start.uri, start.range, start.range, view.range_of(node.path))]
    return []


def _field(view: View, offset: int) -> list[lsp.LocationLink]:
    """From `verdict.label` to the field in the type."""
    path = view.path_to(offset)
    if not path or not isinstance(path[0], s.PipelineDeclaration | s.RouteDeclaration):
        return []
    from ..types import field_declared

    found = field_declared(view, offset)
    if found is None:
        return []
    name, span = found
    place = view.location(span)
    return [lsp.LocationLink(place.uri, place.range, place.range, view.range_of(name))]
