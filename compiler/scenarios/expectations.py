"""`expect …` → a typed condition over what was measured."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from ...dsl import syntax as s
from ...dsl.foreign_words import foreign_word
from ...dsl.suggest import did_you_mean, either, every
from ...dsl.units import EXAMPLES, Duration, Money, Percent
from ..evaluation.unknown import UNKNOWN
from ..plan.scenarios import Constant, Expr, Measure, Operation, measures_in
from ..scope import VALUES
from .values import Values
from .words import CIRCUITS, MEASURES, Kind, Of, Takes

Resolve = Callable[[s.Expression, Takes], "str | None"]
"""The name of what an argument stands for; reported where there is none."""

Typed = tuple[Expr, Kind] | None

_COMPARES = ("==", "!=", "<", ">", "<=", ">=")
_NUMERIC = (Kind.NUMBER, Kind.SECONDS, Kind.DURATION, Kind.MONEY, Kind.PERCENT)
_UNITS = {Kind.DURATION: EXAMPLES[Duration], Kind.MONEY: EXAMPLES[Money], Kind.PERCENT: EXAMPLES[Percent]}


class ExpectationReader:
    """Reads conditions. of: what the last statement asked; None: nothing yet."""

    def __init__(self, values: Values, resolve: Resolve) -> None:
        self._values = values
        self._resolve = resolve
        self._of: Of | None = None
        self._reach: set[str] | None = None

    def read(self, node: s.Expression, of: Of | None, reach: set[str] | None) -> Expr | None:
        """The condition; None where it is wrong, which is reported.

        reach: the deployments that may answer what was asked; None: any.
        """
        self._of, self._reach = of, reach
        before = len(self._values.found.items)
        typed = self._typed(node)
        if typed is None:
            return None
        condition, kind = typed
        if kind is not Kind.BOOL:
            self._values.wrong(
                node, f"what is expected is true or false, not {_a(kind)}", help="compare it: `seconds <= 3`"
            )
            return None
        if not measures_in(condition) and len(self._values.found.items) == before:
            self._useless(node, "this looks at nothing that happens")
            return None
        return condition

    def _typed(self, node: s.Expression) -> Typed:
        match node:
            case s.Group():
                return self._typed(node.inner)
            case s.Number() | s.Boolean() | s.Text():
                return self._constant(node)
            case s.Reference(quoted=False) if node.name in MEASURES:
                return self._measure(node, node.name, ())
            case s.Reference():
                return self._name(node)
            case s.CallExpression(function=s.Reference(name=name)) if name in MEASURES:
                return self._measure(node, name, node.arguments)
            case s.CallExpression(function=s.Reference(name=name)):
                self._no_measure(node.function, name)
                return None
            case s.Unary(operator="!"):
                inner = self._bool(node.operand)
                return inner and (Operation(node.start, node.end, "!", inner[0]), Kind.BOOL)
            case s.Binary(operator="&&" | "||"):
                left, right = self._bool(node.left), self._bool(node.right)
                if left is None or right is None:
                    return None
                return Operation(node.start, node.end, node.operator, left[0], right[0]), Kind.BOOL
            case s.Binary() if node.operator in _COMPARES:
                return self._comparison(node)
            case s.Binary(operator="+" | "-" | "*" | "/"):
                return self._arithmetic(node)
            case s.Bad():
                return None
        self._values.wrong(
            node, "this is nothing that can be expected", help="compare measures: `seconds <= 3`"
        )
        return None

    def _constant(self, node: s.Expression) -> Typed:
        value = self._values.value(node)
        if value is UNKNOWN:
            return None
        kind = _kind(value)
        if kind is None:
            self._values.wrong(node, "this is nothing that can be expected")
            return None
        plain = value if isinstance(value, str | bool) else float(value)
        return Constant(node.start, node.end, plain), kind

    def _name(self, node: s.Reference) -> Typed:
        """A `let` or `param`: other names stand beside what they are compared to."""
        symbol = self._values.scope.find_reference(node)
        if symbol is not None and isinstance(symbol.node, VALUES):
            return self._constant(node)
        self._no_measure(node, node.name)
        return None

    def _no_measure(self, node: s.Expression, name: str) -> None:
        other = foreign_word("measures", name)
        meant = f"write `{other.to[0]}`" if other is not None else did_you_mean(name, MEASURES)
        told = meant or f"there are {every(f'`{each}`' for each in MEASURES)}"
        self._values.unknown(node, f"`{name}` is nothing that a test can look at", told)

    def _measure(self, node: s.Expression, name: str, arguments: tuple[s.Expression, ...]) -> Typed:
        measure = MEASURES[name]
        if self._of is None:
            self._useless(node, f"nothing was asked yet: there is no `{name}`")
            return None
        if measure.of not in (Of.BOTH, self._of):
            after = (
                "after an `ask`" if measure.of is Of.REQUEST else "after a `load`, or an `ask` with `count`"
            )
            self._values.wrong(node, f"`{name}` is known {after}", help=f"it is {measure.doc}")
            return None
        if measure.takes is Takes.NOTHING:
            if not arguments:
                return Measure(node.start, node.end, name), measure.kind
            self._values.wrong(node, f"`{name}` takes nothing in parentheses")
            return None
        if len(arguments) != 1:
            self._values.wrong(node, f"`{name}` needs {measure.takes}", help=f"it is {measure.doc}")
            return None
        argument = self._resolve(arguments[0], measure.takes)
        return None if argument is None else (Measure(node.start, node.end, name, argument), measure.kind)

    def _bool(self, node: s.Expression) -> Typed:
        typed = self._typed(node)
        if typed is not None and typed[1] is not Kind.BOOL:
            self._values.wrong(node, f"this is {_a(typed[1])}, and must be {Kind.BOOL}")
            return None
        return typed

    def _comparison(self, node: s.Binary) -> Typed:
        for one, other in ((node.left, node.right), (node.right, node.left)):
            kind = _measured(one)
            if kind in (Kind.NAME, Kind.CIRCUIT, Kind.TEXT) and isinstance(other, s.Reference | s.Member):
                return self._with_name(node, one, other, kind)
        left, right = self._typed(node.left), self._typed(node.right)
        if left is None or right is None:
            return None
        if not _fits(left[1], right[1]):
            self._misfit(node, left[1], right[1])
            return None
        if node.operator not in ("==", "!=") and left[1] not in _NUMERIC:
            self._values.wrong(
                node, f"{_a(left[1])} is neither more nor less", help="compare it with `==` or `!=`"
            )
            return None
        self._check_possible(node, left[0], right[0])
        return Operation(node.start, node.end, node.operator, left[0], right[0]), Kind.BOOL

    def _check_possible(self, node: s.Binary, left: Expr, right: Expr) -> None:
        """A measure has a least and a greatest value: beyond them nothing can be."""
        operator = node.operator
        if isinstance(left, Constant):
            left, right, operator = right, left, _TURNED.get(operator, operator)
        if not isinstance(left, Measure) or not isinstance(right, Constant) or isinstance(right.value, str):
            return
        least, most = range_of(left.name)
        value = right.value
        never = {
            "<": value <= least,
            "<=": value < least,
            ">": value >= most,
            ">=": value > most,
            "==": value < least or value > most,
        }
        if never.get(operator, False):
            self._values.found.error(
                "E0705",
                "this can never hold",
                self._values.scope.span(node),
                f"`{left.name}` is {_spoken_range(left.name)}",
                help="write what is expected to happen; `!ok` is a request that fails",
            )

    def _with_name(self, node: s.Binary, one: s.Expression, other: s.Expression, kind: Kind) -> Typed:
        """`answered_by == opus`, `circuit(gpt) == open`, `error == rate_limited`."""
        typed = self._typed(one)
        name: str | None = None
        if kind is Kind.NAME:
            name = self._resolve(other, Takes.DEPLOYMENT)
        elif isinstance(other, s.Reference):
            name = other.name
            if kind is Kind.CIRCUIT and name not in CIRCUITS:
                self._values.unknown(
                    other, f"no circuit is `{name}`", f"it is {either(f'`{c}`' for c in CIRCUITS)}"
                )
                return None
        if node.operator not in ("==", "!="):
            self._values.wrong(
                node, f"{_a(kind)} is neither more nor less", help="compare it with `==` or `!=`"
            )
            return None
        if typed is None or name is None:
            return None
        if kind is Kind.NAME and self._reach is not None and name not in self._reach:
            message = f"`{name}` never answers what was asked"
            span = self._values.scope.span(other)
            known = every(f"`{each}`" for each in sorted(self._reach))
            self._values.found.error("E0705", message, span, "cannot be", help=f"who may answer: {known}")
            return None
        word = Constant(other.start, other.end, name)
        return Operation(node.start, node.end, node.operator, typed[0], word), Kind.BOOL

    def _misfit(self, node: s.Binary, left: Kind, right: Kind) -> None:
        wanted = left if left in _UNITS else right
        unit = f"write the unit, as in `{_UNITS[wanted]}`" if wanted in _UNITS else None
        self._values.wrong(node, f"{_a(left)} and {_a(right)} cannot be compared", help=unit)

    def _arithmetic(self, node: s.Binary) -> Typed:
        left, right = self._typed(node.left), self._typed(node.right)
        if left is None or right is None:
            return None
        kinds = {left[1], right[1]}
        if not kinds <= set(_NUMERIC) or (node.operator in "+-" and len(kinds) > 1):
            self._values.wrong(node, f"`{node.operator}` does not go with {_a(left[1])} and {_a(right[1])}")
            return None
        kind = next((each for each in (left[1], right[1]) if each is not Kind.NUMBER), Kind.NUMBER)
        if node.operator == "/" and left[1] is right[1]:
            kind = Kind.NUMBER
        return Operation(node.start, node.end, node.operator, left[0], right[0]), kind

    def _useless(self, node: s.Node, message: str) -> None:
        span = self._values.scope.span(node)
        self._values.found.error(
            "E0705", message, span, help="ask something first, and expect something of it"
        )


def _a(kind: Kind) -> str:
    """The kind with its article, where it has one."""
    if kind is Kind.BOOL:
        return str(kind)
    return f"an {kind}" if kind.value[0] == "a" else f"a {kind}"


_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def range_of(measure: str) -> tuple[float, float]:
    """The least and the greatest that a measure with numbers can be."""
    if MEASURES[measure].kind is Kind.PERCENT:
        return 0.0, 1.0
    return (100.0, 599.0) if measure == "status" else (0.0, inf)


def _spoken_range(measure: str) -> str:
    if MEASURES[measure].kind is Kind.PERCENT:
        return "from 0% to 100%"
    return "from 100 to 599" if measure == "status" else "never less than 0"


def _measured(node: s.Expression) -> Kind | None:
    """The kind of a measure, None of all else."""
    match node:
        case s.Reference(quoted=False, name=name) | s.CallExpression(function=s.Reference(name=name)):
            return MEASURES[name].kind if name in MEASURES else None
    return None


def _fits(left: Kind, right: Kind) -> bool:
    pairs = {left, right}
    return len(pairs) == 1 or pairs in (
        {Kind.SECONDS, Kind.NUMBER},
        {Kind.SECONDS, Kind.DURATION},
        {Kind.TEXT, Kind.NAME},
    )


def _kind(value: object) -> Kind | None:
    match value:
        case bool():
            return Kind.BOOL
        case Duration():
            return Kind.DURATION
        case Money():
            return Kind.MONEY
        case Percent():
            return Kind.PERCENT
        case str():
            return Kind.TEXT
        case int() | float():
            return Kind.NUMBER
    return None
