"""A plan with all that a picture can show, put together by hand."""

from __future__ import annotations

from typing import Any, TypeVar

from inferc.compiler.plan import (
    SCHEMA,
    TEXT,
    ArmPlan,
    AttemptNode,
    BalanceKind,
    BalancePlan,
    BuiltinNode,
    CallNode,
    CapacityKind,
    CapacityPolicy,
    CascadePlan,
    ConstantNode,
    ConvertNode,
    Duration,
    ExternNode,
    ExternPlan,
    FallbackPlan,
    FieldNode,
    GatewayPlan,
    HedgePlan,
    IfNode,
    InterpolationNode,
    KeySource,
    ListNode,
    ListType,
    MapNode,
    MatchNode,
    Node,
    OperatorNode,
    ParameterPlan,
    PipelinePlan,
    Plan,
    PromptNode,
    RecordNode,
    RecordType,
    RouteKey,
    ShareOf,
    SourceRef,
    SplitPlan,
    TaskKind,
)
from inferc.dsl.units import Percent

from .commands import SAMPLES
from .projects import Project
from .remote import remote_plan

SOURCE = SourceRef("shop.infer", 1, 1)
NodeT = TypeVar("NodeT", bound=Node)


def node(cls: type[NodeT], name: str, block: str = "", type: str = "text", **fields: Any) -> NodeT:
    """A node that was written nowhere in particular."""
    return cls(name=name, block=block, type=type, line=1, column=1, **fields)


def chat(name: str, block: str = "", *, asks: str, message: str, **fields: Any) -> CallNode:
    return node(
        CallNode, name, block, target=asks, task=TaskKind.CHAT, arguments={"message": message}, **fields
    )


def pipeline(name: str, *nodes: Node, output: str, takes: dict[str, Any] | None = None) -> PipelinePlan:
    given = {"message": TEXT} if takes is None else takes
    parameters = tuple(ParameterPlan(*each) for each in given.items())
    return PipelinePlan(
        pipeline=name, source=SOURCE, parameters=parameters, result=TEXT, nodes=nodes, output=output
    )


def plan_with(*pipelines: PipelinePlan, deployments: tuple[str, ...] = ("gpt",)) -> Plan:
    """A plan of these pipelines, and of remote deployments with these names."""
    remote = tuple(remote_plan(name) for name in deployments)
    return Plan(SCHEMA, "test", GatewayPlan(), remote, (), pipelines)


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
    externs = (
        ExternPlan(
            extern="look_up",
            source=SOURCE,
            parameters=(ParameterPlan("user", TEXT),),
            result=RecordType(name="Account", fields={"name": TEXT}),
            target="shop.accounts:find",
        ),
    )
    return Plan(SCHEMA, "test", GatewayPlan(), deployments, _routes(), (_search(), _reply()), externs)


def _routes() -> tuple[Any, ...]:
    shared: dict[str, Any] = {"source": SOURCE, "task": TaskKind.CHAT}
    return (
        SplitPlan(
            route="assistant.2",
            inner=True,
            shares=(ShareOf("large", Percent(0.95)), ShareOf("end", Percent(0.05))),
            key=RouteKey(KeySource.HEADER, "x-inferc-key"),
            **shared,
        ),
        FallbackPlan(route="assistant", members=("small", "assistant.2"), **shared),
        HedgePlan(route="quick", members=("small", "large", "end"), after=Duration(0.4), **shared),
        BalancePlan(route="even", members=("large", "end"), by=BalanceKind.LEAST_BUSY, **shared),
        BalancePlan(route="turns", members=("large", "end"), by=BalanceKind.ROUND_ROBIN, **shared),
        CascadePlan(
            route="careful",
            members=("small", "large"),
            accept="accept",
            condition=(
                node(FieldNode, "accept.1", of="it", field="confidence", type="float"),
                node(ConstantNode, "accept.2", value=0.8, type="float"),
                node(OperatorNode, "accept", operator=">=", operands=("accept.1", "accept.2"), type="bool"),
            ),
            **shared,
        ),
    )


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
