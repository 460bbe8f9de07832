"""A plan with all that a picture can show, put together by hand."""

from __future__ import annotations

from collections.abc import Iterator

from inferc.compiler.plan import (
    TEXT,
    BalanceKind,
    CapacityKind,
    CapacityPolicy,
    Duration,
    ListType,
    PipelinePlan,
    Plan,
    RecordType,
    RoutePlan,
    TaskKind,
)

from .commands import SAMPLES
from .pipelines import (
    Graph,
    balance,
    cascade,
    extern,
    fallback,
    hedge,
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
    graph = Graph(
        {
            "known": "tensor<f32, [n, 384]>",
            "asked": "tensor<f32, [384]>",
            "scores": "tensor<f32, [n]>",
            "best.1": "int",
            "best": "list<Hit>",
            "notes": "list<text>",
        }
    )
    graph.call("known", "embedder", task=TaskKind.EMBED, input="passages")
    graph.call("asked", "embedder", task=TaskKind.EMBED, input="question")
    graph.builtin("scores", "cosine", "asked", "known")
    graph.constant("best.1", 3)
    graph.builtin("best", "top_k", "scores", "best.1", of="passages")
    graph.field("notes.2", "hit", "item", block="notes.1")
    graph.call("notes.1", "careful", block="notes.1", message="notes.2")
    graph.map("notes", "best", "hit", "notes.1", limit=4)
    template = "Answer {{ question }}\nfrom {% for x in notes %}{{ x }}{% endfor %}"
    graph.prompt("sources", template, question="question", notes="notes")
    graph.call("return", "quick", message="sources")
    return graph.pipeline("return", name="search", question=TEXT, passages=ListType(element=TEXT))


def _reply() -> PipelinePlan:
    """A choice between what a person gets, with something to stand in when it fails."""
    graph = Graph(
        {
            "verdict": "Verdict",
            "account": "Account",
            "found.1": "list<text>",
            "answer.1": '"refund" | "return" | "other"',
            "long.1": "int",
            "long.2": "int",
            "long": "bool",
            "whole": "Letter",
            "letter": "Letter",
        }
    )
    verdict = RecordType(name="Verdict", fields={"label": TEXT})
    graph.call("verdict", "small", options={"answer": verdict, "repair": True}, message="message")
    graph.extern("account", "look_up", options={"timeout": Duration(2), "retries": 2}, user="user")
    graph.list("found.1", "message")
    graph.call("found", "search", task=None, question="message", passages="found.1")
    graph.field("answer.1", "verdict", "label")
    graph.field("answer.3", "account", "name", block="answer.2")
    template = "{{ name }} wants: {{ message }}. Be polite, and promise nothing at all."
    graph.prompt("answer.4", template, block="answer.2", name="answer.3", message="message")
    graph.call("answer.2", "large", block="answer.2", message="answer.4")
    graph.call("answer.6", "assistant", block="answer.6", message="found")
    graph.text("answer.7", ("Sorry, ", "!"), "user", block="answer.7")
    graph.attempt("answer.5", "answer.6", "answer.7", block="answer.5")
    graph.match("answer", "answer.1", (("refund", "return"), "answer.2"), ((), "answer.5"))
    graph.constant("long.3", 0)
    graph.index("long.4", "answer", "long.3")
    graph.builtin("long.1", "len", "long.4")
    graph.constant("long.2", 400)
    graph.operator("long", ">", "long.1", "long.2")
    graph.call("short.1", "end", block="short.1", message="answer")
    graph.text("short.2", ("", ""), "answer", block="short.2")
    graph.choose("short", "long", "short.1", "short.2")
    graph.record("whole", to="user", text="short")
    graph.convert("letter", "whole", RecordType(name="Letter", fields={}))
    graph.field("return", "letter", "text")
    return graph.pipeline("return", name="reply", message=TEXT, user=TEXT)
