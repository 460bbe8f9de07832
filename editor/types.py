"""Types inside of pipelines and of what cascades accept, as the compiler found them.

No other module here knows types. This one is imported where there is a pipeline or a route to ask
about; files without them never load it.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence

from ..compiler.graph import Graph
from ..compiler.pipelines.explain import origin_in
from ..compiler.pipelines.typed import (
    Call,
    Constant,
    FieldOf,
    MapOf,
    Typed,
    TypedExtern,
    TypedPipeline,
    TypedStep,
    walk,
)
from ..compiler.plan.types import ChoiceType, RecordType, Type
from ..compiler.program import Program
from ..compiler.routes.typed import TypedRoute
from ..compiler.scope import Scope, Symbol
from ..compiler.typing.callables import Callee
from ..compiler.typing.deployments import deployment_callee
from ..compiler.typing.partial import is_known, show_type, without_optional
from ..dsl import syntax as s
from ..dsl.record import frozen
from ..dsl.source import Source, Span
from ..dsl.wording import shorten
from .occurrences import Target
from .view import View

_LONGEST_HINT = 32
_LONGEST_SPELLED = 400
_WORD = f"{string.ascii_letters}{string.digits}_"


@frozen
class Known:
    """A type as it is shown, and sentences that say where it comes from. spelled: a record's fields."""

    type: str
    spelled: str = ""
    because: tuple[str, ...] = ()


def type_of(view: View, target: Target) -> Known | None:
    """The type of a parameter, a step or a variable; None when it has none."""
    for pipeline in _pipelines(view):
        for parameter in pipeline.parameters:
            if parameter.node is target.node:
                return _known(parameter.type)
        for step in pipeline.steps:
            if step.name is target.name:
                return _explained(view, pipeline.scope, step.value)
            for each in walk(step.value) if target.kind == "variable" else ():
                if isinstance(each, MapOf) and each.variable.name is target.name:
                    return _known(each.variable.type)
    node = target.node
    return Known(target.scope.span(node.type).text) if isinstance(node, s.Parameter) else None


def value_at(view: View, offset: int) -> tuple[s.Node, Known] | None:
    """The smallest part of a pipeline or condition at `offset` that has a type."""
    found = _typed_at(view, offset)
    if found is None or (isinstance(found, Constant) and found.origin is None):
        return None
    known = _explained(view, view.scope, found)
    return (found.node, known) if known is not None else None


def call_at(view: View, offset: int, called: s.Node) -> Known | None:
    """What the call of `called` gives whose name stands at `offset`."""
    found = _typed_at(view, offset)
    if isinstance(found, Call) and found.callee.symbol.node is called:
        return _explained(view, view.scope, found)
    return None


def alias(view: View, symbol: Symbol) -> str | None:
    """What a `type` stands for, all names in it followed; None for a mistake."""
    graph = _graph(view)
    if graph is None or not isinstance(symbol.node, s.TypeDeclaration):
        return None
    type = graph.types.declared(symbol)
    if not is_known(type):
        return None
    return _spelled(type) if isinstance(type, RecordType) else show_type(type)


def field_declared(view: View, offset: int) -> tuple[s.Identifier, Span] | None:
    """The name of a record's field at `offset`, and where the field is written."""
    found, graph = _typed_at(view, offset), _graph(view)
    if graph is None or not isinstance(found, FieldOf) or not isinstance(found.node, s.Member):
        return None
    record, name = found.of.type, found.node.name
    if not isinstance(record, RecordType) or not name.start <= offset:
        return None
    span = graph.types.field_span(record, found.name)
    return (name, span) if span is not None else None


def step_types(view: View) -> Iterator[tuple[int, str]]:
    """The short types of the steps of this file that do not say it themselves, and where their names end."""
    for pipeline in _pipelines(view):
        if pipeline.scope.module.source is not view.parsed.source:
            continue
        for step in pipeline.steps:
            if step.name is not None and is_known(step.value.type) and not _says_its_type(step):
                shown = show_type(step.value.type)
                if len(shown) <= _LONGEST_HINT:
                    yield step.name.end, shown


# ---- for what is half written


def fields_after(view: View, offset: int, names: Sequence[str]) -> dict[str, str]:
    """The fields of the value that `names` lead to (`verdict`, or `a.b`), with their types."""
    type = _type_after(view, offset, names)
    if not isinstance(type, RecordType):
        return {}
    return {name: show_type(field) for name, field in type.fields.items()}


def fields_of_value(view: View, start: int, end: int, offset: int, step: int) -> dict[str, str]:
    """The same of the value from `start` to `end`, before the `.` and what is typed of a name up to `offset`.

    step: where the step around it begins. If that cannot be read, a step of its own can.
    """
    text, value = view.text, view.text[start:end]
    rest = text[offset:].lstrip(_WORD)
    alone = f"_ = {value}\n"
    for place, changed in (
        (start, f"{text[:end]} {rest}"),
        (step + len("_ = "), f"{text[:step]}{alone}{text[step:end]} {rest}"),
    ):
        program = view.workspace.check_as_if(view.document, changed).program
        type = _type_of(program, place, place + len(value)) if program is not None else None
        if isinstance(type, RecordType):
            return {name: show_type(field) for name, field in type.fields.items()}
    return {}


