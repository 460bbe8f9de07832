"""Adding required fields that are missing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lsprotocol import types as lsp

from ....dsl import syntax as s
from ....dsl.catalogues.presets import HOSTED
from ....dsl.diagnostics import Diagnostic
from ....dsl.kinds import RuntimeKind
from ...fields import field_info
from ...places import block_of, place_in
from ...view import View
from ..diagnostics import of_diagnostic
from .edits import here
from .fixes import touching

_MISSING = re.compile(r"`(\w+)` is missing")
_VALUES = {
    "model": '"gpt-4o-mini"',
    "endpoint": '"http://127.0.0.1:8000/v1"',
    "tokenizer": '"tokenizer.json"',
    "command": '["program", "--port", "{port}"]',
    "on_exceeded": "reject",
    "input": "$0.15",
    "output": "$0.60",
    "gpus": "1",
}
"""What a field is given to start with."""


def missing_fields(view: View, start: int, end: int) -> Iterator[lsp.CodeAction]:
    """One action for each finding that says which field is missing."""
    for item in touching(view, start, end):
        named = _MISSING.match(item.primary.text) if item.code == "E0305" and item.primary else None
        if named is not None:
            yield from _add(view, item, named[1])


def _add(view: View, item: Diagnostic, name: str) -> Iterator[lsp.CodeAction]:
    assert item.primary is not None
    path = view.path_to(item.primary.span.start)
    owner = _owner(path, name)
    if owner is None:
        return
    text = f"{name} = {_value(view, path, name)}"
    if isinstance(owner, s.Declaration) and name in ("api_key", "endpoint"):
        kind = _kind(view, owner)
        if kind is None:
            return
        text = f"runtime {kind} {{ {text} }}"
    yield lsp.CodeAction(
        f"Add `{name}`",
        lsp.CodeActionKind.QuickFix,
        [of_diagnostic(view, item)],
        edit=here(view, inserted(view, owner.body, text)),
    )


_Owner = s.Block | s.DeploymentDeclaration | s.TemplateDeclaration | s.GatewayDeclaration


def _owner(path: list[s.Node], name: str) -> _Owner | None:
    """The innermost block or declaration around the finding that has such a field, or whose runtime has."""
    for index in range(len(path) - 1, -1, -1):
        node = path[index]
        if isinstance(node, _Owner):
            place = place_in([*path[: index + 1], node.body])
            if place is not None and field_info(place, name) is not None:
                return node
    if name in ("api_key", "endpoint") and path and isinstance(path[0], s.DeploymentDeclaration):
        return block_of(path[0], "runtime") or path[0]
    return None


def _kind(view: View, node: s.Node) -> RuntimeKind | None:
    declared = view.declared(node)
    deployment = declared.deployment if declared is not None else None
    return deployment.effective_runtime if deployment is not None else None


def _value(view: View, path: list[s.Node], name: str) -> str:
    if name == "api_key":
        kind = _kind(view, path[0])
        return f'env("{HOSTED.get(kind, "API_KEY") if kind is not None else "API_KEY"}")'
    return _VALUES.get(name, '""')


def inserted(view: View, body: s.Body, text: str, *, first: bool = False) -> tuple[int, int, str]:
    """The edit that puts an item into a body, in the form the body has: on its line, or on one of its own."""
    inside = view.text[body.start + 1 : body.end - 1]
    margin = _indentation(view.text, body.start)
    text = text.replace("\n", f"\n{margin}  ")
    if first and body.items:
        end = body.start + 1
        return (end, end, f"\n{margin}  {text}" if "\n" in inside else f" {text},")
    if not body.items:
        return (body.start + 1, body.start + 1 + len(inside), f"\n{margin}  {text}\n{margin}")
    last = body.items[-1]
    if "\n" in inside:
        return (last.end, last.end, f"\n{margin}  {text}")
    comma = "" if isinstance(last, s.Block) else ","
    return (last.end, last.end, f"{comma} {text}")


def _indentation(text: str, offset: int) -> str:
    line = text.rfind("\n", 0, offset) + 1
    return text[line:offset][: len(text[line:offset]) - len(text[line:offset].lstrip(" \t"))]
