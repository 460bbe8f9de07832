"""A plan with all that a picture can show, put together by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from inferc.compiler.plan import (
    TEXT,
    ArmPlan,
    AttemptNode,
    BalanceKind,
    BuiltinNode,
    CallNode,
    CapacityKind,
    CapacityPolicy,
    ConstantNode,
    ConvertNode,
    Duration,
    ExternNode,
    FieldNode,
    IfNode,
    InterpolationNode,
    ListNode,
    ListType,
    MapNode,
    MatchNode,
    OperatorNode,
    PipelinePlan,
    Plan,
    PromptNode,
    RecordNode,
    RecordType,
    RoutePlan,
    TaskKind,
)

from .commands import SAMPLES
from .pipelines import (
    Graph,
    balance,
    cascade,
    chat,
    extern,
    fallback,
    hedge,
    node,
    pipeline,
    plan_with,
    split,
)
from .projects import Project
from .remote import remote_plan


def shop() -> Plan:
    """Deployments here and elsewhere, each kind of route, and two pipelines, one of which calls the other."""
    [embedder] = Project(SAMPLES).plan(name="onnx.infer").deployments
    when_full = CapacityPolicy(CapacityKind.FALLBACK, "large")
    deployments = (
        embedder,
        remote_plan("small", on_full=when_full),
        remote_plan("large", replicas=2),
        remote_plan("end"),
    )
    look_up = extern(
        "look_up", "shop.accounts:find", RecordType(name="Account", fields={"name": TEXT}), user=TEXT
    )
    return plan_with(*deployments, *_routes(), _search(), _reply(), look_up)


def _routes() -> Iterator[RoutePlan]:
    yield split("assistant.2", {"large": 0.95, "end": 0.05}, inner=True)
    yield fallback("assistant", "small", "assistant.2")
    yield hedge("quick", "small", "large", "end", after=0.4)
    yield balance("even", "large", "end", by=BalanceKind.LEAST_BUSY)
    yield balance("turns", "large", "end", by=BalanceKind.ROUND_ROBIN)
    condition = Graph()
    confidence = condition.field("accept.1", "it", "confidence")
    enough = condition.operator("accept", ">=", confidence, condition.constant("accept.2", 0.8))
    yield cascade("careful", "small", "large", condition=condition, accept=enough)


def _search() -> PipelinePlan:
    """Two vectors at the same time, then what is close to the question."""
    embed: dict[str, Any] = {"target": "embedder", "task": TaskKind.EMBED}
    return pipeline(
        "search",
        node(CallNode, "known", type="tensor<f32, [n, 384]>", arguments={"input": "passages"}, **embed),
        node(CallNode, "asked", type="tensor<f32, [384]>", arguments={"input": "question"}, **embed),
        node(
            BuiltinNode,
            "scores",
            type="tensor<f32, [n]>",
            function="cosine",
            arguments=("asked", "known"),
        ),
        node(ConstantNode, "best.1", type="int", value=3),
        node(
            BuiltinNode,
            "best",
            type="list<Hit>",
            function="top_k",
            arguments=("scores", "best.1"),
            named={"of": "passages"},
        ),
        node(FieldNode, "notes.2", block="notes.1", of="hit", field="item"),
        chat("notes.1", "notes.1", asks="careful", message="notes.2"),
        node(MapNode, "notes", type="list<text>", over="best", variable="hit", each="notes.1", limit=4),
        node(
            PromptNode,
            "sources",
            template="Answer {{ question }}\nfrom {% for x in notes %}{{ x }}{% endfor %}",
            variables={"question": "question", "notes": "notes"},
        ),
        chat("return", asks="quick", message="sources"),
        takes={"question": TEXT, "passages": ListType(element=TEXT)},
        output="return",
    )


def _reply() -> PipelinePlan:
    """A choice between what a person gets, with something to stand in when it fails."""
    verdict = RecordType(name="Verdict", fields={"label": TEXT})
    return pipeline(
        "reply",
        chat("verdict", asks="small", message="message", type="Verdict", answer=verdict, repair=True),
        node(
            ExternNode,
            "account",
            type="Account",
            extern="look_up",
            arguments={"user": "user"},
            timeout=Duration(2),
            retries=2,
        ),
        node(ListNode, "found.1", type="list<text>", items=("message",)),
        node(
            CallNode,
            "found",
            target="search",
            task=None,
            arguments={"question": "message", "passages": "found.1"},
        ),
        node(FieldNode, "answer.1", of="verdict", field="label", type='"refund" | "return" | "other"'),
        node(FieldNode, "answer.3", "answer.2", of="account", field="name"),
        node(
            PromptNode,
            "answer.4",
            "answer.2",
            template="{{ name }} wants: {{ message }}. Be polite, and promise nothing at all.",
            variables={"name": "answer.3", "message": "message"},
        ),
        chat("answer.2", "answer.2", asks="large", message="answer.4"),
        chat("answer.6", "answer.6", asks="assistant", message="found"),
        node(InterpolationNode, "answer.7", "answer.7", literals=("Sorry, ", "!"), values=("user",)),
        node(AttemptNode, "answer.5", "answer.5", first="answer.6", otherwise="answer.7"),
        node(
            MatchNode,
            "answer",
            subject="answer.1",
            arms=(ArmPlan(("refund", "return"), "answer.2"), ArmPlan((), "answer.5")),
        ),
        node(BuiltinNode, "long.1", type="int", function="len", arguments=("answer",)),
        node(ConstantNode, "long.2", type="int", value=400),
        node(OperatorNode, "long", type="bool", operator=">", operands=("long.1", "long.2")),
        chat("short.1", "short.1", asks="end", message="answer"),
        node(InterpolationNode, "short.2", "short.2", literals=("", ""), values=("answer",)),
        node(IfNode, "short", condition="long", then="short.1", otherwise="short.2"),
        node(RecordNode, "whole", type="Letter", fields={"to": "user", "text": "short"}),
        node(ConvertNode, "letter", type="Letter", of="whole", to=RecordType(name="Letter", fields={})),
        node(FieldNode, "return", of="letter", field="text"),
        takes={"message": TEXT, "user": TEXT},
        output="return",
    )
