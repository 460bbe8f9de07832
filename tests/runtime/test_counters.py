"""What has ended is counted together with others, and whoever reads sees all of it."""

from __future__ import annotations

import asyncio

from inferc.runtime.requests.trace_context import PARENT
from inferc.runtime.requests.usage import Usage
from inferc.runtime.serving.counters import DeploymentCounters, Durations

TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_all_that_ended_is_counted_however_many_those_are() -> None:
    counters = DeploymentCounters()
    for number in range(1000):
        failed = number % 4 == 0
        counters.ended(
            "server_error" if failed else "ok",
            began=10.0,
            sent=0.0 if failed else 10.5,
            first=None if failed else 11.0,
            now=16.0,
            usage=None if failed else Usage(3, 11),
        )
    counters.settle()
    assert counters.outcomes == {"ok": 750, "server_error": 250}
    assert {
        name: (sum(each.buckets), each.seconds)
        for name, each in vars(counters).items()
        if isinstance(each, Durations)
    } == {
        "durations": (1000, 6000.0),
        "waits": (750, 375.0),
        "firsts": (750, 375.0),
        "per_token": (750, 375.0),
        "input_tokens": (750, 2250),
        "output_tokens": (750, 8250),
    }
    assert {error: sum(each.buckets) for error, each in counters.operations.items()} == {"": 750}
    assert (counters.prompt_tokens, counters.completion_tokens) == (2250, 8250)


def test_a_duration_ends_the_bucket_that_it_is_the_bound_of() -> None:
    durations = Durations((0.1, 0.3))
    durations.add_all([0.1, 0.1 + 0.2, 10.3 - 10.0, 0.300001])
    assert durations.buckets == [1, 2, 1]


async def test_the_trace_of_a_request_is_an_example_of_what_it_took() -> None:
    counters = DeploymentCounters()

    async def traced() -> None:
        PARENT.set(f"00-{TRACE}-b7ad6b7169203331-01")
        counters.ended("ok", 1.0, 1.5, None, 2.0, Usage(3, 4))

    await asyncio.create_task(traced())
    counters.settle()
    every = (counters.durations, counters.waits, counters.operations[""], counters.input_tokens)
    assert [[it[:2] for it in each.examples.values()] for each in every] == [
        [(TRACE, 1.0)],
        [(TRACE, 0.5)],
        [(TRACE, 0.5)],
        [(TRACE, 3)],
    ]
