"""Who calls whom: pipelines and routes, and the deployments and functions behind them."""

from __future__ import annotations

from lsprotocol import types as lsp

from ...compiler.modules import file_key
from ...compiler.scope import CALLABLE, Scope
from ...dsl.secrets.texts import masked
from ..documents import path_of
from ..occurrences import Occurrence, Role, Target, occurrences, target_of
from ..view import View
from ..workspace import Workspace
from .symbols import KINDS


def prepare_calls(view: View, position: lsp.Position) -> list[lsp.CallHierarchyItem] | None:
    """What answers requests and stands at `position`."""
    found = view.occurrence_at(view.offset(position))
    if found is None or not isinstance(found.target.node, CALLABLE):
        return None
    return [_item(view.workspace, found.target)]


def incoming(workspace: Workspace, item: lsp.CallHierarchyItem) -> list[lsp.CallHierarchyIncomingCall]:
    """The declarations of all files that ask this one, and where."""
    calls: dict[tuple[str, int], tuple[Target, Scope, list[Occurrence]]] = {}
    target = _found(workspace, item)
    for scope in workspace.everything() if target is not None else ():
        for each in occurrences(scope):
            if target is not None and each.target.key == target.key and each.role is Role.REFERS:
                caller = _around(scope, each)
                if caller is not None:
                    calls.setdefault(caller.key, (caller, scope, []))[2].append(each)
    return [
        lsp.CallHierarchyIncomingCall(_item(workspace, caller), _ranges(workspace, scope, places))
        for caller, scope, places in calls.values()
    ]


def outgoing(workspace: Workspace, item: lsp.CallHierarchyItem) -> list[lsp.CallHierarchyOutgoingCall]:
    """What this declaration asks, and where."""
    target = _found(workspace, item)
    if target is None:
        return []
    calls: dict[tuple[str, int], tuple[Target, list[Occurrence]]] = {}
    for each in occurrences(target.scope):
        inside = target.node.start <= each.start and each.end <= target.node.end
        if inside and each.role is Role.REFERS and isinstance(each.target.node, CALLABLE):
            calls.setdefault(each.target.key, (each.target, []))[1].append(each)
    return [
        lsp.CallHierarchyOutgoingCall(_item(workspace, called), _ranges(workspace, target.scope, places))
        for called, places in calls.values()
    ]


def _around(scope: Scope, each: Occurrence) -> Target | None:
    for symbol in scope.own.values():
        if (
            symbol.node.start <= each.start
            and each.end <= symbol.node.end
            and isinstance(symbol.node, CALLABLE)
        ):
            return target_of(symbol)
    return None


def _found(workspace: Workspace, item: lsp.CallHierarchyItem) -> Target | None:
    """The declaration that an item of this feature stands for, in the files as they are now."""
    path = path_of(item.uri)
    for scope in workspace.everything():
        source = scope.module.source
        if path is not None and source.path is not None and file_key(source.path) != file_key(path):
            continue
        symbol = scope.own.get(item.name)
        if symbol is not None and isinstance(symbol.node, CALLABLE):
            return target_of(symbol)
    return None


def _item(workspace: Workspace, target: Target) -> lsp.CallHierarchyItem:
    document = workspace.document_of(target.source)
    lines = document.lines
    return lsp.CallHierarchyItem(
        name=masked(target.name.text),
        kind=KINDS[type(target.node)],
        uri=document.uri,
        range=lines.range(target.node.start, target.node.end),
        selection_range=lines.range(target.name.start, target.name.end),
        detail=f"{target.kind}, {target.source.name}",
    )


def _ranges(workspace: Workspace, scope: Scope, places: list[Occurrence]) -> list[lsp.Range]:
    lines = workspace.document_of(scope.module.source).lines
    return [lines.range(each.start, each.end) for each in places]
