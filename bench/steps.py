"""What running a pipeline costs over calling its steps by hand.

    python bench/steps.py [--rounds N]

Ten calls of a model that answers at once, in this process: five that need nothing, and five that each
need one of those. By hand they are two `asyncio.gather`; as a pipeline they start as their values come,
and are traced. Prints the median of each, and what the pipeline adds.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from random import Random

import orjson

from inferc.compiler.plan import (
    TEXT,
    CallNode,
    ListNode,
    ListType,
    ParameterPlan,
    PipelinePlan,
    SourceRef,
    TaskKind,
)
from inferc.runtime.concurrency.event_loop import run_async
from inferc.runtime.requests.answer import ChatChunk, Chunk
from inferc.runtime.requests.call import Call
from inferc.runtime.requests.request import ChatRequest
from inferc.runtime.requests.trace import Trace
from inferc.runtime.requests.usage import Usage
from inferc.runtime.serving.model import Model
from inferc.runtime.serving.pipelines.calls.steps import Targets
from inferc.runtime.serving.pipelines.pipeline import Pipeline
from inferc.runtime.serving.pipelines.steps import AllSteps
from inferc.runtime.serving.pipelines.workers.workers import Workers

ASKED = 150e-6
"""Seconds that a pipeline of ten steps may cost over calling them by hand."""

ANSWER = ChatChunk(
    orjson.dumps({"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}), Usage(1, 1)
)
BATCH = 50


class Instant(Model):
    """A model that answers in the next turn of the loop."""

    name, task, running, waiting = "gpt", TaskKind.CHAT, 0, 0

    def is_ready(self) -> bool:
        return True

    def free_at(self, now: float) -> float:
        return now

    async def answer(self, call: Call, trace: Trace) -> Chunk:
        await asyncio.sleep(0)
        return ANSWER

    async def stream(self, call: Call, trace: Trace) -> AsyncGenerator[Chunk, None]:
        yield await self.answer(call, trace)


def pipeline(model: Instant) -> Pipeline:
    """Five pairs of calls, whose last answers are the result."""

    def ask(name: str, message: str) -> CallNode:
        return CallNode(
            name=name,
            type="text",
            line=1,
            column=1,
            target="gpt",
            task=TaskKind.CHAT,
            arguments={"message": message},
        )

    calls = [ask(f"a{n}", "message") for n in range(5)] + [ask(f"b{n}", f"a{n}") for n in range(5)]
    items = tuple(f"b{n}" for n in range(5))
    plan = PipelinePlan(
        pipeline="p",
        source=SourceRef("bench.infer", 1, 1),
        parameters=(ParameterPlan("message", TEXT),),
        result=ListType(element=TEXT),
        nodes=(*calls, ListNode(name="all", type="list<text>", line=1, column=1, items=items)),
        output="all",
    )
    return Pipeline(plan, AllSteps(Targets({"gpt": model}, {}, Random(1)), {}, Workers()), {"gpt": model})


async def ask_by_hand(model: Instant, message: str) -> str:
    """One call, as a person writes it."""
    body = {"model": "gpt", "messages": [{"role": "user", "content": message}], "stream": False}
    chunk = await model.answer(Call(ChatRequest(body, stream=False)), Trace())
    assert isinstance(chunk, ChatChunk)
    text: str = orjson.loads(chunk.data)["choices"][0]["message"]["content"]
    return text


async def by_hand(model: Instant) -> list[str]:
    first = await asyncio.gather(*(ask_by_hand(model, "hello") for _ in range(5)))
    return await asyncio.gather(*(ask_by_hand(model, answer) for answer in first))


async def timed(action: Callable[[], Awaitable[object]]) -> float:
    """Seconds for one `action`, of a batch of them."""
    started = time.perf_counter()
    for _ in range(BATCH):
        await action()
    return (time.perf_counter() - started) / BATCH


async def measure(rounds: int) -> tuple[float, float]:
    """Median seconds by hand and as a pipeline, measured in turn."""
    model = Instant()
    ready = pipeline(model)

    async def as_pipeline() -> object:
        return (await ready.run({"message": "hello"})).value

    assert await as_pipeline() == await by_hand(model) == ["yes"] * 5
    hand, piped = [], []
    gc.collect()
    for _ in range(rounds):
        hand.append(await timed(lambda: by_hand(model)))
        piped.append(await timed(as_pipeline))
    return statistics.median(hand), statistics.median(piped)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=100)
    arguments = parser.parse_args()
    hand, piped = run_async(measure(arguments.rounds))
    print(f"by hand            {hand * 1e6:8.1f} us")
    print(f"as a pipeline      {piped * 1e6:8.1f} us")
    print(f"the pipeline adds  {(piped - hand) * 1e6:8.1f} us  (at most {ASKED * 1e6:.0f} asked)")


if __name__ == "__main__":
    main()
