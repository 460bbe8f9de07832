"""The type of a value inside of a pipeline, as far as the text says it. No other module here knows types."""

from __future__ import annotations

from ..dsl import syntax as s
from .occurrences import Target
from .view import View


def type_of(view: View, target: Target) -> str | None:
    """The type of a parameter, a step or a variable as it is written, None when that is not known."""
    match target.node:
        case s.Parameter(type=written):
            return _written(target, written)
        case s.Step(value=value):
            return _of_value(view, target, value)
    return None


def _of_value(view: View, target: Target, node: s.Expression) -> str | None:
    match node:
        case s.AsType(type_name=name):
            return name.text
        case s.WithOptions(inner=inner) | s.Group(inner=inner) | s.Binary(operator="else", left=inner):
            return _of_value(view, target, inner)
        case s.Comprehension(element=element):
            inner_type = _of_value(view, target, element)
            return f"list<{inner_type}>" if inner_type else None
        case s.Prompt() | s.Text():
            return "text"
        case s.CallExpression(function=function):
            called = target.scope.find_reference(function)
            if called is not None and isinstance(called.node, s.PipelineDeclaration | s.ExternDeclaration):
                return called.scope.span(called.node.result).text
    return None


def _written(target: Target, node: s.TypeExpression) -> str:
    return target.scope.span(node).text
