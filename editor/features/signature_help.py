"""What a call takes, while its arguments are written."""

from __future__ import annotations

import re

from lsprotocol import types as lsp

from ...compiler.evaluation.functions import FUNCTIONS
from ...compiler.scope import Symbol
from ...dsl import syntax as s
from ...dsl.comments import doc_comment
from ..cursor import Cursor, Frame, Where, cursor_at
from ..view import View

SIGNATURE_TRIGGERS = ("(", ",")
_COMMA = re.compile(r",(?![^\[]*\])")
"""What stands between parameters, lists left whole."""

_NAME_END = re.compile(r"\s*[:=]")


def signature_help(view: View, position: lsp.Position) -> lsp.SignatureHelp | None:
    """The signature of the innermost call around `position`."""
    cursor = cursor_at(view.text, view.offset(position))
    if cursor.where is Where.COMMENT:
        return None
    for frame in reversed(cursor.frames):
        if frame.opener == "LPAR" and frame.head and frame.head[-1].type == "NAME":
            signature = _signature(view, frame, _declaration(cursor))
            if signature is not None:
                active = min(len(frame.items), max(len(signature.parameters or ()) - 1, 0))
                return lsp.SignatureHelp([signature], 0, _named(frame, signature) or active)
    return None


def _declaration(cursor: Cursor) -> str:
    """The word of the declaration around the place."""
    outer = cursor.frames[0].item
    return outer[0].text if outer else ""


def _signature(view: View, frame: Frame, declaration: str) -> lsp.SignatureInformation | None:
    name = frame.head[-1].text
    alias = frame.head[-3].text if len(frame.head) > 2 and frame.head[-2].type == "DOT" else None
    if len(frame.head) == 2 and frame.head[0].type in ("PIPELINE", "EXTERN"):
        return None  # this is where it is declared
    symbol = view.scope.find_in(alias, name) if alias is not None else view.scope.find(name)
    if symbol is not None:
        return _of_symbol(symbol)
    if name in FUNCTIONS:
        _, form = FUNCTIONS[name]
        return _information(form, [form[len(name) + 1 : -1]], "")
    if declaration in ("pipeline", "route"):
        return _of_builtin(name)
    return None


def _of_builtin(name: str) -> lsp.SignatureInformation | None:
    from ...compiler.pipelines.builtins.table import BUILTINS

    known = BUILTINS.get(name)
    if known is None:
        return None
    parameters = [part.strip() for part in _COMMA.split(known.form[len(name) + 1 : -1])]
    return _information(known.form, parameters, known.told)


def _of_symbol(symbol: Symbol) -> lsp.SignatureInformation | None:
    source, node = symbol.scope.module.source, symbol.node
    doc = doc_comment(source.text, node.start)
    if isinstance(node, s.PipelineDeclaration | s.ExternDeclaration):
        parameters = [symbol.scope.span(each).text for each in node.parameters]
        result = symbol.scope.span(node.result).text
        return _information(f"{symbol.name.text}({', '.join(parameters)}) -> {result}", parameters, doc)
    if isinstance(node, s.DeploymentDeclaration | s.RouteDeclaration):
        return _information(f"{symbol.name.text}(input)", ["input"], doc)
    return None


def _named(frame: Frame, signature: lsp.SignatureInformation) -> int | None:
    """The parameter that `name = …` is for."""
    if len(frame.item) > 1 and frame.item[1].type == "EQUAL":
        for index, each in enumerate(signature.parameters or ()):
            if _NAME_END.split(str(each.label))[0] == frame.item[0].text:
                return index
    return None


def _information(label: str, parameters: list[str], doc: str) -> lsp.SignatureInformation:
    documentation = lsp.MarkupContent(lsp.MarkupKind.Markdown, doc) if doc else None
    return lsp.SignatureInformation(
        label, documentation, [lsp.ParameterInformation(each) for each in parameters]
    )
