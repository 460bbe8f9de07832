"""Expressions → values, in the scope of the file they stand in. Nothing of the user's is ever run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics
from ...dsl.late_text import LateText, joined
from ...dsl.secrets.texts import SECRET_ADVICE, gives_key, may_hold_key
from ...dsl.suggest import offer
from ...dsl.values import Call, Word, show
from ...dsl.wording import show_circle
from ..incremental.memory import Memory
from ..incremental.results import Kind
from ..scope import VALUES, Scope, Symbol
from .double_signs import report_double_sign
from .foreign_values import report_in_text, report_variable
from .functions import call, function_of
from .operations import binary, unary
from .types import check_param, read_setting
from .unknown import UNKNOWN
from .unknown_values import report_unknown_member

VALUE = Kind("value", deepest=100)
"""Values of `let` and `param`, and how many may need each other in a row."""

LONGEST_TEXT = 1_000_000
"""Characters of a text that is put together from others."""

LONGEST_LIST = 100_000
"""Values in a list, those of the lists in it included."""


class _Values(list[Any]):
    """A list that was evaluated. size: of all values in it, those of the lists in it included."""

    __slots__ = ("size",)

    def __init__(self, values: list[Any], size: int) -> None:
        super().__init__(values)
        self.size = size


class Evaluator:
    """Evaluates expressions; each `let` and `param` once."""

    def __init__(self, found: Diagnostics, settings: Mapping[str, Any], memory: Memory) -> None:
        self._found = found
        self._settings = settings
        self._memory = memory
        self._circular: set[int] = set()

    def evaluate(self, node: s.Expression, scope: Scope) -> Any:
        """The value of `node`, or UNKNOWN when it has none."""
        try:
            return self._evaluate(node, scope)
        except RecursionError:
            span = scope.module.span(node.start, min(node.end, node.start + 1))
            self._found.error("E0107", "this is nested too deeply", span, help="split it with `let`")
            return UNKNOWN

    def _evaluate(self, node: s.Expression, scope: Scope) -> Any:
        match node:
            case s.Number() | s.Boolean():
                return node.value
            case s.Text(parts=(str(text),)):
                return text
            case s.Text():
                return self._interpolate(node, scope)
            case s.Reference():
                return self._name(node, scope)
            case s.ListExpression():
                return self._list(node, scope)
            case s.Group():
                return self._evaluate(node.inner, scope)
            case s.CallExpression():
                return self._call(node, scope)
            case s.Binary():
                return self._binary(node, scope)
            case s.Unary():
                return self._unary(node, scope)
            case s.Member():
                return self._member(node, scope)
            case s.Bad():
                return UNKNOWN
            case _ if report_variable(node, scope, self._found):
                return UNKNOWN
            case _:
                self._found.error(
                    "E0309",
                    "this belongs in a pipeline",
                    scope.span(node),
                    "not a value of a field",
                    help="fields take literals, names, lists, arithmetic and calls such as `env(…)`",
                )
                return UNKNOWN

    def value_of(self, symbol: Symbol) -> Any:
        """The value of a `let` or a `param`, or UNKNOWN."""
        known = self._memory.known(VALUE, symbol)
        if known is not None:
            return known.value
        if symbol.is_damaged:
            return UNKNOWN
        if id(symbol.node) in self._circular:
            self._memory.never_again()
        elif circle := self._memory.circle(VALUE, symbol):
            self._cycle(circle)
        elif self._memory.depth(VALUE) >= VALUE.deepest:
            self._found.error(
                "E0107",
                f"`{symbol.name.text}` stands at the end of a chain of more than {VALUE.deepest} values",
                symbol.span,
                help="declare values in the order in which they need each other",
            )
        else:
            return self._memory.work_out(VALUE, symbol, self._unless_circular)
        return UNKNOWN

    # ---- names

    def _unless_circular(self, symbol: Symbol) -> Any:
        value = self._declared(symbol)
        return UNKNOWN if id(symbol.node) in self._circular else value

    def _declared(self, symbol: Symbol) -> Any:
        node, scope = symbol.node, symbol.scope
        if symbol.is_damaged:  # it is not: what is known of it depends on that
            return UNKNOWN
        if isinstance(node, s.LetDeclaration):
            value = self.evaluate(node.value, scope)
            return UNKNOWN if value is UNKNOWN else check_param(node, value, scope, self._found, node.value)
        assert isinstance(node, s.ParamDeclaration)
        if node.name.text in self._settings:
            value = read_setting(self._settings[node.name.text], node.type)
            return check_param(node, value, scope, self._found, None)
        if node.default is None and isinstance(node.type, s.TypeOptional):
            return None
        if node.default is None:
            self._found.error(
                "E0310",
                f"the parameter `{node.name.text}` has no value",
                symbol.span,
                "no default here",
                help=f"give it a default, or compile with `--set {node.name.text}=…`",
            )
            return UNKNOWN
        value = self.evaluate(node.default, scope)
        return UNKNOWN if value is UNKNOWN else check_param(node, value, scope, self._found, node.default)

    def _cycle(self, circle: list[Symbol]) -> None:
        self._circular.update(id(symbol.node) for symbol in circle)
        names = [symbol.name.text for symbol in circle]
        self._found.error(
            "E0208",
            f"`{names[0]}` is defined by itself",
            circle[0].span,
            "its value is needed to know its value",
            notes=[show_circle(names)],
        )

    def _name(self, node: s.Reference, scope: Scope) -> Any:
        symbol = scope.meaning(node.name)
        if symbol is not None and isinstance(symbol.node, VALUES):
            scope.find(node.name)
            return self.value_of(symbol)
        if symbol is None and scope.is_lost(node.name):
            return UNKNOWN
        return node.name if node.quoted else Word(node.name)

    def _member(self, node: s.Member, scope: Scope) -> Any:
        symbol = scope.find_reference(node)
        if symbol is None:
            report_unknown_member(node, scope, self._found)
            return UNKNOWN
        if isinstance(symbol.node, VALUES):
            return self.value_of(symbol)
        return Word(f"{getattr(node.base, 'name', '')}.{node.name.text}")

    def _interpolate(self, node: s.Text, scope: Scope) -> Any:
        texts: list[str] = []
        complete = True
        for part in node.parts:
            value = part if isinstance(part, str) else self._inside_text(part, node, scope)
            if value is None:
                value = UNKNOWN
                message = f"`{getattr(part, 'name', '')}` has no value to put into a text"
                advice = "give it one with `--set`, or a default"
                self._found.error("E0310", message, scope.span(node), "nothing here", help=advice)
            complete = complete and value is not UNKNOWN
            if isinstance(value, Call) and (variable := value.variable) is not None:
                value = LateText((variable,))
            texts.append(value if isinstance(value, str) else show(value) if value is not UNKNOWN else "")
        if sum(map(len, texts)) > LONGEST_TEXT:
            message = f"this text has more than {LONGEST_TEXT:,} characters"
            self._found.error("E0304", message, scope.span(node), "too long")
            return UNKNOWN
        return self._without_key(joined(*texts), node, scope) if complete else UNKNOWN

    def _without_key(self, text: str, node: s.Expression, scope: Scope) -> Any:
        """A text that was put together, or UNKNOWN, and said, where that made a key of it."""
        if not _gives_key(text):
            return text
        message = "put together, this looks like a key, and a file never holds one"
        self._found.error("E0306", message, scope.span(node), "a secret in plain text", help=SECRET_ADVICE)
        return UNKNOWN

    def _list(self, node: s.ListExpression, scope: Scope) -> Any:
        items = [self._evaluate(item, scope) for item in node.items]
        if UNKNOWN in items:
            return UNKNOWN
        size = sum(item.size if isinstance(item, _Values) else 1 for item in items)
        if size > LONGEST_LIST:
            message = f"this list has more than {LONGEST_LIST:,} values"
            self._found.error("E0304", message, scope.span(node), "too long")
            return UNKNOWN
        return _Values(items, size)

    def _inside_text(self, part: s.Reference, text: s.Text, scope: Scope) -> Any:
        alias, _, name = part.name.rpartition(".")
        symbol = scope.find_in(alias, name) if alias else scope.find(name)
        if symbol is not None and isinstance(symbol.node, VALUES):
            return self.value_of(symbol)
        if scope.is_lost(alias or name, bool(alias)) or (
            symbol is None and report_in_text(part, text, scope, self._found)
        ):
            return UNKNOWN
        meant = self._found.near(part.name, scope.names(*VALUES))
        what = (
            f"the {symbol.kind} `{part.name}` has no value" if symbol else f"there is no value `{part.name}`"
        )
        hint = offer(meant) or "only a `let` or a `param` can stand in a text"
        self._found.error(
            "E0201", what, scope.span(part), help=[hint, "write `\\${` for the characters themselves"]
        )
        return UNKNOWN

    # ---- operations

    def _call(self, node: s.CallExpression, scope: Scope) -> Any:
        name = function_of(node, scope, self._found)
        if name is None:
            return UNKNOWN
        values = [self._evaluate(argument, scope) for argument in node.arguments]
        return call(name, node, values, scope, self._found)

    def _binary(self, node: s.Binary, scope: Scope) -> Any:
        if isinstance(node.left, s.Member) and report_variable(node, scope, self._found):
            return UNKNOWN
        report_double_sign(node, scope, self._found)
        left, right = self._evaluate(node.left, scope), self._evaluate(node.right, scope)
        if left is UNKNOWN or right is UNKNOWN:
            return UNKNOWN
        return binary(node, left, right, scope, self._found)

    def _unary(self, node: s.Unary, scope: Scope) -> Any:
        report_double_sign(node, scope, self._found)
        value = self._evaluate(node.operand, scope)
        return UNKNOWN if value is UNKNOWN else unary(node, value, scope, self._found)


def _gives_key(text: str) -> bool:
    parts = text.parts if isinstance(text, LateText) else (text,)
    return any(isinstance(part, str) and may_hold_key(part) and gives_key(part) for part in parts)