def _type_of(program: Program, start: int, end: int) -> Type | None:
    """The type of what stands there, perhaps in brackets."""
    graph, found = program.graph, None
    for root in graph.roots(program.root.module.source) if graph is not None else ():
        for each in walk(root):
            if start <= each.node.start <= each.node.end <= end and (
                found is None or each.node.end - each.node.start > found.node.end - found.node.start
            ):
                found = each
    return found.type if found is not None else None


def arguments_of(view: View, alias: str | None, name: str) -> dict[str, str]:
    """What a call of `name` takes, or of `alias.name`: parameters or fields, with their types."""
    program = view.checked.program
    graph = program.graph if program is not None else None
    if program is None or graph is None:
        return {}
    symbol = program.root.find_in(alias, name) if alias is not None else program.root.find(name)
    if symbol is None:
        return {}
    if isinstance(symbol.node, s.TypeDeclaration):
        type = graph.types.declared(symbol)
        return (
            {name: show_type(each) for name, each in type.fields.items()}
            if isinstance(type, RecordType)
            else {}
        )
    signatures: tuple[TypedPipeline | TypedExtern, ...] = (*graph.pipelines, *graph.externs)
    for typed in signatures:
        if typed.symbol.node is symbol.node:
            return {each.node.name.text: show_type(each.type) for each in typed.parameters}
    callee = _callee(program, graph, symbol)
    return {
        each.name: " or ".join(dict.fromkeys(map(show_type, each.types)))
        for each in (callee.parameters if callee is not None else ())
    }


def _callee(program: Program, graph: Graph, symbol: Symbol) -> Callee | None:
    for route in graph.routes:
        if route.symbol.node is symbol.node:
            return route.callee
    for declared in program.declared:
        if declared.symbol.node is symbol.node:
            return deployment_callee(declared, program.models)
    return None


def choices_after(view: View, offset: int, names: Sequence[str]) -> tuple[str, ...]:
    """The texts that the value may be that `names` lead to; none when it may be any."""
    type = _type_after(view, offset, names)
    type = without_optional(type) if type is not None else None
    return type.values if isinstance(type, ChoiceType) else ()


def _type_after(view: View, offset: int, names: Sequence[str]) -> Type | None:
    type: Type | None = None
    for program in _programs(view, offset):
        type = _bound(program, offset).get(names[0])
        if type is not None:
            break
    for name in names[1:]:
        type = type.fields.get(name) if isinstance(type, RecordType) else None
    return type


def _programs(view: View, offset: int) -> Iterator[Program]:
    """The program as it is, and as it would be with a name at `offset`."""
    if view.checked.program is not None:
        yield view.checked.program
    text = f"{view.text[:offset]}_{view.text[offset:]}"
    program = view.workspace.check_as_if(view.document, text).program
    if program is not None:
        yield program


def _bound(program: Program, offset: int) -> dict[str, Type]:
    """The types of what has a name at `offset` in the root file: parameters, steps, variables, `it`."""
    graph, source = program.graph, program.root.module.source
    found: dict[str, Type] = {}
    for pipeline in graph.pipelines if graph is not None else ():
        if _is_around(pipeline.symbol, source, offset):
            found |= {each.node.name.text: each.type for each in pipeline.parameters}
            for step in pipeline.steps:
                if step.name is not None:
                    found[step.name.text] = step.value.type
                for each in walk(step.value):
                    if isinstance(each, MapOf) and each.node.start <= offset <= each.node.end:
                        found[each.variable.name.text] = each.variable.type
    for route in graph.routes if graph is not None else ():
        if _is_around(route.symbol, source, offset):
            found |= _judged(route)
    return {name: type for name, type in found.items() if is_known(type)}


def _judged(route: TypedRoute) -> dict[str, Type]:
    return {each.judgement.it.name.text: each.judgement.it.type for each in route.routes() if each.judgement}


def _is_around(symbol: Symbol, source: Source, offset: int) -> bool:
    return symbol.scope.module.source is source and symbol.node.start <= offset <= symbol.node.end


# ---- what the compiler knows


def _graph(view: View) -> Graph | None:
    program = view.checked.program
    return program.graph if program is not None else None


def _pipelines(view: View) -> tuple[TypedPipeline, ...]:
    graph = _graph(view)
    return graph.pipelines if graph is not None else ()


def _typed_at(view: View, offset: int) -> Typed | None:
    graph = _graph(view)
    return graph.typed_at(view.parsed.source, offset) if graph is not None else None


def _known(type: Type, because: tuple[str, ...] = ()) -> Known | None:
    if not is_known(type):
        return None
    inner = without_optional(type)
    spelled = f"{inner.name} = {_spelled(inner)}" if isinstance(inner, RecordType) and inner.name else ""
    return Known(show_type(type), spelled, because)


def _spelled(record: RecordType) -> str:
    return shorten(record.spelled_out(), _LONGEST_SPELLED)


def _explained(view: View, scope: Scope, typed: Typed) -> Known | None:
    graph = _graph(view)
    if graph is None:
        return None
    labels, notes = origin_in(scope, graph.types, typed)
    sentences = []
    for label in labels:
        told = next((note for note in notes if note.startswith(label.text)), label.text)
        line = label.span.source.line_of(label.span.start)
        sentences.append(f"{told} ({label.span.source.name}:{line})")
    return _known(typed.type, tuple(sentences))


def _says_its_type(step: TypedStep) -> bool:
    match step.value.node:
        case s.AsType() | s.Prompt() | s.Text() | s.Number() | s.Boolean():
            return True
        case s.WithOptions(inner=s.AsType()):
            return True
    return False
