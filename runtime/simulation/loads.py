"""Requests that come by themselves: at random, so many in a second, whatever becomes of those before them."""

from __future__ import annotations

import asyncio
import math
from asyncio import current_task
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from ...compiler.plan.record import frozen
from ...compiler.plan.scenarios import AskPlan, LoadPlan, Shape, TrafficPlan
from .followed_splits import follow_splits
from .provider import RECORDED, Recorded, Seen
from .records import Record
from .samples import Sample
from .simulation import Simulation, prompt_of
from .wires import AS_ASKED

DAY = 86_400.0
_QUIETEST = 0.05
"""What is left of the peak of a working day in the middle of the night."""

_PEAK = 16 * 3600.0
_PATIENCE = 3600.0
"""Seconds after the last request of a load in which all must have an end."""

Told = Callable[[Record], None]


async def play_load(simulation: Simulation, load: LoadPlan, told: Told, sample: Sample) -> int:
    """Play all of `load`, or a sample; gives how many requests never ended. told: each, when it ends."""
    for provider in simulation.providers.values():
        provider.answer_tokens, provider.searches = load.answer, load.searches
    running: set[Any] = set()
    sources = [_source(simulation, load, traffic, told, running, sample) for traffic in load.traffic]
    await asyncio.gather(*sources)
    lost = await _finish(running)
    for provider in simulation.providers.values():
        provider.answer_tokens, provider.searches = None, 0
    return lost


@frozen
class Arrival:
    """A request that once came, so many seconds after the first one. prompt, answer: its tokens.

    seen: its attempts, as far as they are known. asked: the deployment that was asked first, or that
    would have been, had it not been refused.
    """

    at: float
    name: str
    prompt: int
    answer: int
    key: str | None = None
    stream: bool = False
    seen: tuple[Seen, ...] = ()
    asked: str | None = None


async def play_arrivals(
    simulation: Simulation, arrivals: Sequence[Arrival], told: Told, scale: float = 1.0
) -> int:
    """The same of requests that once came; of a sample, each so many-th."""
    loop = asyncio.get_running_loop()
    running: set[Any] = set()
    began, due = loop.time(), 0.0
    for provider in simulation.providers.values():
        provider.answer_tokens = AS_ASKED
    follow_splits(simulation.executor.routes)

    async def one(arrival: Arrival) -> None:
        RECORDED.set(
            Recorded(arrival.asked, list(arrival.seen))
        )  # of this task alone, and those that it starts
        ask = AskPlan(arrival.name, prompt_of(arrival.prompt), stream=arrival.stream, key=arrival.key)
        request = simulation.request(ask, answer_tokens=max(arrival.answer, 1))
        try:
            told(await simulation.ask(ask, request, keeps=False))
        finally:
            running.discard(current_task(loop))

    for number, arrival in enumerate(arrivals):
        if number < due:
            continue
        due += scale
        if (wait := began + arrival.at - loop.time()) > 0:
            await asyncio.sleep(wait)
        running.add(loop.create_task(one(arrival)))
    return await _finish(running)


async def _finish(running: set[Any]) -> int:
    """Wait for what still runs; gives how many never ended."""
    if running:
        await asyncio.wait(running, timeout=_PATIENCE)
    left = [task for task in running if not task.done()]
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left)
    return len(left)


async def _source(
    simulation: Simulation,
    load: LoadPlan,
    traffic: TrafficPlan,
    told: Told,
    running: set[Any],
    sample: Sample,
) -> None:
    loop = asyncio.get_running_loop()
    ask = AskPlan(traffic.name, prompt_of(load.prompt), stream=load.stream, key=load.key)
    request = simulation.request(ask)
    random = Random(simulation.random.random())
    began = loop.time() + traffic.start
    end = began + traffic.seconds
    rate = traffic.per_second / sample.thinned

    async def one() -> None:
        try:
            told(await simulation.ask(ask, request, keeps=False))
        finally:
            running.discard(current_task(loop))

    def plan_next(at: float) -> None:
        """Whoever comes after `at` asks when its time has come."""
        while (at := at + random.expovariate(rate)) < end:
            if (pause := sample.goes_on(at - began)) is not None:
                at = began + pause
            elif load.shape is Shape.STEADY or random.random() < of_peak(at - began):
                loop.call_at(at, arrive, at)
                return

    def arrive(at: float) -> None:
        running.add(loop.create_task(one()))
        plan_next(at)

    plan_next(began)
    if loop.time() < end:
        await asyncio.sleep(end - loop.time())


def of_peak(seconds: float) -> float:
    """How much of its peak the traffic of a working day has, so long after midnight."""
    around = 0.5 + 0.5 * math.cos(2 * math.pi * (seconds - _PEAK) / DAY)
    return _QUIETEST + (1 - _QUIETEST) * around


def expected(load: LoadPlan) -> float:
    """How many requests come, about."""
    return sum(_expected(load, each) for each in load.traffic)


def _expected(load: LoadPlan, traffic: TrafficPlan) -> float:
    if load.shape is Shape.STEADY:
        return traffic.per_second * traffic.seconds
    steps = 288
    width = traffic.seconds / steps
    return traffic.per_second * width * sum(of_peak((i + 0.5) * width) for i in range(steps))
