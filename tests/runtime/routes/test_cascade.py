"""`cascade`: a small model first, a larger one when the answer is not good enough; in virtual time."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from contextlib import aclosing

import pytest

from inferc.compiler.plan import CascadePlan
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.requests.answer import ChatChunk
from inferc.runtime.requests.call import Call
from inferc.runtime.requests.errors import ContentFiltered, RateLimited, ServerError
from inferc.runtime.requests.request import ChatRequest
from inferc.runtime.requests.trace import Spent, Trace

from ...support.fakes import CHAT
from ...support.members import Speaker, hear, member, route
from ...support.pipelines import Graph, cascade


def confident(least: float = 0.8) -> CascadePlan:
    """`cascade [small, large] accept it.confidence >= least`."""
    graph = Graph()
    graph.constant("accept.1", least)
    graph.field("accept.2", "it", "confidence")
    graph.operator("accept", ">=", "accept.2", "accept.1")
    return cascade("r", "small", "large", condition=graph, accept="accept")


def ends_well() -> CascadePlan:
    """`accept it.finish_reason == "stop" && it.tokens < 1000`."""
    graph = Graph()
    graph.field("accept.1", "it", "finish_reason")
    graph.constant("accept.2", "stop")
    graph.operator("accept.3", "==", "accept.1", "accept.2")
    graph.field("accept.4", "it", "tokens")
    graph.constant("accept.5", 1000)
    graph.operator("accept.6", "<", "accept.4", "accept.5")
    graph.operator("accept", "&&", "accept.3", "accept.6")
    return cascade("r", "small", "large", condition=graph, accept="accept")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("logprob", "who"), [(math.log(0.9), "small"), (math.log(0.7), "large")])
def test_an_answer_is_accepted_by_its_confidence(logprob: float, who: str, stream: bool) -> None:
    async def scenario() -> None:
        small, large = Speaker(("small",), logprob=logprob), Speaker(("large",))
        it = route(confident(), member("small", small), member("large", large))
        trace = Trace(spans=[])
        assert await hear(it, stream=stream, trace=trace) == who
        assert trace.deployment == who
        assert Spent.of(trace.spans or []).cost == (0.002 if who == "small" else 0.004)

    run_virtual(scenario())


def test_log_probabilities_are_asked_for_where_they_are_needed_and_not_shown() -> None:
    async def scenario() -> None:
        small, large = Speaker(logprob=-5), Speaker()
        it = route(confident(), member("small", small), member("large", large))
        await hear(it)
        assert [small.seen[0].get("logprobs"), large.seen[0].get("logprobs")] == [True, None]

        it = route(confident(0.0), member("small", small), member("large", large))
        for wanted in (False, True):
            request = ChatRequest({**CHAT.body, "logprobs": wanted}, stream=False)
            async with aclosing(it.stream(Call(request), Trace())) as chunks:
                [chunk] = [chunk async for chunk in chunks]
            assert isinstance(chunk, ChatChunk)
            assert bool(json.loads(chunk.data)["choices"][0]["logprobs"]) == wanted

    run_virtual(scenario())


@pytest.mark.parametrize("wanted", [True, False])
def test_tokens_are_asked_for_and_shown_to_who_wants_them(wanted: bool) -> None:
    class Counting(Speaker):
        async def stream(self, request, deadline):  # type: ignore[no-untyped-def]
            async for chunk in Speaker.stream(self, request, deadline):
                yield chunk if chunk.data else ChatChunk(b'{"choices":[],"usage":{}}', chunk.usage)  # type: ignore[union-attr]

    async def scenario() -> None:
        small = Counting()
        it = route(ends_well(), member("small", small), member("large", Speaker()))
        options = {"stream_options": {"include_usage": True}} if wanted else {}
        request = ChatRequest({**CHAT.body, **options}, stream=True)
        async with aclosing(it.stream(Call(request), Trace())) as chunks:
            data = [chunk.data async for chunk in chunks]  # type: ignore[union-attr]
        assert small.seen[0]["stream_options"] == {"include_usage": True}
        assert any(b"usage" in each for each in data) == wanted

    run_virtual(scenario())


def test_other_fields_need_no_log_probabilities() -> None:
    async def scenario() -> None:
        small, large = Speaker(("cut",), finish="length"), Speaker(("whole",))
        it = route(ends_well(), member("small", small), member("large", large))
        assert await hear(it) == "whole"
        assert small.seen[0].get("logprobs") is None
        small.finish = "stop"
        assert await hear(it) == "cut"

    run_virtual(scenario())


def test_an_answer_without_log_probabilities_is_not_confident_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Silent(Speaker):
        async def stream(self, request, deadline):  # type: ignore[no-untyped-def]
            async for chunk in Speaker.stream(self, ChatRequest(CHAT.body, request.stream), deadline):
                yield chunk

    async def scenario() -> None:
        it = route(confident(), member("small", Silent()), member("large", Speaker(("large",))))
        with caplog.at_level(logging.WARNING):
            assert [await hear(it), await hear(it)] == ["large", "large"]

    run_virtual(scenario())
    assert [record.getMessage() for record in caplog.records] == [
        "route `r`: an answer came without log probabilities, and is taken for not confident"
    ]


def test_nothing_is_sent_before_it_is_accepted_and_the_last_one_streams() -> None:
    async def scenario() -> None:
        small, large = Speaker(gap=1, logprob=-9), Speaker(gap=1)
        it = route(confident(), member("small", small), member("large", large))
        async with aclosing(it.stream(Call(CHAT), Trace())) as chunks:
            async for _ in chunks:
                assert small.running == 0
                assert asyncio.get_running_loop().time() >= 3
                break

    run_virtual(scenario())


def test_a_member_that_cannot_answer_is_followed_by_the_next() -> None:
    async def scenario() -> None:
        small = Speaker(errors=[ServerError("x")])
        assert await hear(route(confident(), member("small", small), member("large", Speaker(("l",))))) == "l"

    run_virtual(scenario())


def test_what_must_not_be_asked_again_is_not() -> None:
    async def scenario() -> None:
        large = Speaker()
        small = Speaker(errors=[ContentFiltered("no")])
        with pytest.raises(ContentFiltered):
            await hear(route(confident(), member("small", small), member("large", large)))
        assert not large.started

    run_virtual(scenario())


def test_when_the_last_one_fails_there_is_no_answer() -> None:
    async def scenario() -> None:
        small, large = Speaker(errors=[ServerError("a")]), Speaker(errors=[RateLimited("b")])
        with pytest.raises(RateLimited, match="no member could answer: a; b"):
            await hear(route(confident(), member("small", small), member("large", large)))

    run_virtual(scenario())


@pytest.mark.parametrize("after", [0.5, 1.5, 3.5, 4.5])
def test_whoever_leaves_frees_everything_wherever_the_request_is(after: float) -> None:
    async def scenario() -> None:
        small, large = Speaker(gap=1, logprob=-9), Speaker(gap=1)
        it = route(confident(), member("small", small), member("large", large))
        task = asyncio.create_task(hear(it))
        await asyncio.sleep(after)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (it.running, it.waiting, small.running, large.running) == (0, 0, 0, 0)

    run_virtual(scenario())
