"""What a cascade accepts: a condition over `it`, the answer of a member."""

from __future__ import annotations

from ...dsl import syntax as s
from ...dsl.diagnostics import Label
from ...dsl.kinds import RuntimeKind
from ..declare import Declared
from ..pipelines.explain import expect
from ..pipelines.infer import ExpressionInferrer
from ..pipelines.inferrer import Tools
from ..pipelines.typed import FieldOf, Variable, VariableValue, walk
from ..plan.types import BOOL, FLOAT, INT, TEXT, ListType, RecordType, Type
from ..scope import Scope
from ..typing.callables import Callee
from ..typing.fit import Sizes
from .interface import result
from .typed import Judgement, TypedRoute

IT = "it"
_CONFIDENCE = "confidence"
_CHAT = RecordType(fields={"text": TEXT, "finish_reason": TEXT, "tokens": INT, _CONFIDENCE: FLOAT})
"""The answer of a chat, as a cascade sees it."""


def confident(declared: Declared) -> bool:
    """Whether the answers of a chat say how sure the model was of each token."""
    deployment = declared.deployment
    return deployment is None or deployment.effective_runtime not in _WITHOUT_PROBABILITIES


_WITHOUT_PROBABILITIES = (RuntimeKind.ANTHROPIC,)


def judgement(tools: Tools, scope: Scope, route: TypedRoute, node: s.Expression) -> Judgement | None:
    """The condition of a cascade, with its type; None when it cannot be judged by it."""
    if route.callee is None:
        return None
    answer = _answer(route.callee)
    if answer is None:
        tools.found.error(
            "E0613",
            f"a `cascade` judges answers of `chat`, `generate` and `classify`, not of `{route.callee.task}`",
            scope.span(route.node),
            help="use `fallback`",
        )
        return None
    it = Variable(s.Identifier(node.start, node.end, IT), answer)
    inferrer = ExpressionInferrer(tools, scope, Sizes())
    inferrer.variables[IT] = it
    condition = inferrer.infer(node)
    if not expect(inferrer, condition, BOOL, "what a `cascade` accepts is true or false"):
        return None
    if route.callee.chats:
        _probabilities(tools, scope, route, [each for each in walk(condition) if isinstance(each, FieldOf)])
    return Judgement(it, condition)


def _answer(callee: Callee) -> Type | None:
    if callee.chats:
        return _CHAT
    given = result(callee)
    given = given.element if isinstance(given, ListType) else given
    return given if isinstance(given, RecordType) and _CONFIDENCE in given.fields else None


def _probabilities(tools: Tools, scope: Scope, route: TypedRoute, fields: list[FieldOf]) -> None:
    """Members whose answers are judged must say how sure they are; the last one's answer is not judged."""
    asked = [each for each in fields if each.name == _CONFIDENCE and isinstance(each.of, VariableValue)]
    if not asked:
        return
    for member in route.members[:-1]:
        if not member.confident:
            tools.found.error(
                "E0613",
                f"`{member.name}` does not say how sure it is of an answer",
                scope.span(member.node),
                "no probabilities of tokens",
                secondary=[Label(scope.span(asked[0].node), "asked for here")],
                help="put it last, where its answer is taken as it is, or judge by `it.text`, "
                "`it.finish_reason` or `it.tokens`",
            )
