"""From reductions of the grammar to syntax nodes: one method per alternative in `infer.lark`.

Each method gets the matched children, tokens included, and returns the node or a growing list.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from .. import syntax as s
from .expression_builder import Children, ExpressionBuilder, identifier, without_options
from .tokens import KEYWORDS, Token

CONTINUES = frozenset(("per", "at", "of", "times", "tokens", "after", "retry_after"))
"""Words that go on with a phrase; any other one starts the next, where the last one has a verb."""


class Builder(ExpressionBuilder):
    """All callbacks of the grammar: here those of declarations and of what stands in them."""

    # ---- items

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
        if phrases and not self._reports.has_comma(phrases[-1]) and _goes_on(phrases[-1], piece):
            last = phrases[-1]
            phrases[-1] = evolve(last, words=(*last.words, piece), end=piece.end)
            return phrases  # type: ignore[no-any-return]
        return self.items_add([phrases, _as_phrase(piece)])

    def phrase_block(self, c: Children) -> s.Phrase:
        return s.Phrase(c[0].start, c[3].end, c[0], phrases=tuple(c[2]))

    def phrase_value(self, c: Children) -> s.Phrase:
        subject = self.word(c) if isinstance(c[0], Token) else c[0]
        return s.Phrase(c[0].start, c[2].end, subject, c[2])

    def phrase_with(self, c: Children) -> s.Phrase:
        return s.Phrase(c[0].start, c[2].end, c[0], words=(self.word([c[1]]), self.word([c[2]])))

    def sign(self, c: Children) -> s.Reference:
        return self.word(c)


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


def _as_phrase(piece: Any) -> s.Phrase:
    return piece if isinstance(piece, s.Phrase) else s.Phrase(piece.start, piece.end, piece)


def _goes_on(phrase: s.Phrase, piece: Any) -> bool:
    """Whether `piece` belongs to `phrase`, which stands before it."""
    if isinstance(piece, s.Phrase) or phrase.phrases is not None:
        return False
    if not isinstance(piece, s.Reference) or piece.name in CONTINUES or piece.name in KEYWORDS:
        return not isinstance(piece, s.Member)
    if piece.name == "~":
        return True
    last = phrase.words[-1] if phrase.words else None
    has_verb = phrase.value is not None or bool(phrase.words)
    return not has_verb or (isinstance(last, s.Reference) and last.name in ("per", "fails", "answers"))
