"""What a client hears while a pipeline runs; in virtual time."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from inferc.compiler.plan import TEXT, ChoiceType, Duration
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.requests.errors import RequestError, ServerError
from inferc.runtime.requests.pipeline_call import PipelineCall
from inferc.runtime.requests.trace import Trace
from inferc.runtime.serving.pipelines.model import PipelineModel
from inferc.runtime.serving.pipelines.pipeline import Event, Pipeline, Result
from inferc.runtime.serving.pipelines.run import FinishedStep

from ...support.flows import echo, events_of, now, pipeline_of, value_of
from ...support.members import Speaker, hear
from ...support.pipelines import Graph, fallback


def shown(events: list[Event]) -> list[str]:
    """Each event in a word: a step by its name, a piece of text as it is, the result with `=`."""
    names: list[str] = []
    for event in events:
        match event:
            case FinishedStep():
                names.append(f"<{event.name} by {event.deployment}>")
            case Result():
                names.append(f"={event.value}")
            case str():
                names.append(event)
    return names


def two_steps() -> Graph:
    graph = Graph()
    graph.call("first", "gpt", message="message")
    graph.call("answer", "gpt", message="first")
    return graph


def test_each_step_is_told_and_the_text_of_the_last_one_comes_as_it_is_made() -> None:
    async def scenario() -> None:
        gpt = Speaker(("a ", "b"), gap=1)
        events = await events_of(pipeline_of(two_steps().pipeline("answer"), gpt=gpt))
        assert shown(events) == ["<first by gpt>", "a ", "b", "<answer by gpt>", "=a b"]
        assert [body["stream"] for body in gpt.seen] == [False, True]
        assert gpt.seen[1]["stream_options"] == {"include_usage": True}
        [first, *_, result] = events
        assert isinstance(first, FinishedStep)
        assert isinstance(result, Result)
        assert (first.ended - first.began, first.spent.tokens, first.spent.cost) == (1.0, 1100, 0.002)
        assert (result.spent.tokens, result.spent.cost) == (2200, 0.004)

    run_virtual(scenario())


def test_nothing_is_streamed_from_a_provider_when_nobody_listens() -> None:
    async def scenario() -> None:
        gpt = echo()
        await value_of(pipeline_of(two_steps().pipeline("answer"), gpt=gpt))
        assert [body["stream"] for body in gpt.seen] == [False, False]

    run_virtual(scenario())


def test_the_text_of_the_arm_that_runs_is_streamed() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.constant("yes", True)
        graph.call("a.3", "gpt", message="message", block="a.3")
        graph.constant("a.4", "no", block="a.4")
        graph.choose("a.1", "yes", "a.3", "a.4", block="a.1")
        graph.constant("a.2", "never", block="a.2")
        graph.match("a", "message", (("hi",), "a.1"), ((), "a.2"))
        it = pipeline_of(graph.pipeline("a"), gpt=Speaker(("x", "y")))
        assert shown(await events_of(it)) == ["x", "y", "<a by gpt>", "=xy"]
        assert shown(await events_of(it, {"message": "other"})) == ["=never"]

    run_virtual(scenario())


def test_the_text_of_a_pipeline_that_is_called_last_is_streamed() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.call("whole", "inner", task=None, message="message")
        it = pipeline_of(
            two_steps().pipeline("answer", name="inner"), graph.pipeline("whole"), gpt=Speaker(("x", "y"))
        )
        assert shown(await events_of(it)) == [
            "<whole/first by gpt>",
            "x",
            "y",
            "<whole/answer by gpt>",
            "=xy",
        ]

    run_virtual(scenario())


def test_what_is_computed_from_the_last_call_comes_whole() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.call("a", "gpt", message="message")
        graph.text("loud", ("", "!"), "a")
        it = pipeline_of(graph.pipeline("loud"), gpt=Speaker(("x", "y")))
        assert shown(await events_of(it)) == ["<a by gpt>", "=xy!"]

    run_virtual(scenario())


def falling_back() -> Graph:
    graph = Graph()
    graph.call("a.1", "bad", message="message", block="a.1")
    graph.call("a.2", "good", message="message", block="a.2")
    graph.attempt("a", "a.1", "a.2")
    return graph


def test_else_replaces_what_fails_before_its_first_word_and_nothing_after_it() -> None:
    async def scenario() -> None:
        speakers = {"bad": Speaker(broken=ServerError("x")), "good": Speaker(("x", "y"))}
        assert shown(await events_of(pipeline_of(falling_back().pipeline("a"), **speakers))) == [
            "x",
            "y",
            "<a by good>",
            "=xy",
        ]
        speakers["bad"] = Speaker(fail_at=1)
        with pytest.raises(RequestError, match="broke off"):
            await events_of(pipeline_of(falling_back().pipeline("a"), **speakers))

    run_virtual(scenario())


def test_a_step_is_not_tried_again_after_its_first_word() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.call("a", "gpt", message="message", options={"retries": 3, "timeout": Duration(60)})

        class Breaking(Speaker):
            async def stream(self, request, deadline):  # type: ignore[no-untyped-def]
                async for chunk in Speaker.stream(self, request, deadline):
                    yield chunk
                    if b"one" in chunk.data:  # type: ignore[union-attr]
                        raise ServerError("it broke")

        gpt = Breaking()
        with pytest.raises(ServerError, match="it broke"):
            await events_of(pipeline_of(graph.pipeline("a"), gpt=gpt))
        assert len(gpt.started) == 1

    run_virtual(scenario())


def test_a_route_streams_and_is_named_by_who_answered() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.call("a", "route", message="message")
        it = pipeline_of(
            fallback("route", "bad", "good"),
            graph.pipeline("a"),
            bad=Speaker(broken=ServerError("x")),
            good=Speaker(("x", "y")),
        )
        events = await events_of(it)
        assert shown(events) == ["x", "y", "<a by good>", "=xy"]
        assert isinstance(events[-1], Result)
        assert [(span.deployment, span.ok) for span in events[-1].spans] == [("bad", False), ("good", True)]

    run_virtual(scenario())


def test_a_client_that_reads_slowly_slows_the_provider_down() -> None:
    async def scenario() -> None:
        gpt = Speaker(tuple(map(str, range(1000))), gap=0)
        graph = Graph()
        graph.call("a", "gpt", message="message")
        it = pipeline_of(graph.pipeline("a"), gpt=gpt)
        async with aclosing(it.stream(PipelineCall({"message": "hi"}))) as events:
            await anext(events)
            await asyncio.sleep(100)
            assert gpt.running == 1
            rest = [event async for event in events]
        assert len(rest) == 1001

    run_virtual(scenario())


@pytest.mark.parametrize("after", [0.5, 1.5, 2.5, 3.5])
def test_a_client_that_stops_listening_ends_everything(after: float) -> None:
    async def scenario() -> None:
        gpt = Speaker(gap=1)
        it = pipeline_of(two_steps().pipeline("answer"), gpt=gpt)

        async def listen() -> None:
            async with aclosing(it.stream(PipelineCall({"message": "hi"}))) as events:
                async for _ in events:
                    pass

        task = asyncio.create_task(listen())
        await asyncio.sleep(after)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert gpt.running == 0
        assert len(asyncio.all_tasks()) == 1

    run_virtual(scenario())


# ---- as a chat model


def model(graph: Graph, output: str, **speakers: Speaker) -> PipelineModel:
    return PipelineModel(pipeline_of(graph.pipeline(output), **speakers))


@pytest.mark.parametrize("stream", [True, False])
def test_a_pipeline_from_text_to_text_chats(stream: bool) -> None:
    async def scenario() -> None:
        gpt = Speaker(("x", "y"))
        it = model(two_steps(), "answer", gpt=gpt)
        trace = Trace(spans=[])
        messages = [
            {"role": "user", "content": "first"},
            {"role": "assistant", "content": "so"},
            {"role": "user", "content": [{"type": "text", "text": "the "}, {"type": "text", "text": "last"}]},
        ]
        assert await hear(it, stream=stream, trace=trace, body={"messages": messages}) == "xy"
        assert gpt.seen[0]["messages"] == [{"role": "user", "content": "the last"}]
        assert trace.deployment == "p"
        assert [span.step for span in trace.spans or ()] == ["first", "answer"]
        assert it.running == 0
        assert now() == 2

    run_virtual(scenario())


def test_what_has_no_last_call_chats_in_one_piece() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.call("a", "gpt", message="message")
        graph.text("loud", ("", "!"), "a")
        assert await hear(model(graph, "loud", gpt=Speaker(("x", "y")))) == "xy!"

    run_virtual(scenario())


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "system", "content": "x"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        {"messages": [{"role": "user"}]},
        {"tools": [{"type": "function"}]},
        {"n": 2},
        {"response_format": {"type": "json_object"}},
    ],
)
def test_what_a_pipeline_cannot_do_as_a_chat_model_is_refused(body: dict[str, object]) -> None:
    async def scenario() -> None:
        with pytest.raises(RequestError) as caught:
            await hear(model(two_steps(), "answer", gpt=echo()), body=body)
        assert caught.value.status == 400
        assert caught.value.param is not None

    run_virtual(scenario())


def test_only_pipelines_from_one_text_to_text_chat() -> None:
    def chats(result: object = TEXT, **parameters: object) -> bool:
        graph = Graph()
        graph.constant("r", "x")
        it: Pipeline = pipeline_of(graph.pipeline("r", result, **parameters))  # type: ignore[arg-type]
        return it.plan.chats

    choice = ChoiceType(values=("x",))
    assert chats(message=TEXT)
    assert chats(choice, message=TEXT)
    assert not chats(a=TEXT, b=TEXT)
    assert not chats(a=choice)
