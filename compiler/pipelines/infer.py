"""Expressions of a pipeline → typed tree. What takes more than a few lines stands in a module of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import frozen

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics, Label, write_instead
from ...dsl.suggest import offer
from ...dsl.units import Percent
from ...dsl.values import Word, describe
from ..evaluate import Evaluator
from ..merge import Merger
from ..plan.types import BOOL, FLOAT, INT, ChoiceType, ListType, Type
from ..scope import Scope, Symbol
from ..shape import Shaper
from ..typing.callables import Callee
from ..typing.fit import Binding, Sizes, common, fits
from ..typing.partial import NOTHING, UNKNOWN, is_known, show_type
from ..typing.resolve import TypeResolver
from ..unknown import UNKNOWN as NO_VALUE
from . import calls, fields, matches, operators, options, prompts, texts
from .explain import mismatch
from .typed import Constant, IfOf, ListOf, MapOf, Mistake, Typed, Variable, VariableValue

LIMIT = 16
"""How many values of a list are worked on at the same time, unless a file says so."""


@frozen(eq=False, repr=False)
class Tools:
    """What the checks of all pipelines share."""

    found: Diagnostics
    evaluator: Evaluator
    merger: Merger
    shaper: Shaper
    types: TypeResolver
    callee: Callable[[Symbol], Callee | None]
    """What a deployment, route, pipeline or extern takes and gives; None when a mistake leaves it open."""


class Inferrer:
    """Finds the type of expressions in one place where names mean something."""

    def __init__(self, tools: Tools, scope: Scope, sizes: Sizes) -> None:
        self.tools = tools
        self.found = tools.found
        self.scope = scope
        self.sizes = sizes
        self.variables: dict[str, Variable] = {}

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

    # ---- what all modules use

    def infer(self, node: s.Expression) -> Typed:
        """`node` with its type. What has none is reported, and a Mistake."""
        return _INFER[type(node)](self, node)

    def error(self, code: str, message: str, node: s.Node, label: str = "", **details: Any) -> None:
        self.found.error(code, message, self.scope.span(node), label, **details)

    def mistake(self, code: str, message: str, node: s.Node, label: str = "", **details: Any) -> Typed:
        """Report it; what stands for the expression."""
        self.error(code, message, node, label, **details)
        return Mistake(node, UNKNOWN)

    def fits(self, typed: Typed, expected: Type, binding: Binding | None = None) -> bool:
        """Whether a value may stand where `expected` is asked for."""
        return fits(typed.type, expected, binding or Binding(self.sizes))

    def expect(self, typed: Typed, expected: Type, message: str, **details: Any) -> bool:
        """Report a value that does not fit; whether it does."""
        if self.fits(typed, expected):
            return True
        mismatch(self, typed, (expected,), message, **details)
        return False

    def constant(self, node: s.Node, value: object, origin: Symbol | None = None) -> Typed:
        """A value that is known now. Units are gone in pipelines: a percentage is a number."""
        type = type_of(value)
        if type is None:
            return self.mistake(
                "E0601",
                f"values in pipelines have no units, and this is {describe(value)}",
                node,
                secondary=[Label(origin.span, "from here")] if origin is not None else (),
                help="write a plain number; `with { timeout = 2s }` takes durations",
            )
        return Constant(node, type, float(value) if isinstance(value, Percent) else value, origin)

    def taken(self, name: s.Identifier) -> bool:
        """Report a name that means something already."""
        bound = self.where_bound(name.text)
        if bound is not None:
            node, what = bound
            self.error(
                "E0202",
                f"`{name.text}` is {what} already",
                name,
                "bound again here",
                secondary=[Label(self.scope.span(node), "first bound here")],
                help="give it another name: each name is bound once",
            )
            return True
        symbol = self.scope.own.get(name.text) or self.scope.imported.get(name.text)
        if symbol is not None or name.text in self.scope.aliases:
            what = f"the name of a {symbol.kind}" if symbol is not None else "the name of an imported file"
            self.error(
                "E0202",
                f"`{name.text}` is {what} already",
                name,
                "bound again here",
                secondary=[Label(symbol.span, "first declared here")] if symbol is not None else (),
                help="give it another name: inside a pipeline, too, a name means one thing",
            )
            return True
        return False

    # ---- names and literals

    def _reference(self, node: s.Reference) -> Typed:
        local = self.local(node.name, node)
        if local is not None:
            return local
        if node.name in self.scope.lost:
            return Mistake(node, UNKNOWN)
        symbol = self.scope.find(node.name)
        if symbol is not None:
            return self.declared(node, symbol)
        return self.unknown(node)

    def unknown(self, node: s.Reference) -> Typed:
        """There is no value of this name."""
        names: list[str] = []
        if not self.found.is_long:
            names = [*self.local_names(), *self.scope.names(s.LetDeclaration, s.ParamDeclaration)]
        meant = self.found.near(node.name, names)
        span = self.scope.span(node)
        fixes = write_instead(span, meant)
        hint = None if fixes else offer(meant)
        if not fixes and hint is None and not self.found.is_long:
            known = ", ".join(f"`{name}`" for name in names[:8])
            hint = f"known here: {known}" if known else "bind it with a step: `name = …`"
        self.found.error(
            "E0201", f"there is no value called `{node.name}`", span, "not declared", help=hint, fixes=fixes
        )
        return Mistake(node, UNKNOWN)

    def declared(self, node: s.Node, symbol: Symbol) -> Typed:
        """The value of a declaration: of a `let` or a `param`; others have none."""
        if isinstance(symbol.node, s.LetDeclaration | s.ParamDeclaration):
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

    def _number(self, node: s.Number) -> Typed:
        return self.constant(node, node.value)

    def _boolean(self, node: s.Boolean) -> Typed:
        return Constant(node, BOOL, node.value)

    def _bad(self, node: s.Expression) -> Typed:
        return Mistake(node, UNKNOWN)

    def _group(self, node: s.Group) -> Typed:
        return self.infer(node.inner)

    # ---- lists, conditions, loops

    def _list(self, node: s.ListExpression) -> Typed:
        items = tuple(map(self.infer, node.items))
        element: Type = NOTHING
        for item in items:
            both = common(element, item.type)
            if both is None:
                others = next(each for each in items if common(each.type, item.type) is None)
                mismatch(
                    self,
                    item,
                    (),
                    f"all values of a list have one type: the first is {show_type(others.type)}, "
                    f"this one {show_type(item.type)}",
                    beside=[Label(self.scope.span(others.node), show_type(others.type))],
                )
                return Mistake(node, UNKNOWN)
            element = both
        return ListOf(node, ListType(element=element) if element is not UNKNOWN else UNKNOWN, items)

    def _if(self, node: s.IfElse) -> Typed:
        condition = self.infer(node.condition)
        self.expect(condition, BOOL, "a condition is true or false")
        then, otherwise = self.infer(node.then), self.infer(node.otherwise)
        type = self.either(then, otherwise, "both sides of an `if`")
        return IfOf(node, type, condition, then, otherwise)

    def either(self, first: Typed, second: Typed, both: str) -> Type:
        """The type of a value that is one or the other; reported when there is none."""
        type = common(first.type, second.type)
        if type is not None:
            return type
        mismatch(
            self,
            second,
            (),
            f"{both} have one type: {show_type(first.type)} and {show_type(second.type)} do not go together",
            beside=[Label(self.scope.span(first.node), show_type(first.type))],
        )
        return UNKNOWN

    def _comprehension(self, node: s.Comprehension) -> Typed:
        over = self.infer(node.iterable)
        element: Type = UNKNOWN
        if isinstance(over.type, ListType):
            element = over.type.element
        elif is_known(over.type):
            mismatch(self, over, (), f"`for … in` goes through a list, found {show_type(over.type)}")
        name = node.variable
        variable = Variable(name, element)
        self.taken(name)
        hidden = self.variables.get(name.text)
        self.variables[name.text] = variable
        try:
            each = self.infer(node.element)
        finally:
            if hidden is not None:
                self.variables[name.text] = hidden
            else:
                del self.variables[name.text]
        type = ListType(element=each.type) if is_known(each.type) else UNKNOWN
        return MapOf(node, type, over, variable, each, LIMIT)

    def _named_argument(self, node: s.NamedArgument) -> Typed:
        return self.infer(node.value)


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


_INFER: dict[type, Callable[[Inferrer, Any], Typed]] = {
    s.Reference: Inferrer._reference,
    s.Number: Inferrer._number,
    s.Boolean: Inferrer._boolean,
    s.Bad: Inferrer._bad,
    s.Group: Inferrer._group,
    s.Text: texts.infer_text,
    s.Member: fields.infer_member,
    s.CallExpression: calls.infer_call,
    s.NamedArgument: Inferrer._named_argument,
    s.ListExpression: Inferrer._list,
    s.Comprehension: Inferrer._comprehension,
    s.Unary: operators.infer_unary,
    s.Binary: operators.infer_binary,
    s.WithOptions: options.infer_with,
    s.AsType: calls.infer_as,
    s.Prompt: prompts.infer_prompt,
    s.Match: matches.infer_match,
    s.IfElse: Inferrer._if,
}
