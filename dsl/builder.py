"""From reductions of the grammar to syntax nodes: one method per alternative in `infer.lark`.

Each method gets the matched children, tokens included, and returns the node or a growing list.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from . import syntax as s
from .literals import raw_text, read_text
from .operators import bind, without_options
from .phrases import as_phrase, goes_on
from .reports import SyntaxReports
from .tokens import Token
from .units import UnitError, parse_number

LONGEST_CHAIN = 200
"""How many operators, or calls and members, may follow each other: the tree is that deep."""

LONGEST_UNION = 500
"""How many types may stand between the `|` of one type."""

LONGEST_NUMBER = 40
"""How many characters a number may have."""

Children = list[Any]


def identifier(token: Token) -> s.Identifier:
    return s.Identifier(token.start, token.end, token.text)


class Builder:
    """The callbacks of the grammar. What a literal has wrong goes to `reports`.

    What is said of numbers is imported at the first one that is wrong: most files have none.
    """

    def __init__(self, reports: SyntaxReports) -> None:
        self._reports = reports
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

    def items_empty(self, _: Children) -> Children:
        return []

    def items_add(self, c: Children) -> Children:
        items, item = c
        if items and self._reports.is_glued(items[-1], item):
            if not self._reports.is_missing_value(items[-1], item):
                self._reports.not_separated(items[-1], item)
            else:
                items[-1], item = _without_swallowed_name(items[-1], item)
        items.append(item)
        return items  # type: ignore[no-any-return]

    def items_comma(self, c: Children) -> Children:
        items, comma = c
        self._reports.comma(items, comma)
        return items  # type: ignore[no-any-return]

    # ---- declarations

    def import_as(self, c: Children) -> s.ImportAs:
        return s.ImportAs(c[0].start, c[3].end, self._path(c[1]), identifier(c[3]))

    def import_names(self, c: Children) -> s.ImportNames:
        return s.ImportNames(c[0].start, c[5].end, tuple(c[2]), self._path(c[5]))

    def param(self, c: Children) -> s.ParamDeclaration:
        return s.ParamDeclaration(c[0].start, c[3].end, identifier(c[1]), c[3], None)

    def param_default(self, c: Children) -> s.ParamDeclaration:
        return s.ParamDeclaration(c[0].start, c[5].end, identifier(c[1]), c[3], c[5])

    def param_untyped(self, c: Children) -> s.ParamDeclaration:
        return s.ParamDeclaration(c[0].start, c[3].end, identifier(c[1]), None, c[3])

    def let(self, c: Children) -> s.LetDeclaration:
        return s.LetDeclaration(c[0].start, c[3].end, identifier(c[1]), None, c[3])

    def let_typed(self, c: Children) -> s.LetDeclaration:
        return s.LetDeclaration(c[0].start, c[5].end, identifier(c[1]), c[3], c[5])

    def template(self, c: Children) -> s.TemplateDeclaration:
        return s.TemplateDeclaration(c[0].start, c[2].end, c[1], (), c[2])

    def template_from(self, c: Children) -> s.TemplateDeclaration:
        return s.TemplateDeclaration(c[0].start, c[4].end, c[1], tuple(c[3]), c[4])

    def deployment(self, c: Children) -> s.DeploymentDeclaration:
        return s.DeploymentDeclaration(c[0].start, c[2].end, c[1], (), c[2])

    def deployment_from(self, c: Children) -> s.DeploymentDeclaration:
        return s.DeploymentDeclaration(c[0].start, c[4].end, c[1], tuple(c[3]), c[4])

    def route(self, c: Children) -> s.RouteDeclaration:
        target = _route(c[3])
        options = None
        if isinstance(target, s.RouteList | s.RouteSplit) and target.value is not None:
            value, options = without_options(target.value)
            target = evolve(target, value=value, end=value.end) if options is not None else target
        return s.RouteDeclaration(c[0].start, (options or target).end, c[1], target, options)

    def route_with(self, c: Children) -> s.RouteDeclaration:
        return s.RouteDeclaration(c[0].start, c[5].end, c[1], _route(c[3]), c[5])

    def pipeline(self, c: Children) -> s.PipelineDeclaration:
        steps: list[s.Step] = []
        options: list[s.Field | s.Block] = []
        for step in c[8]:
            if isinstance(step, s.Block):
                options.append(step)
            elif step.name is not None and step.name.text in s.PIPELINE_OPTIONS:
                options.append(s.Field(step.start, step.end, step.name, step.value))
            else:
                steps.append(step)
        return s.PipelineDeclaration(
            c[0].start, c[9].end, c[1], tuple(c[3]), c[6], tuple(steps), tuple(options)
        )

    def type_alias(self, c: Children) -> s.TypeDeclaration:
        return s.TypeDeclaration(c[0].start, c[3].end, identifier(c[1]), c[3])

    def extern(self, c: Children) -> s.ExternDeclaration:
        return s.ExternDeclaration(c[0].start, c[8].end, identifier(c[1]), tuple(c[3]), c[6], c[8])

    def cluster(self, c: Children) -> s.ClusterDeclaration:
        return s.ClusterDeclaration(c[0].start, c[1].end, c[1])

    def gateway(self, c: Children) -> s.GatewayDeclaration:
        return s.GatewayDeclaration(c[0].start, c[1].end, c[1])

    def name_bare(self, c: Children) -> s.Identifier:
        return identifier(c[0])

    def name_quoted(self, c: Children) -> s.Identifier:
        [token] = c
        return s.Identifier(token.start, token.end, self._plain(token))

    def quoted_ref(self, c: Children) -> s.Reference:
        [token] = c
        return s.Reference(token.start, token.end, self._plain(token), True)

    # ---- bodies

    def body(self, c: Children) -> s.Body:
        opening, items, closing = c
        start, end = opening.start, closing.end
        damaged = self._reports.is_damaged(start, end)
        return s.Body(start, end, tuple(items), damaged, closing.start == closing.end)

    def field(self, c: Children) -> s.Field:
        return s.Field(c[0].start, c[2].end, c[0], c[2])

    def block(self, c: Children) -> s.Block:
        return s.Block(c[0].start, c[1].end, identifier(c[0]), None, None, c[1])

    def block_labelled(self, c: Children) -> s.Block:
        return s.Block(c[0].start, c[2].end, identifier(c[0]), c[1], None, c[2])

    def block_called(self, c: Children) -> s.Block:
        return s.Block(c[0].start, c[5].end, identifier(c[0]), identifier(c[1]), tuple(c[3]), c[5])

    # ---- routes

    def route_list(self, c: Children) -> s.RouteList:
        return s.RouteList(c[0].start, c[3].end, identifier(c[0]), tuple(map(_route, c[2])))

    def route_list_with(self, c: Children) -> s.RouteList:
        members = tuple(map(_route, c[2]))
        return s.RouteList(c[0].start, c[5].end, identifier(c[0]), members, identifier(c[4]), c[5])

    def route_split(self, c: Children) -> s.RouteSplit:
        return s.RouteSplit(c[0].start, c[3].end, identifier(c[0]), tuple(c[2]))

    def route_split_with(self, c: Children) -> s.RouteSplit:
        return s.RouteSplit(c[0].start, c[5].end, identifier(c[0]), tuple(c[2]), identifier(c[4]), c[5])

    def share(self, c: Children) -> s.Share:
        return s.Share(c[0].start, c[2].end, c[0], c[2])

    # ---- pipelines

    def parameter(self, c: Children) -> s.Parameter:
        return s.Parameter(c[0].start, c[2].end, identifier(c[0]), c[2])

    def parameter_with(self, c: Children) -> s.Parameter:
        return s.Parameter(c[0].start, c[4].end, identifier(c[0]), c[2], c[4])

    def record_field(self, c: Children) -> s.Parameter:
        return s.Parameter(c[0].start, c[2].end, c[0], c[2])

    def step(self, c: Children) -> s.Step:
        return s.Step(c[0].start, c[2].end, identifier(c[0]), c[2])

    def return_step(self, c: Children) -> s.Step:
        return s.Step(c[0].start, c[1].end, None, c[1])

    # ---- tests

    def test(self, c: Children) -> s.TestDeclaration:
        return s.TestDeclaration(c[0].start, c[4].end, self.name_quoted([c[1]]), tuple(c[3]))

    def statement(self, c: Children) -> s.Statement:
        return s.Statement(c[0].start, c[1].end, identifier(c[0]), c[1])

    def ask(self, c: Children) -> s.Ask:
        return s.Ask(c[0].start, c[2].end, identifier(c[0]), c[1], self._path(c[2]))

    def ask_with(self, c: Children) -> s.Ask:
        return s.Ask(c[0].start, c[4].end, identifier(c[0]), c[1], self._path(c[2]), c[4])

    def scene(self, c: Children) -> s.Scene:
        return s.Scene(c[0].start, c[3].end, identifier(c[0]), tuple(c[2]))

    def phrases_add(self, c: Children) -> Children:
        """The next piece of a phrase, or of the one before it."""
        phrases, piece = c
        if phrases and not self._reports.has_comma(phrases[-1]) and goes_on(phrases[-1], piece):
            last = phrases[-1]
            phrases[-1] = evolve(last, words=(*last.words, piece), end=piece.end)
            return phrases  # type: ignore[no-any-return]
        return self.items_add([phrases, as_phrase(piece)])

    def phrase_block(self, c: Children) -> s.Phrase:
        return s.Phrase(c[0].start, c[3].end, c[0], phrases=tuple(c[2]))

    def phrase_value(self, c: Children) -> s.Phrase:
        subject = self.word(c) if isinstance(c[0], Token) else c[0]
        return s.Phrase(c[0].start, c[2].end, subject, c[2])

    def phrase_with(self, c: Children) -> s.Phrase:
        return s.Phrase(c[0].start, c[2].end, c[0], words=(self.word([c[1]]), self.word([c[2]])))

    def sign(self, c: Children) -> s.Reference:
        return self.word(c)

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
        if token.start in self._reports.keys:
            return s.Bad(token.start, token.end)
        return read_text(token.text, token.start, token.end, self._reports.bad_text)

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
        return read_text(token.text, token.start, token.end, self._reports.bad_text)

    def _longer(self, base: s.Node, made: s.Node, most: int = LONGEST_CHAIN) -> s.Node:
        """`made`, which adds to `base`; or `base` itself, when the chain is as long as it may be."""
        self._chain_length = self._chain_length + 1 if base is self._chain else 1
        if self._chain_length == most:
            self._reports.too_deep(self._reports.span(base.start, base.start + 1))
        self._chain = made if self._chain_length < most else base
        return self._chain

    def _plain(self, token: Token) -> str:
        """The text of a literal in which nothing is interpolated: a name, or a text as a type."""
        text = read_text(token.text, token.start, token.end, self._reports.bad_text)
        for part in text.parts:
            if not isinstance(part, str):
                self._reports.bad_text("value", part.start - 2, part.end + 1)
        return "".join(part for part in text.parts if isinstance(part, str))


def _route(node: Any) -> s.Route:
    return (
        node
        if isinstance(node, s.RouteList | s.RouteSplit | s.RouteMember)
        else s.RouteMember(node.start, node.end, node)
    )


def _without_swallowed_name(field: s.Field, block: s.Block) -> tuple[s.Field, s.Block]:
    """`model =`, newline, `runtime openai {`: the field gets no value, the block its name back."""
    word = field.value
    name = s.Identifier(word.start, word.end, word.name) if isinstance(word, s.Reference) else block.name
    return (
        s.Field(field.start, field.name.end, field.name, s.Bad(field.name.end, field.name.end)),
        s.Block(name.start, block.end, name, block.name, block.arguments, block.body),
    )
