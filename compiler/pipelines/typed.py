"""The typed tree: what a pipeline says, with the type of each part. It stands between syntax and plan.

Every part knows the syntax it was written as, and so its place; what a name stands for is found, and
what it stands for is reachable from it. Why a value has its type is told from the tree (`explain.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import fields

from ...dsl import syntax as s
from ...dsl.data_kinds import DataKind
from ...dsl.kinds import ToolErrors
from ...dsl.record import frozen
from ...dsl.units import Duration
from ..plan.types import Type
from ..scope import Scope, Symbol
from ..typing.callables import Callee
from .extern_options import ExternOptions
from .pipeline_options import WrittenOptions


@frozen(eq=False, repr=False)
class Typed:
    """A part of a pipeline that has a value."""

    node: s.Node
    type: Type


@frozen(eq=False, repr=False)
class Mistake(Typed):
    """An expression with a mistake, which is reported; its type is UNKNOWN."""


@frozen(eq=False, repr=False)
class Constant(Typed):
    """A value that is known now. origin: the `let` or `param` that it was read from."""

    value: object
    origin: Symbol | None = None


@frozen(eq=False, repr=False)
class ParameterValue(Typed):
    """A parameter of the pipeline."""

    declared: s.Parameter


@frozen(eq=False, repr=False)
class StepValue(Typed):
    """The value of a step."""

    step: TypedStep


@frozen(eq=False, repr=False)
class Variable:
    """A name whose value changes: that of a `for`, for each value of a list, or `it` in a cascade."""

    name: s.Identifier
    type: Type


@frozen(eq=False, repr=False)
class VariableValue(Typed):
    """One value of a list."""

    variable: Variable


@frozen(eq=False, repr=False)
class FieldOf(Typed):
    """`of.name`."""

    of: Typed
    name: str


@frozen(eq=False, repr=False)
class At:
    """A place on an axis: an index, or the ends of a slice, None for one that is open."""

    first: Typed | None = None
    last: Typed | None = None
    is_slice: bool = False

    @property
    def parts(self) -> tuple[Typed, ...]:
        return tuple(each for each in (self.first, self.last) if each is not None)


@frozen(eq=False, repr=False)
class IndexOf(Typed):
    """`of[…]`: a place, or a slice, on each of the first axes."""

    of: Typed
    places: tuple[At, ...]


@frozen(eq=False, repr=False)
class Operation(Typed):
    """An operator and what it takes."""

    operator: str
    operands: tuple[Typed, ...]


@frozen(eq=False, repr=False)
class ListOf(Typed):
    """`[a, b]`."""

    items: tuple[Typed, ...]


@frozen(eq=False, repr=False)
class RecordOf(Typed):
    """`Verdict(label = …)`."""

    fields: dict[str, Typed]


@frozen(eq=False, repr=False)
class Interpolation(Typed):
    """A text with values in it; there is one more of `literals` than of `values`."""

    literals: tuple[str, ...]
    values: tuple[Typed, ...]


@frozen(eq=False, repr=False)
class TemplatePart:
    """The name of a part of a value in a template, `label` of `verdict.label`, and where that stands in it.

    of: the type of the value. For a text that a filter or a call is given, which may name a part of anything,
    it is None.
    """

    name: str
    start: int
    of: Type | None


@frozen(eq=False, repr=False)
class PromptOf(Typed):
    """A template, and the values of its variables."""

    template: str
    variables: dict[str, Typed]
    parts: tuple[TemplatePart, ...] = ()


@frozen(eq=False, repr=False)
class BuiltinCall(Typed):
    """A function of the language."""

    function: str
    arguments: tuple[Typed, ...]
    named: dict[str, Typed]


@frozen(eq=False, repr=False)
class Conversion(Typed):
    """`of as T`."""

    of: Typed


@frozen(eq=False, repr=False)
class Tool(Typed):
    """A pipeline or an extern that a model may call; its type is that of its result."""

    callee: Callee


@frozen(eq=False, repr=False)
class Call(Typed):
    """A deployment, a route, a pipeline or an extern is called.

    answer: the type that an answer is asked for as JSON.
    """

    callee: Callee
    arguments: dict[str, Typed]
    answer: Type | None = None
    repair: bool = False
    timeout: Duration | None = None
    retries: int = 0
    max_tokens: int | None = None
    temperature: float | None = None
    tools: tuple[Tool, ...] = ()
    max_rounds: int = 8
    on_tool_error: ToolErrors = ToolErrors.TELL


@frozen(eq=False, repr=False)
class TypedArm:
    """One case: the values it is for, none for all others."""

    values: tuple[object, ...]
    value: Typed


@frozen(eq=False, repr=False)
class MatchOf(Typed):
    """One of several values."""

    subject: Typed
    arms: tuple[TypedArm, ...]


@frozen(eq=False, repr=False)
class IfOf(Typed):
    """One of two values."""

    condition: Typed
    then: Typed
    otherwise: Typed


@frozen(eq=False, repr=False)
class MapOf(Typed):
    """A value for each value of a list."""

    over: Typed
    variable: Variable
    each: Typed
    limit: int


@frozen(eq=False, repr=False)
class Attempt(Typed):
    """`first else otherwise`."""

    first: Typed
    otherwise: Typed


@frozen(eq=False, repr=False)
class TypedStep:
    """A step with its value; `name` is None for the one that returns."""

    name: s.Identifier | None
    value: Typed


@frozen(eq=False, repr=False)
class TypedParameter:
    """What a pipeline or an extern takes."""

    node: s.Parameter
    type: Type
    carries: tuple[DataKind, ...] = ()


@frozen(eq=False, repr=False)
class TypedPipeline:
    """A pipeline whose parts have types.

    steps: each after those whose values it takes. output: what it returns, None when that is missing.
    """

    symbol: Symbol
    parameters: tuple[TypedParameter, ...]
    result: Type
    steps: tuple[TypedStep, ...]
    output: Typed | None
    options: WrittenOptions

    @property
    def scope(self) -> Scope:
        return self.symbol.scope


@frozen(eq=False, repr=False)
class TypedExtern:
    """Code of the user's, from outside. target: `package.module:function`, empty when that is a mistake."""

    symbol: Symbol
    parameters: tuple[TypedParameter, ...]
    result: Type
    target: str
    options: ExternOptions


def children(typed: Typed) -> Iterator[Typed]:
    """The parts that stand inside `typed`; not the steps that it names."""
    for attribute in fields(type(typed)):
        yield from _typed_in(getattr(typed, attribute.name))


def _typed_in(value: object) -> Iterator[Typed]:
    match value:
        case Typed():
            yield value
        case TypedArm():
            yield value.value
        case At():
            yield from value.parts
        case tuple():
            for item in value:
                yield from _typed_in(item)
        case dict():
            for item in value.values():
                yield from _typed_in(item)


def walk(typed: Typed) -> Iterator[Typed]:
    """`typed` and all that stands inside it, from the outside in."""
    waiting = [typed]
    while waiting:
        each = waiting.pop()
        yield each
        waiting += reversed(list(children(each)))
