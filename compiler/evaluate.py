"""Expressions → values, in the scope of the file they stand in. Nothing of the user's is ever run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..dsl import syntax as s
from ..dsl.diagnostics import Diagnostics, Edit, Fix, Label, write_instead
from ..dsl.late_text import LateText, joined
from ..dsl.secrets import SECRET_ADVICE, gives_key, may_hold_key
from ..dsl.source import Span
from ..dsl.suggest import did_you_mean, near, offer
from ..dsl.tokens import tokenize
from ..dsl.values import Call, Word, describe, show
from ..dsl.wording import shorten, show_circle
from .arithmetic import ArithmeticMistake, calculate
from .double_signs import report_double_sign
from .foreign_values import foreign_call, report_in_text, report_named_space, report_variable
from .memory import Memory
from .results import Kind
from .scope import VALUES, Scope, Symbol
from .types import check_param, read_setting
from .unknown import UNKNOWN

FUNCTIONS: dict[str, tuple[int, str]] = {
    "env": (2, 'env("NAME")'),
    "file": (1, 'file("path")'),
    "exec": (1, 'exec("command")'),
    "vault": (1, 'vault("mount/path#field")'),
    "aws_secret": (1, 'aws_secret("name")'),
    "gcp_secret": (1, 'gcp_secret("projects/…/secrets/…")'),
    "hash": (1, 'hash("sha256:…")'),
    "fallback": (1, "fallback(name)"),
    "bearer": (1, 'bearer(env("NAME"))'),
    "python": (1, 'python("package.module:name")'),
    "custom": (1, 'custom("name")'),
}
"""The calls that have a meaning outside of pipelines: most arguments, and how they are written."""


_VARIABLE = re.compile(r"[^=\0\s]{1,255}")
"""What a variable of the environment may be called."""

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
        if symbol.is_damaged:
            return UNKNOWN
        known = self._memory.known(VALUE, symbol)
        if known is not None:
            return known.value
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
            self._unknown_member(node, scope)
            return UNKNOWN
        if isinstance(symbol.node, VALUES):
            return self.value_of(symbol)
        return Word(f"{getattr(node.base, 'name', '')}.{node.name.text}")

    def _unknown_member(self, node: s.Member, scope: Scope) -> None:
        if isinstance(node.base, s.Bad):
            return
        if isinstance(node.base, s.Reference) and node.base.name in scope.aliases:
            target = scope.aliases[node.base.name]
            if scope.is_lost(node.base.name, is_alias=True):
                return
            message = f"`{target.module.source.name}` declares no `{node.name.text}`"
            hint = did_you_mean(node.name.text, target.own)
            self._found.error("E0201", message, scope.span(node.name), "not declared there", help=hint)
            return
        base = node.base.name if isinstance(node.base, s.Reference) else "this"
        if scope.is_lost(base) or report_variable(node, scope, self._found):
            return
        if report_named_space(base, node.name.text, node, scope, self._found):
            return
        hint = did_you_mean(base, scope.aliases) or f'`import "file.infer" as {base}` would make it one'
        self._found.error("E0201", f"`{base}` is no imported file", scope.span(node.base), help=hint)

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
        if isinstance(node.function, s.Bad):
            return UNKNOWN
        name = node.function.name if isinstance(node.function, s.Reference) else None
        if name not in FUNCTIONS:
            if report_variable(node, scope, self._found):
                return UNKNOWN
            told, meant = foreign_call(name or scope.span(node.function).text), near(name or "", FUNCTIONS)
            hint = told or offer(meant) or f"there are {', '.join(f'`{f}`' for f in FUNCTIONS)}"
            written, span = shorten(scope.span(node.function).text), scope.span(node.function)
            fixes = [] if told else write_instead(span, meant)
            self._found.error(
                "E0201", f"there is no function `{written}`", span, help=None if fixes else hint, fixes=fixes
            )
            return UNKNOWN
        count, form = FUNCTIONS[name]
        named = any(isinstance(argument, s.NamedArgument) for argument in node.arguments)
        if not 1 <= len(node.arguments) <= count or named:
            takes = "one argument" if count == 1 else "a name, and perhaps a default"
            self._found.error("E0311", f"`{name}` takes {takes}", scope.span(node), help=f"write `{form}`")
            return UNKNOWN
        values = [self._evaluate(argument, scope) for argument in node.arguments]
        if name == "fallback" and isinstance(node.arguments[0], s.Member) and values[0] is not UNKNOWN:
            values = [Word(node.arguments[0].name.text)]  # plans know deployments without the alias
        if name == "env" and isinstance(values[0], str) and not _VARIABLE.fullmatch(values[0]):
            span = scope.span(node.arguments[0])
            self._found.error(
                "E0311", "this names no variable of the environment", span, help=f"write `{form}`"
            )
            return UNKNOWN
        if name == "env" and len(values) > 1 and values[1] is not UNKNOWN:
            values[1] = self._default(node.arguments[1], values[1], scope)
        return UNKNOWN if UNKNOWN in values else Call(name, tuple(values))

    def _default(self, node: s.Expression, value: Any, scope: Scope) -> Any:
        """The second argument of `env`, which is a text as variables are."""
        if isinstance(value, str) and not isinstance(value, Word | LateText):
            return value
        if not self._report_stray_word(node, value, scope):
            span = scope.span(node)
            fixes = []
            if not isinstance(value, Call | list | LateText):
                fixes = [Fix("write it as a text", (Edit(span, f'"{span.text}"'),), safe=False)]
            message = "the default of a variable is a text"
            self._found.error("E0301", message, span, f"found {describe(value)}", fixes=fixes)
        return UNKNOWN

    def _binary(self, node: s.Binary, scope: Scope) -> Any:
        if isinstance(node.left, s.Member) and report_variable(node, scope, self._found):
            return UNKNOWN
        report_double_sign(node, scope, self._found)
        left, right = self._evaluate(node.left, scope), self._evaluate(node.right, scope)
        if left is UNKNOWN or right is UNKNOWN:
            return UNKNOWN
        if node.operator not in ("+", "-", "*", "/", ".."):
            self._found.error(
                "E0309",
                f"`{node.operator}` belongs in a pipeline or a route",
                scope.span(node),
                help="fields calculate with `+`, `-`, `*` and `/`",
            )
            return UNKNOWN
        try:
            return calculate(node.operator, left, right)
        except ArithmeticMistake as mistake:
            sides = [(node.left, left), (node.right, right)]
            for side, value in sides:
                if self._report_stray_word(side, value, scope):
                    return UNKNOWN
            labels = [Label(scope.span(side), describe(value)) for side, value in sides]
            self._found.error(
                "E0307",
                str(mistake),
                operator_span(node, scope),
                secondary=labels,
                help=mistake.help,
                fixes=as_one_list(node, scope),
            )
            return UNKNOWN
        except (ArithmeticError, ValueError):
            self._found.error("E0307", "this number is too large", scope.span(node))
            return UNKNOWN

    def _unary(self, node: s.Unary, scope: Scope) -> Any:
        report_double_sign(node, scope, self._found)
        value = self._evaluate(node.operand, scope)
        if value is UNKNOWN or self._report_stray_word(node.operand, value, scope):
            return UNKNOWN
        if node.operator == "-" and isinstance(value, int | float) and not isinstance(value, bool):
            return type(value)(-value)
        self._found.error("E0307", f"`{node.operator}` does not apply to {describe(value)}", scope.span(node))
        return UNKNOWN

    def _report_stray_word(self, node: s.Expression, value: Any, scope: Scope) -> bool:
        """A bare word where only a value makes sense is an unknown name."""
        if not isinstance(value, Word):
            return False
        report_unknown_value(node, str(value), scope, self._found)
        return True


def operator_span(node: s.Binary, scope: Scope) -> Span:
    """Where an operator stands: between its sides there is nothing else but comments."""
    start, end = node.left.end, node.right.start
    token = next(tokenize(scope.module.source.text[start:end]))
    return scope.module.span(start + token.start, start + token.end)


def as_one_list(node: s.Expression, scope: Scope) -> list[Fix]:
    """The fix of `[a] + [b]`, where both are written there."""
    match node:
        case s.Binary(
            operator="+",
            left=s.ListExpression(items=(_, *_)) as left,
            right=s.ListExpression(items=(_, *_)) as right,
        ):
            inner = [
                scope.module.span(each.items[0].start, each.items[-1].end).text for each in (left, right)
            ]
            joined = f"[{', '.join(inner)}]"
            return [Fix(f"write `{shorten(joined)}`", (Edit(scope.span(node), joined),))]
    return []


def report_unknown_value(node: s.Expression, name: str, scope: Scope, found: Diagnostics) -> None:
    """There is no `let` or `param` called `name`."""
    meant = found.near(name, scope.names(*VALUES))
    span = scope.span(node)
    fixes = [Fix(f"write `{meant[0]}`", (Edit(span, meant[0]),), safe=False)] if len(meant) == 1 else []
    hint = None if fixes else offer(meant) or f"declare it with `let {name} = …`"
    found.error("E0201", f"there is no value called `{name}`", span, "not declared", help=hint, fixes=fixes)


def _gives_key(text: str) -> bool:
    parts = text.parts if isinstance(text, LateText) else (text,)
    return any(isinstance(part, str) and may_hold_key(part) and gives_key(part) for part in parts)
