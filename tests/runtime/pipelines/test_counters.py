"""What pipelines count: how their runs ended, and how long their steps took; in virtual time."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.requests.errors import ServerError
from inferc.runtime.requests.pipeline_call import PipelineCall
from inferc.runtime.serving.pipelines.pipeline import Pipeline

from ...support.flows import echo, events_of, pipeline_of, pipelines_of, value_of
from ...support.members import Speaker
from ...support.pipelines import Graph


def two_steps() -> Graph:
    graph = Graph()
    graph.call("first", "gpt", message="message")
    graph.call("answer", "slow", message="first")
    return graph


def seconds_of(pipeline: Pipeline) -> dict[str, tuple[int, float]]:
    """By step: how many calls, and how long all of them took."""
    return {step: (sum(each.buckets), each.seconds) for step, each in pipeline.counters.steps.items()}


def test_runs_and_the_calls_of_each_step_are_counted() -> None:
    async def scenario() -> None:
        it = pipeline_of(two_steps().pipeline("answer"), gpt=echo(), slow=echo(delay=5.0))
        await value_of(it)
        await events_of(it)
        assert it.counters.outcomes == {"ok": 2}
        assert it.counters.durations.seconds == 12
        assert seconds_of(it) == {"first": (2, 2), "answer": (2, 10)}

    run_virtual(scenario())


def test_a_run_that_fails_is_counted_by_the_error_and_so_is_the_time_of_the_step() -> None:
    async def scenario() -> None:
        it = pipeline_of(two_steps().pipeline("answer"), gpt=echo(), slow=Speaker(broken=ServerError("no")))
        with pytest.raises(ServerError):
            await value_of(it)
        assert it.counters.outcomes == {"server_error": 1}
        assert seconds_of(it) == {"first": (1, 1), "answer": (1, 1)}

    run_virtual(scenario())


def test_a_client_that_leaves_is_counted_as_cancelled() -> None:
    async def scenario() -> None:
        it = pipeline_of(two_steps().pipeline("answer"), gpt=echo(), slow=echo(delay=5.0))
        async with aclosing(it.stream(PipelineCall(it.read({"message": "hi"})))) as events:
            await anext(events)
        task = asyncio.create_task(value_of(it))
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert it.counters.outcomes == {"cancelled": 2}

    run_virtual(scenario())


def test_a_pipeline_that_is_called_counts_its_runs_and_the_step_its_time() -> None:
    async def scenario() -> None:
        outer = Graph()
        outer.call("ask", "inner", task=None, message="message")
        made = pipelines_of(
            two_steps().pipeline("answer", name="inner"),
            outer.pipeline("ask", name="outer"),
            gpt=echo(),
            slow=echo(delay=5.0),
        )
        await value_of(made["outer"])
        assert (made["inner"].counters.outcomes, made["outer"].counters.outcomes) == ({"ok": 1}, {"ok": 1})
        assert seconds_of(made["outer"]) == {"ask": (1, 6)}
        assert seconds_of(made["inner"]) == {"first": (1, 1), "answer": (1, 5)}

    run_virtual(scenario())
