"""What a hedge does to the slowest answers, in virtual time, against what the arithmetic predicts.

    python bench/hedge.py [--requests N] [--rate R]

Two members answer after times that are mostly short and sometimes long (log-normal, seeded). A hedge that
asks the second one after `a` seconds is slower than `t` when the first one is, and the second one is slower
than `t - a`: its 99th percentile follows from that of one member. Prints both, and the share of requests
that were sent twice.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import statistics
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.fakes import CHAT, FakeReplica
from tests.support.members import member

from inferc.compiler.plan import Duration, HedgePlan, SourceRef, TaskKind
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.requests.answer import ChatChunk, Chunk
from inferc.runtime.requests.call import Call
from inferc.runtime.requests.request import Request
from inferc.runtime.requests.trace import Trace
from inferc.runtime.serving.model import Model
from inferc.runtime.serving.routes.hedge import Hedge

MEDIAN, SIGMA = 1.0, 0.8
"""Seconds; and how far the long ones reach: the 99th percentile of one member is 6.4 s."""

TOLERANCE = 0.05
"""How far the simulation may be from the prediction, relative."""


class Varying(FakeReplica):
    """Answers in one piece, after a time that `random` gives."""

    random = Random(1)

    async def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        self.started.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.random.lognormvariate(math.log(MEDIAN), SIGMA))
        yield ChatChunk(b"0")


def slower_than(seconds: float) -> float:
    """The probability that one member takes longer."""
    return 1.0 if seconds <= 0 else 1 - statistics.NormalDist().cdf(math.log(seconds / MEDIAN) / SIGMA)


def predicted(after: float, share: float) -> float:
    """The time that all but `share` of the requests to a hedge take at most."""
    low, high = 0.0, 1000.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        both = slower_than(middle) * slower_than(middle - after)
        low, high = (middle, high) if both > share else (low, middle)
    return high


async def times_of(target: Model, requests: int, rate: float) -> list[float]:
    """How long each of the requests took, sorted; they come at `rate` a second, whoever waits."""
    loop = asyncio.get_running_loop()

    async def one(number: int) -> float:
        await asyncio.sleep(number / rate)
        began = loop.time()
        await target.answer(Call(CHAT), Trace())
        return loop.time() - began

    return sorted(await asyncio.gather(*(one(number) for number in range(requests))))


def simulated(after: float, requests: int, rate: float) -> tuple[float, float, float]:
    """Median and 99th percentile of a hedge, and the share of requests that the second member got."""

    async def run() -> tuple[float, float, float]:
        members = [member(name, Varying(), max_concurrent=100_000) for name in "ab"]
        plan = HedgePlan(
            route="r",
            source=SourceRef("bench.infer", 1, 1),
            task=TaskKind.CHAT,
            members=("a", "b"),
            after=Duration(after),
        )
        times = await times_of(Hedge(plan, members), requests, rate)
        second = len(members[1]._replicas[0].started)
        return times[len(times) // 2], times[int(len(times) * 0.99)], second / requests

    return run_virtual(run())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=50.0)
    arguments = parser.parse_args()
    print(f"one member: p50 {MEDIAN:.2f} s, p99 {predicted(math.inf, 0.01):.2f} s")
    print("asked after    p50    p99   predicted   asked twice   predicted")
    wrong = 0
    for after in (0.5, 1.0, 2.0, 4.0):
        middle, slowest, twice = simulated(after, arguments.requests, arguments.rate)
        expected = predicted(after, 0.01)
        wrong += abs(slowest / expected - 1) > TOLERANCE
        times = f"{after:9.1f} s {middle:6.2f} {slowest:6.2f} {expected:11.2f}"
        print(f"{times} {twice:12.1%} {slower_than(after):11.1%}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
