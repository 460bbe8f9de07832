"""What every check of an expression uses: what names mean where it stands, and how mistakes are reported.

`infer.py` knows how the type of each kind of expression is found.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics, Label
from ...dsl.late_text import LateText
from ...dsl.record import frozen
from ...dsl.units import Percent
from ...dsl.values import Call, Word, describe
from ..blocks.merge import Merger
from ..blocks.shape import Shaper
from ..evaluation.evaluate import Evaluator
from ..evaluation.unknown import UNKNOWN as NO_VALUE
from ..incremental.memory import Memory
from ..plan.types import BOOL, FLOAT, INT, ChoiceType, ListType, Type
from ..scope import VALUES, Scope, Symbol
from ..typing.callables import Callee
from ..typing.fit import Binding, Sizes, common, fits
from ..typing.partial import NOTHING, UNKNOWN
from ..typing.resolve import TypeResolver
from .typed import (
    Constant,
    FieldOf,
    Mistake,
    ParameterValue,
    StepValue,
    Typed,
    Variable,
    VariableValue,
)


@frozen(eq=False, repr=False)
class Tools:
    """What the checks of all pipelines share."""

    found: Diagnostics
    memory: Memory
    evaluator: Evaluator
    merger: Merger
    shaper: Shaper
    types: TypeResolver
    callee: Callable[[Symbol], Callee | None]
    """What a deployment, route, pipeline or extern takes and gives; None when a mistake leaves it open."""


class Inferrer(ABC):
    """Finds the type of expressions in one place where names mean something."""

    def __init__(self, tools: Tools, scope: Scope, sizes: Sizes) -> None:
        self.tools = tools
        self.found = tools.found
        self.scope = scope
        self.sizes = sizes
        self.variables: dict[str, Variable] = {}
        self.templates: set[int] = set()
        """Texts that are filled in by the function that they are given to."""
        self._told: set[tuple[str, str]] = set()

    @abstractmethod
    def infer(self, node: s.Expression) -> Typed:
        """`node` with its type. What has none is reported, and a Mistake."""

    # ---- what a place adds: a pipeline its parameters and steps, a cascade its `it`

    def local(self, name: str, node: s.Node) -> Typed | None:
        """The value of a name that is bound here, None when there is none."""
        variable = self.variables.get(name)
        return VariableValue(node, variable.type, variable) if variable is not None else None

    def local_names(self) -> Iterator[str]:
        """The names that are bound here."""
        yield from self.variables

    def where_bound(self, name: str) -> tuple[s.Node, str] | None:
        """Where a name is bound here, and what it is called: a step, a parameter."""
        variable = self.variables.get(name)
        return (variable.name, "a variable") if variable is not None else None

    # ---- values

    def constant(self, node: s.Node, value: object, origin: Symbol | None = None) -> Typed:
        """A value that is known now. Units are gone in pipelines: a percentage is a number."""
        type = type_of(value)
        if isinstance(value, Call | LateText):
            return self.mistake(
                "E0601",
                "a pipeline is compiled with its values, and the environment is read when it starts",
                node,
                secondary=[Label(origin.span, "from here")] if origin is not None else (),
                help="declare a `param`, and give it with `--set`",
            )
        if value is None:
            return self.mistake(
                "E0601",
                "this is set to nothing: a pipeline needs a value",
                node,
                help="give it a default",
            )
        if type is None:
            return self.mistake(
                "E0601",
                f"values in pipelines have no units, and this is {describe(value)}",
                node,
                secondary=[Label(origin.span, "from here")] if origin is not None else (),
                help="write a plain number; `with { timeout = 2s }` takes durations",
            )
        return Constant(node, type, float(value) if isinstance(value, Percent) else value, origin)

    def declared(self, node: s.Node, symbol: Symbol) -> Typed:
        """The value of a declaration: of a `let` or a `param`; others have none."""
        if isinstance(symbol.node, VALUES):
            value = self.tools.evaluator.value_of(symbol)
            return Mistake(node, UNKNOWN) if value is NO_VALUE else self.constant(node, value, symbol)
        name = symbol.name.text
        can_be_called = not isinstance(symbol.node, s.TemplateDeclaration | s.TypeDeclaration)
        return self.mistake(
            "E0209",
            f"`{name}` is a {symbol.kind}, not a value",
            node,
            secondary=[Label(symbol.span, "declared here")],
            help=f"call it: `{name}(…)`" if can_be_called else None,
        )

    def fits(self, typed: Typed, expected: Type, binding: Binding | None = None) -> bool:
        """Whether a value may stand where `expected` is asked for."""
        return fits(typed.type, expected, binding or Binding(self.sizes))

    # ---- mistakes

    def is_told(self, what: str, typed: Typed) -> bool:
        """Whether `what` is said already about the step or parameter that the value is taken from: one wrong
        step is one mistake, however often it is used."""
        while isinstance(typed, FieldOf):
            typed = typed.of
        match typed:
            case StepValue(step=step) if step.name is not None:
                name = step.name.text
            case ParameterValue(declared=declared):
                name = declared.name.text
            case _:
                return False
        before = len(self._told)
        self._told.add((what, name))
        return len(self._told) == before

    def error(self, code: str, message: str, node: s.Node, label: str = "", **details: Any) -> None:
        self.found.error(code, message, self.scope.span(node), label, **details)

    def mistake(self, code: str, message: str, node: s.Node, label: str = "", **details: Any) -> Typed:
        """Report a mistake; gives what stands for the expression."""
        self.error(code, message, node, label, **details)
        return Mistake(node, UNKNOWN)


def type_of(value: object) -> Type | None:
    """The type of a value that is known now; None for values with units, which pipelines do not have."""
    match value:
        case Word():
            return None
        case bool():
            return BOOL
        case Percent():
            return FLOAT
        case str():
            return ChoiceType(values=(value,))
        case list() | tuple():
            return _type_of_list(value)
    return _NUMBERS.get(type(value))


_NUMBERS: dict[type, Type] = {int: INT, float: FLOAT}


def _type_of_list(values: list[object] | tuple[object, ...]) -> Type | None:
    element: Type = NOTHING
    for value in values:
        type = type_of(value)
        both = common(element, type) if type is not None and not isinstance(value, Percent) else None
        if both is None:
            return None
        element = both
    return ListType(element=element)
