"""From reductions of the grammar to syntax nodes: expressions, with their operators, types and names."""

from __future__ import annotations

from functools import partial
from typing import Any

from attrs import evolve

from .. import syntax as s
from ..units import UnitError, parse_number
from .bad_texts import bad_text
from .literals import raw_text, read_text
from .reports import SyntaxReports
from .tokens import Token

LONGEST_CHAIN = 200
"""How many operators, or calls and members, may follow each other: the tree is that deep."""

LONGEST_UNION = 500
"""How many types may stand between the `|` of one type."""

LONGEST_NUMBER = 40
"""How many characters a number may have."""

Children = list[Any]

_BINDING = {
    "else": 0,
    "..": 0,
    "||": 1,
    "&&": 2,
    "==": 3,
    "!=": 3,
    "<": 4,
    ">": 4,
    "<=": 4,
    ">=": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
}
"""How tightly each operator binds."""


def identifier(token: Token) -> s.Identifier:
    return s.Identifier(token.start, token.end, token.text)


class ExpressionBuilder:
    """The callbacks of the grammar. What a literal has wrong goes to `reports`.

    What is said of numbers is imported at the first one that is wrong: most files have none.
    """

    def __init__(self, reports: SyntaxReports) -> None:
        self._reports = reports
        self._bad_text = partial(bad_text, reports)
        self._chain: s.Node | None = None
        self._chain_length = 0

    # ---- lists

    def start(self, c: Children) -> Children:
        return c[0]  # type: ignore[no-any-return]

    def first(self, c: Children) -> Any:
        return c[0]

    def list_empty(self, _: Children) -> Children:
        return []

    def list_one(self, c: Children) -> Children:
        return [c[0]]

    def list_add(self, c: Children) -> Children:
        c[0].append(c[1])
        return c[0]  # type: ignore[no-any-return]

    def list_comma_add(self, c: Children) -> Children:
        c[0].append(c[2])
        return c[0]  # type: ignore[no-any-return]

    # ---- names

    def name_bare(self, c: Children) -> s.Identifier:
        return identifier(c[0])

    def name_quoted(self, c: Children) -> s.Identifier:
        [token] = c
        return s.Identifier(token.start, token.end, self._plain(token))

    def quoted_ref(self, c: Children) -> s.Reference:
        [token] = c
        return s.Reference(token.start, token.end, self._plain(token), True)

    # ---- types

    def type_union(self, c: Children) -> s.Node:
        left = c[0].options if isinstance(c[0], s.TypeUnion) else (c[0],)
        return self._longer(c[0], s.TypeUnion(c[0].start, c[2].end, (*left, c[2])), LONGEST_UNION)

    def type_name(self, c: Children) -> s.TypeName:
        return s.TypeName(c[0].start, c[0].end, c[0].text)

    def type_imported(self, c: Children) -> s.TypeName:
        return s.TypeName(c[0].start, c[2].end, c[2].text, c[0].text)

    def type_generic(self, c: Children) -> s.TypeGeneric:
        return s.TypeGeneric(c[0].start, c[3].end, c[0].text, tuple(c[2]))

    def type_literal(self, c: Children) -> s.TypeLiteral:
        return s.TypeLiteral(c[0].start, c[0].end, self._plain(c[0]))

    def type_record(self, c: Children) -> s.TypeRecord:
        return s.TypeRecord(c[0].start, c[2].end, tuple(c[1]))

    def type_optional(self, c: Children) -> s.Node:
        return self._longer(c[0], s.TypeOptional(c[0].start, c[1].end, c[0]))

    def type_dimensions(self, c: Children) -> s.TypeDimensions:
        dimensions = tuple(self._dimension(t) if t.type == "NUMBER" else t.text for t in c[1])
        return s.TypeDimensions(c[0].start, c[2].end, dimensions)

    def _dimension(self, token: Token) -> int | None:
        number = self.number([token])
        if isinstance(number, s.Number):
            if type(number.value) is int:
                return number.value
            from .bad_numbers import no_dimension

            no_dimension(self._reports, token)
        return None

    # ---- expressions

    def binary(self, c: Children) -> s.Expression:
        left, token, right = c
        if isinstance(left, s.Bad):
            return s.Bad(left.start, right.end)
        bound = bind(left, token.text, right)
        if bound.length <= LONGEST_CHAIN:
            return bound
        self._reports.too_long(token, LONGEST_CHAIN)
        return s.Bad(bound.start, bound.end)

    def unary(self, c: Children) -> s.Expression:
        sign, operand = c
        if sign.text == "-" and isinstance(operand, s.Number) and not operand.value < 0:
            return s.Number(sign.start, operand.end, type(operand.value)(-operand.value))
        return s.Unary(sign.start, operand.end, sign.text, operand)

    def number(self, c: Children) -> s.Expression:
        [token] = c
        if len(token.text) > LONGEST_NUMBER:
            from .bad_numbers import no_number

            no_number(self._reports, token.start)
            return s.Bad(token.start, token.end)
        try:
            return s.Number(token.start, token.end, parse_number(token.text))
        except (UnitError, ValueError, ArithmeticError) as error:
            from .bad_numbers import bad_number

            bad_number(self._reports, token, error)
            return s.Bad(token.start, token.end)

    def text(self, c: Children) -> s.Expression:
        [token] = c
        if token.start in self._reports.keys.found:
            return s.Bad(token.start, token.end)
        return read_text(token.text, token.start, token.end, self._bad_text)

    def true(self, c: Children) -> s.Boolean:
        return s.Boolean(c[0].start, c[0].end, True)

    def false(self, c: Children) -> s.Expression:
        if not c[0].text:  # a repair put it there, because a value is missing
            return s.Bad(c[0].start, c[0].end)
        return s.Boolean(c[0].start, c[0].end, False)

    def word(self, c: Children) -> s.Reference:
        return s.Reference(c[0].start, c[0].end, c[0].text)

    def member(self, c: Children) -> s.Node:
        return self._longer(c[0], s.Member(c[0].start, c[2].end, c[0], c[2]))

    def index(self, c: Children) -> s.Node:
        return self._longer(c[0], s.Index(c[0].start, c[3].end, c[0], tuple(c[2])))

    def slice_all(self, c: Children) -> s.Slice:
        return s.Slice(c[0].start, c[0].end, None, None)

    def slice_from(self, c: Children) -> s.Slice:
        return s.Slice(c[0].start, c[1].end, c[0], None)

    def slice_to(self, c: Children) -> s.Slice:
        return s.Slice(c[0].start, c[1].end, None, c[1])

    def slice(self, c: Children) -> s.Slice:
        return s.Slice(c[0].start, c[2].end, c[0], c[2])

    def call(self, c: Children) -> s.Node:
        return self._longer(c[0], s.CallExpression(c[0].start, c[3].end, c[0], tuple(c[2])))

    def named_argument(self, c: Children) -> s.NamedArgument:
        return s.NamedArgument(c[0].start, c[2].end, c[0], c[2])

    def with_options(self, c: Children) -> s.Node:
        return self._longer(c[0], s.WithOptions(c[0].start, c[2].end, c[0], c[2]))

    def as_type(self, c: Children) -> s.Node:
        return self._longer(c[0], s.AsType(c[0].start, c[2].end, c[0], identifier(c[2])))

    def list(self, c: Children) -> s.ListExpression:
        return s.ListExpression(c[0].start, c[2].end, tuple(c[1]))

    def comprehension(self, c: Children) -> s.Comprehension:
        return s.Comprehension(c[0].start, c[6].end, c[1], identifier(c[3]), c[5])

    def group(self, c: Children) -> s.Group:
        return s.Group(c[0].start, c[2].end, c[1])

    def prompt(self, c: Children) -> s.Prompt:
        return s.Prompt(c[0].start, c[1].end, raw_text(c[1].text))

    def match(self, c: Children) -> s.Match:
        return s.Match(c[0].start, c[4].end, c[1], tuple(c[3]))

    def arm(self, c: Children) -> s.Arm:
        return s.Arm(c[0][0].start, c[2].end, tuple(c[0]), c[2])

    def if_else(self, c: Children) -> s.IfElse:
        return s.IfElse(c[0].start, c[8].end, c[1], c[3], c[7])

    def _path(self, token: Token) -> s.Text:
        return read_text(token.text, token.start, token.end, self._bad_text)

    def _longer(self, base: s.Node, made: s.Node, most: int = LONGEST_CHAIN) -> s.Node:
        """`made`, which adds to `base`; or `base` itself, when the chain is as long as it may be."""
        self._chain_length = self._chain_length + 1 if base is self._chain else 1
        if self._chain_length == most:
            self._reports.too_deep(self._reports.span(base.start, base.start + 1))
        self._chain = made if self._chain_length < most else base
        return self._chain

    def _plain(self, token: Token) -> str:
        """The text of a literal in which nothing is interpolated: a name, or a text as a type."""
        text = read_text(token.text, token.start, token.end, self._bad_text)
        for part in text.parts:
            if not isinstance(part, str):
                self._bad_text("value", part.start - 2, part.end + 1)
        return "".join(part for part in text.parts if isinstance(part, str))


def bind(left: s.Expression, operator: str, right: s.Expression) -> s.Binary:
    """`left operator right`, where `left` may hold operators that bind less."""
    if isinstance(left, s.Binary) and _BINDING[left.operator] < _BINDING[operator]:
        inner = bind(left.right, operator, right)
        return s.Binary(left.start, right.end, left.operator, left.left, inner, left.length + 1)
    length = left.length + 1 if isinstance(left, s.Binary) else 1
    return s.Binary(left.start, right.end, operator, left, right, length)


def without_options(value: s.Expression) -> tuple[s.Expression, s.Body | None]:
    """`value`, and the `with { … }` at its end, which belongs to the route."""
    match value:
        case s.WithOptions():
            return value.inner, value.options
        case s.Binary():
            right, options = without_options(value.right)
            return (value, None) if options is None else (evolve(value, right=right, end=right.end), options)
        case s.Unary():
            operand, options = without_options(value.operand)
            if options is not None:
                return evolve(value, operand=operand, end=operand.end), options
    return value, None
