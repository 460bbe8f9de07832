"""Externs: the one door to code of the user's. It is never imported here."""

from __future__ import annotations

import re

from ...dsl import syntax as s
from ...dsl.diagnostics import Edit, Fix, Label
from ...dsl.values import Call, Word, describe
from ..evaluation.unknown import UNKNOWN
from ..scope import Symbol
from .check import Signature
from .extern_options import ExternOptions
from .inferrer import Tools
from .options import read_extern_options
from .typed import TypedExtern

_FORM = 'python("package.module:function")'
_NAME = r"[^\W\d]\w*"
_TARGET = re.compile(rf"{_NAME}(?:\.{_NAME})*:{_NAME}(?:\.{_NAME})*")


def type_extern(symbol: Symbol, signature: Signature, tools: Tools) -> TypedExtern:
    """An extern with its types, and where its code is."""
    node, scope = symbol.node, symbol.scope
    assert isinstance(node, s.ExternDeclaration)
    seen: dict[str, s.Identifier] = {}
    for parameter in node.parameters:
        first = seen.setdefault(parameter.name.text, parameter.name)
        if first is not parameter.name:
            tools.found.error(
                "E0202",
                f"`{first.text}` is a parameter already",
                scope.span(parameter.name),
                "given again here",
                secondary=[Label(scope.span(first), "first given here")],
            )
        if parameter.options is not None:
            tools.found.error(
                "E0606",
                "`with` has no effect at a parameter of an extern",
                scope.span(parameter.options),
                help="what a parameter carries is said where a pipeline takes it; what an extern takes out, "
                "behind it: `with { removes = [pii] }`",
            )
    implementation, options = node.implementation, ExternOptions()
    if isinstance(implementation, s.WithOptions):
        options = read_extern_options(implementation, scope, tools, tools.found)
        implementation = implementation.inner
    value = tools.evaluator.evaluate(implementation, scope)
    span = scope.span(implementation)
    match value:
        case Call(name="python", args=(str(target),)) if not isinstance(target, Word):
            if _TARGET.fullmatch(target):
                return TypedExtern(symbol, signature.parameters, signature.result, target, options)
            tools.found.error(
                "E0301",
                f"`{target}` names no function: it is a module, a colon and a name in it",
                span,
                "not a module and a function",
                help=f"write `{_FORM}`",
            )
        case _ if value is not UNKNOWN:
            is_target = isinstance(value, str) and _TARGET.fullmatch(value) is not None
            meant = f'python("{value}")' if is_target else _FORM
            fixes = [Fix(f"write `{meant}`", (Edit(span, meant),), safe=False)] if is_target else []
            tools.found.error(
                "E0301",
                f"an extern is a function in Python, found {describe(value)}",
                span,
                help=None if fixes else f"write `{meant}`",
                fixes=fixes,
            )
    return TypedExtern(symbol, signature.parameters, signature.result, "", options)
