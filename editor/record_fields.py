"""The fields of records: where each is named, and where it may be meant and cannot be followed.

Imported where there is a field to ask about: it knows types, as `types.py` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..compiler.compile import Checked
from ..compiler.modules import Module, key_of
from ..compiler.pipelines.prompts.places import Places
from ..compiler.pipelines.typed import (
    BuiltinCall,
    Constant,
    FieldOf,
    PromptOf,
    RecordOf,
    TemplatePart,
    Typed,
    walk,
)
from ..compiler.plan.types import ListType, OptionalType, RecordType, Type, TypeKind
from ..compiler.program import Program
from ..compiler.scope import Scope
from ..compiler.typing.partial import UNKNOWN, show_type
from ..compiler.typing.resolve import TypeResolver
from ..dsl import syntax as s
from ..dsl.record import frozen
from ..dsl.source import Source, Span
from ..dsl.tree import walk as nodes_in
from .view import View


@frozen
class RecordField:
    """A field where its record is written. others: the names of the record's other fields."""

    name: str
    key: tuple[str, int]
    others: frozenset[str]


@frozen
class Use:
    """A place that names a field."""

    span: Span
    key: tuple[str, int]


def field_at(view: View, offset: int) -> tuple[RecordField, Span] | None:
    """The field whose name stands at `offset`, and where it does; None for one that the language has."""
    path = view.path_to(offset)
    record = next((each for each in reversed(path) if isinstance(each, s.TypeRecord)), None)
    for each in record.fields if record is not None else ():
        if each.name.start <= offset <= each.name.end:
            return _field(view.parsed.source, record, each), view.scope.span(each.name)  # type: ignore[arg-type]
    if not path or not isinstance(path[0], s.PipelineDeclaration | s.RouteDeclaration):
        return None
    for use in _uses(view.checked, view.parsed.source):
        if use.span.start <= offset <= use.span.end:
            field = _declared(view, use)
            return (field, use.span) if field is not None else None
    return None


def places_of(view: View, field: RecordField, *, here: bool = False) -> Iterator[Span]:
    """Every place that names the field, in all files, or in this one, each once."""
    seen: set[tuple[str, int]] = set()
    for scope, checked in [(view.scope, view.checked)] if here else programs_with(view, field):
        source = scope.module.source
        for span in (*_declarations(source, scope, field), *_named(checked, source, field)):
            place = (key_of(source), span.start)
            if place not in seen:
                seen.add(place)
                yield span


def programs_with(view: View, field: RecordField) -> Iterator[tuple[Scope, Checked]]:
    """The files in which the field may be meant, as the compiler understands them: its own comes first."""
    scopes = view.workspace.everything(view.document)
    for scope in sorted(scopes, key=lambda each: key_of(each.module.source) != field.key[0]):
        source = scope.module.source
        if field.name in source.text and _reaches(scope.module, field.key[0]):
            yield scope, view.workspace.check(view.document_of(source))


def blind_spots(checked: Checked, source: Source, field: RecordField) -> Iterator[tuple[Span, str]]:
    """Places of one file where the field may be meant by what no one can follow, and what stands there."""
    program = checked.program
    if program is None or program.graph is None:
        return
    types = program.graph.types
    for extern in program.graph.externs:
        taken = [*(each.type for each in extern.parameters), extern.result]
        if extern.symbol.scope.module.source is source and any(_holds(types, each, field) for each in taken):
            yield (
                extern.symbol.span,
                f"`{extern.symbol.name.text}` is code of your own, which knows it by name",
            )
    word = re.compile(rf"\b{re.escape(field.name)}\b")
    for root in _roots(program, source):
        for each in walk(root):
            match each:
                case PromptOf():
                    yield from _blind_parts(types, source, each, field, word)
                case BuiltinCall(function="json_path", arguments=(value, Constant() as path, *_)):
                    may = value.type.kind is TypeKind.JSON or _holds(types, value.type, field)
                    if may and word.search(str(path.value)):
                        yield Span(source, path.node.start, path.node.end), "the path is a text"


def confused(checked: Checked, field: RecordField, new: str) -> str | None:
    """A record that would be filled without it, or with it, and without a word, under the name `new`."""
    program = checked.program
    if program is None or program.graph is None:
        return None
    records = {id(each): each for each in _records(program)}.values()
    types = program.graph.types
    own = [each for each in records if _is(types, each, field)]
    for other in records:
        if not own or _is(types, other, field):
            continue
        for name in (field.name, new):
            meant = other.fields.get(name)
            if isinstance(meant, OptionalType) and own[0].fields.keys() >= {
                each for each, type in other.fields.items() if not isinstance(type, OptionalType)
            }:
                return f"{show_type(other)} may be given it, too, and its `{name}` may be missing"
    return None


# ---- uses


def _field(source: Source, record: s.TypeRecord, node: s.Parameter) -> RecordField:
    others = frozenset(each.name.text for each in record.fields) - {node.name.text}
    return RecordField(node.name.text, (key_of(source), node.name.start), others)


