"""A chat model is given functions, and asked again with what they gave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from attrs import define, field

from inferc.compiler.plan import (
    INT,
    MOST_CALLS_AT_ONCE,
    TEXT,
    OptionalType,
    PipelinePlan,
    RecordType,
    TaskKind,
    ToolErrors,
    ToolPlan,
    Type,
)
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.mock_provider import MockOptions
from inferc.runtime.mock_provider.scripted_answers import ScriptedAnswer, ScriptedCall
from inferc.runtime.replicas.replica import ReplicaStatus
from inferc.runtime.requests.answer import ChatChunk, Chunk
from inferc.runtime.requests.errors import (
    ExternFailed,
    Incapable,
    InvalidAnswer,
    RequestTimeout,
    ServerError,
)
from inferc.runtime.requests.pipeline_call import PipelineCall
from inferc.runtime.requests.request import ChatRequest, Request
from inferc.runtime.serving.pipelines.pipeline import Pipeline, Result

from ...support.externs import Externs, Write
from ...support.flows import events_of, pipelines_of, value_of
from ...support.members import USAGE, Speaker
from ...support.pipelines import Graph, extern, plan_with
from ...support.remote import mock_provider, running
from ...support.wires import WIRES, wire_plan

ORDER = RecordType(name="Order", fields={"state": TEXT})
LOOK_UP = ToolPlan("look_up", description="The state of an order.")

Answer = str | tuple[str, list[tuple[str, object]]] | Exception


@define
class Caller(Speaker):
    """Answers one after the other: a text, or a text and calls with their arguments, or an error."""

    answers: list[Answer] = field(factory=list)
    tools_seen: list[Any] = field(factory=list)

    def status(self) -> ReplicaStatus:
        return ReplicaStatus(True)

    async def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        assert isinstance(request, ChatRequest)
        self.seen.append(request.body)
        await asyncio.sleep(self.delay)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        text, asked = (answer, []) if isinstance(answer, str) else answer
        calls = [
            {"index": i, "id": f"call_{len(self.seen)}_{i}", "type": "function"}
            | {"function": {"name": name, "arguments": said if isinstance(said, str) else json.dumps(said)}}
            for i, (name, said) in enumerate(asked)
        ]
        said = {"role": "assistant", "content": text or None} | ({"tool_calls": calls} if calls else {})
        kind = "delta" if request.stream else "message"
        choice = {"index": 0, kind: said, "finish_reason": "tool_calls" if calls else "stop"}
        name = "chat.completion.chunk" if request.stream else "chat.completion"
        yield ChatChunk(json.dumps({"object": name, "choices": [choice]}).encode(), USAGE)


def look_up() -> PipelinePlan:
    """A pipeline that a model may call: it takes a number, and gives a record."""
    graph = Graph({"o": "Order"})
    graph.text("said", ("order ", " is sent"), "number")
    graph.record("o", state="said")
    return graph.pipeline("o", ORDER, name="look_up", number=INT)


def asking(
    *tools: ToolPlan, answer: Type | None = None, task: TaskKind = TaskKind.CHAT, **options: Any
) -> Graph:
    graph = Graph()
    given = {"tools": tools or (LOOK_UP,), "answer": answer, **options}
    graph.call("a", "gpt", task=task, message="message", options=given)
    return graph


def served(gpt: Caller, graph: Graph, result: Type = TEXT) -> Pipeline:
    return pipelines_of(look_up(), graph.pipeline("a", result), gpt=gpt)["p"]


def results(gpt: Caller, request: int = -1) -> list[str]:
    """What the model was told of its calls."""
    return [each["content"] for each in gpt.seen[request]["messages"] if each["role"] == "tool"]


def test_a_model_calls_a_function_and_is_asked_again_with_its_result() -> None:
    async def scenario() -> None:
        gpt = Caller(answers=[("", [("look_up", {"number": 7})]), "It is sent."])
        assert await value_of(served(gpt, asking())) == "It is sent."
        first, second = gpt.seen
        [tool] = first["tools"]
        assert tool["function"] == {
            "name": "look_up",
            "description": "The state of an order.",
            "parameters": {
                "type": "object",
                "properties": {"number": {"type": "integer"}},
                "required": ["number"],
                "additionalProperties": False,
            },
            "strict": True,
        }
        _, called, result = second["messages"]
        assert called["tool_calls"][0]["function"] == {"name": "look_up", "arguments": '{"number": 7}'}
        assert result == {
            "role": "tool",
            "tool_call_id": called["tool_calls"][0]["id"],
            "content": '{"state":"order 7 is sent"}',
        }

    run_virtual(scenario())


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (("nothing", {}), "error: there is no such function; there are look_up"),
        (("look_up", {"number": "7"}), "error: the arguments do not fit: `number`: expected int"),
        (("look_up", {}), "error: the arguments do not fit: `number`"),
        (("look_up", "[1"), "error: the arguments do not fit: it is no JSON"),
        (("look_up", ""), "error: the arguments do not fit: `number`"),
        (("look_up", "3"), "error: the arguments do not fit"),
    ],
)
def test_a_wrong_call_is_answered_to_the_model(call: tuple[str, object], told: str) -> None:
    async def scenario() -> None:
        gpt = Caller(answers=[("", [call]), "Sorry."])
        assert await value_of(served(gpt, asking())) == "Sorry."
        [said] = results(gpt)
        assert said.startswith(told)

    run_virtual(scenario())


def test_a_parameter_that_may_be_missing_may_be_left_out() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.text("said", ("[", "]"), "why")
        plan = graph.pipeline("said", TEXT, name="note", why=OptionalType(inner=TEXT))
        gpt = Caller(answers=[("", [("note", "")]), "Noted."])
        chat = asking(ToolPlan("note")).pipeline("a")
        it = pipelines_of(plan, chat, gpt=gpt)["p"]
        assert await value_of(it) == "Noted."
        assert results(gpt) == ["[]"]

    run_virtual(scenario())


def test_calls_of_one_answer_run_at_the_same_time_and_only_so_many() -> None:
    async def scenario() -> None:
        slow = Graph()
        slow.call("said", "other", message="message")
        plan = slow.pipeline("said", name="slow")
        calls: list[tuple[str, object]] = [
            ("slow", {"message": str(i)}) for i in range(MOST_CALLS_AT_ONCE + 2)
        ]
        gpt = Caller(answers=[("", calls), "Done."])
        other = Speaker(says=lambda body: body["messages"][-1]["content"], delay=5)
        chat = asking(ToolPlan("slow")).pipeline("a")
        it = pipelines_of(plan, chat, gpt=gpt, other=other)["p"]
        began = asyncio.get_running_loop().time()
        assert await value_of(it) == "Done."
        assert asyncio.get_running_loop().time() - began == pytest.approx(7)
        told = results(gpt)
        assert told[:MOST_CALLS_AT_ONCE] == [str(i) for i in range(MOST_CALLS_AT_ONCE)]
        assert [each.startswith("error: not called") for each in told[MOST_CALLS_AT_ONCE:]] == [True, True]

    run_virtual(scenario())


def test_after_so_many_rounds_the_model_must_answer() -> None:
    async def scenario() -> None:
        call: Answer = ("", [("look_up", {"number": 7})])
        gpt = Caller(answers=[call, call, "Enough."])
        assert await value_of(served(gpt, asking(max_rounds=2))) == "Enough."
        assert [each.get("tool_choice") for each in gpt.seen] == [None, None, "none"]
        gpt = Caller(answers=[call, call, call])
        with pytest.raises(InvalidAnswer, match="asked 2 times"):
            await value_of(served(gpt, asking(max_rounds=2)))

    run_virtual(scenario())


def test_what_it_says_before_a_call_belongs_to_the_text_streamed_and_whole() -> None:
    async def scenario() -> None:
        def caller() -> Caller:
            return Caller(answers=[("Let me look.", [("look_up", {"number": 7})]), "It is sent."])

        text = "Let me look.\n\nIt is sent."
        assert await value_of(served(caller(), asking())) == text
        events = await events_of(served(caller(), asking()))
        assert "".join(each for each in events if isinstance(each, str)) == text
        assert isinstance(events[-1], Result)
        assert events[-1].value == text

    run_virtual(scenario())


def test_a_typed_answer_is_read_from_the_last_one() -> None:
    async def scenario() -> None:
        first: Answer = ("Wait.", [("look_up", {"number": 7})])
        gpt = Caller(answers=[first, '{"state": "sent"}'])
        assert await value_of(served(gpt, asking(answer=ORDER), ORDER)) == {"state": "sent"}
        assert all(each["response_format"]["type"] == "json_schema" for each in gpt.seen)
        gpt = Caller(answers=[first, "sent", '{"state": "sent"}'])
        assert await value_of(served(gpt, asking(answer=ORDER, repair=True), ORDER)) == {"state": "sent"}
        assert gpt.seen[-1]["tool_choice"] == "none"

    run_virtual(scenario())


def test_a_model_that_cannot_be_held_to_a_type_beside_functions_is_told_it_in_words() -> None:
    async def scenario() -> None:
        refused = Incapable("the model has no structured output beside `tools`", param="response_format")
        gpt = Caller(answers=[refused, ("", [("look_up", {"number": 7})]), '{"state": "sent"}'])
        assert await value_of(served(gpt, asking(answer=ORDER), ORDER)) == {"state": "sent"}
        assert "response_format" not in gpt.seen[-1]
        assert "JSON schema" in gpt.seen[-1]["messages"][0]["content"]

    run_virtual(scenario())


def test_a_local_model_is_asked_in_a_form_once_it_calls_nothing() -> None:
    async def scenario() -> None:
        call: Answer = ("", [("look_up", {"number": 7})])
        gpt = Caller(answers=[call, "It is sent.", '{"state": "sent"}'])
        it = served(gpt, asking(answer=ORDER, task=TaskKind.GENERATE), ORDER)
        assert await value_of(it) == {"state": "sent"}
        assert ["response_format" in each for each in gpt.seen] == [False, False, True]

    run_virtual(scenario())


def test_a_retry_asks_the_model_again_and_calls_no_function_twice() -> None:
    async def scenario() -> None:
        failed = ServerError("not now")
        gpt = Caller(answers=[("", [("look_up", {"number": 7})]), failed, "It is sent."])
        it = served(gpt, asking(retries=1))
        assert await value_of(it) == "It is sent."
        assert [len(each["messages"]) for each in gpt.seen] == [1, 3, 3]

    run_virtual(scenario())


def test_a_timeout_of_the_call_ends_the_functions_too() -> None:
    async def scenario() -> None:
        slow = Graph()
        slow.call("said", "other", message="message")
        plan = slow.pipeline("said", name="slow")
        gpt = Caller(answers=[("", [("slow", {"message": "x"})])])
        other = Speaker(delay=60)
        chat = asking(ToolPlan("slow"), timeout=3).pipeline("a")
        with pytest.raises(RequestTimeout, match="its timeout of 3s"):
            await value_of(pipelines_of(plan, chat, gpt=gpt, other=other)["p"])
        assert (other.cancelled, other.running) == (1, 0)

    run_virtual(scenario())


@pytest.mark.parametrize("on_error", list(ToolErrors))
async def test_the_error_of_a_function_is_told_or_raised(
    on_error: ToolErrors, externs: Externs, module: Write
) -> None:
    name = module("def f(x):\n    raise ValueError('secret ' + x)\n")
    plans = [extern("f", f"{name}:f", x=TEXT)]
    chat = asking(ToolPlan("f", is_extern=True), on_tool_error=on_error).pipeline("a")
    gpt = Caller(delay=0, answers=[("", [("f", {"x": "y"})]), "It failed."])
    it = await externs.pipeline(*plans, chat, gpt=gpt)
    if on_error is ToolErrors.RAISE:
        with pytest.raises(ExternFailed, match=r"step `a` of pipeline `p` .* raised ValueError"):
            await value_of(it)
        return
    spans: list[Any] = []
    assert (await it.run(PipelineCall({"message": "hi"}), spans)).value == "It failed."
    [told] = results(gpt)
    assert told.startswith("error: extern `f`")
    assert "raised ValueError" in told
    assert "secret" not in told
    assert [each.deployment for each in sorted(spans, key=lambda each: each.began)] == ["gpt", "f", "gpt"]


@pytest.mark.parametrize("wire", WIRES)
async def test_every_provider_is_asked_again_in_its_own_way(
    wire: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", "k-secret")
    calls = (ScriptedCall("look_up", {"number": 7}), ScriptedCall("look_up", {"number": 8}))
    answers = (ScriptedAnswer("where", say="Wait.", calls=calls, times=1),)
    graph = Graph()
    graph.call("a", wire, message="message", options={"tools": (LOOK_UP,)})
    async with (
        mock_provider(MockOptions(gap=0, strict=True, answers=answers)) as mock,
        running(plan_with(wire_plan(wire, mock.url), look_up(), graph.pipeline("a"))) as executor,
    ):
        value = await value_of(executor.pipelines["p"], message="where are they?")
    said = '{"state":"order 7 is sent"}; {"state":"order 8 is sent"}'
    assert value == f"Wait.\n\nThe tools said: {said}"