def _declared(view: View, use: Use) -> RecordField | None:
    """The field that a use means."""
    for module in view.checked.modules:
        if key_of(module.source) == use.key[0]:
            for node in nodes_in(module.declarations):
                for each in node.fields if isinstance(node, s.TypeRecord) else ():
                    if each.name.start == use.key[1]:
                        return _field(module.source, node, each)  # type: ignore[arg-type]
    return None


def _declarations(source: Source, scope: Scope, field: RecordField) -> Iterator[Span]:
    if key_of(source) == field.key[0]:
        for node in nodes_in(scope.module.declarations):
            for each in node.fields if isinstance(node, s.TypeRecord) else ():
                if each.name.start == field.key[1]:
                    yield scope.span(each.name)


def _named(checked: Checked, source: Source, field: RecordField) -> Iterator[Span]:
    yield from (use.span for use in _uses(checked, source) if use.key == field.key)


def _uses(checked: Checked, source: Source) -> Iterator[Use]:
    """The places of one file that name fields which a file declares."""
    program = checked.program
    if program is None or program.graph is None:
        return
    types = program.graph.types
    for root in _roots(program, source):
        for each in walk(root):
            match each:
                case FieldOf(node=s.Member(name=name), of=of):
                    yield from _use(types, of.type, Span(source, name.start, name.end), name.text)
                case RecordOf(node=s.CallExpression() as node, type=type):
                    for given in node.arguments:
                        if isinstance(given, s.NamedArgument):
                            span = Span(source, given.name.start, given.name.end)
                            yield from _use(types, type, span, given.name.text)
                case PromptOf(node=s.Prompt() as node):
                    places = Places(source, node)
                    for part in each.parts:
                        span = places.at(part.start, part.start + len(part.name))
                        if part.of is not None and places.exact(span):
                            yield from _use(types, part.of, span, part.name)


def _use(types: TypeResolver, type: Type, span: Span, name: str) -> Iterator[Use]:
    declared = types.field_span(type, name) if isinstance(type, RecordType) else None
    if declared is not None:
        yield Use(span, (key_of(declared.source), declared.start))


def _blind_parts(
    types: TypeResolver, source: Source, prompt: PromptOf, field: RecordField, word: re.Pattern[str]
) -> Iterator[tuple[Span, str]]:
    holds = any(_holds(types, each.type, field) or _is_open(each.type) for each in prompt.variables.values())
    assert isinstance(prompt.node, s.Prompt)
    places = Places(source, prompt.node)
    for part in prompt.parts if holds else ():
        span = places.at(part.start, part.start + len(part.name))
        if part.of is None and word.search(part.name):
            yield span, "a filter is told it as a text"
        elif part.name == field.name and part.of is not None and _is_unclear(types, part, places, span):
            yield span, "what it is a part of is not known"


def _is_unclear(types: TypeResolver, part: TemplatePart, places: Places, span: Span) -> bool:
    if isinstance(part.of, RecordType):
        return not places.exact(span) or types.field_span(part.of, part.name) is None
    return part.of is not None and _is_open(part.of)


def _is_open(type: Type) -> bool:
    """Whether a value may have parts that no type tells of."""
    while isinstance(type, ListType | OptionalType):
        type = type.element if isinstance(type, ListType) else type.inner
    return type is UNKNOWN or type.kind is TypeKind.JSON


# ---- types


def _is(types: TypeResolver, record: RecordType, field: RecordField) -> bool:
    span = types.field_span(record, field.name)
    return span is not None and (key_of(span.source), span.start) == field.key


def _holds(types: TypeResolver, type: Type, field: RecordField) -> bool:
    """Whether the record of the field is in a type."""
    match type:
        case ListType(element=inner) | OptionalType(inner=inner):
            return _holds(types, inner, field)
        case RecordType(fields=fields):
            return _is(types, type, field) or any(_holds(types, each, field) for each in fields.values())
    return False


def _records(program: Program) -> Iterator[RecordType]:
    """The records that a program knows values of."""
    graph = program.graph
    assert graph is not None
    waiting: list[Type] = []
    for pipeline in graph.pipelines:
        waiting += [pipeline.result, *(each.type for each in pipeline.parameters)]
        waiting += [each.type for step in pipeline.steps for each in walk(step.value)]
    while waiting:
        match waiting.pop():
            case ListType(element=inner) | OptionalType(inner=inner):
                waiting.append(inner)
            case RecordType() as record:
                yield record
                waiting += record.fields.values()


def _roots(program: Program, source: Source) -> Iterator[Typed]:
    """What stands in one file, as this program understands it."""
    assert program.graph is not None
    for scope in program.scopes:
        if key_of(scope.module.source) == key_of(source):
            yield from program.graph.roots(scope.module.source)


def _reaches(module: Module, key: str) -> bool:
    """Whether a file is another, or imports it by whatever way."""
    seen: set[int] = set()
    waiting = [module]
    while waiting:
        each = waiting.pop()
        if key_of(each.source) == key:
            return True
        if id(each) not in seen:
            seen.add(id(each))
            waiting += each.imports.values()
    return False
