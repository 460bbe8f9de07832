"""A long load, looked at while it goes on: what became of the requests over time, and what was full."""

from __future__ import annotations

import asyncio
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

from attrs import field

from ...compiler.plan import Plan
from ...compiler.plan.record import define, frozen
from ...compiler.plan.scenarios import LoadPlan, ProviderPlan
from ..concurrency.virtual_time import run_virtual
from ..requests.usage import PICODOLLARS
from .limits_seen import LOOKS, Looked, Watch
from .loads import Arrival, expected, play_arrivals, play_load
from .records import Record, Tally
from .samples import Sample, sample_of
from .sampling import coarse, sampled_plan, sampled_world
from .simulation import simulated

WINDOWS = 24
"""Parts of the time of a load that are shown."""


@define(eq=False)
class Window:
    """The requests that came in one part of the time. began: in seconds. cost: in picodollars."""

    began: float
    count: int = 0
    failures: int = 0
    cost: float = 0.0
    tokens: int = 0
    times: array[float] = field(factory=lambda: array("d"))

    def add(self, record: Record) -> None:
        self.count += 1
        self.cost += record.cost or 0
        self.tokens += record.tokens
        if record.code:
            self.failures += 1
        else:
            self.times.append(record.seconds)

    def percentile(self, share: float) -> float | None:
        """What so many of the answered requests did not exceed."""
        times = sorted(self.times)
        return times[min(int(share * len(times)), len(times) - 1)] if times else None


@define
class Played:
    """How far a load is: requests that have ended, and about how many there will be."""

    ended: int = 0
    expected: int = 0


@frozen(repr=False)  # asyncio makes one of what a task gives
class Run:
    """What came of a load. looked: how full things were. coarse: limits that are so small in the sample that
    little can be said of them.
    """

    tally: Tally
    windows: Sequence[Window]
    seconds: float
    sample: Sample
    looked: Sequence[Looked]
    calls: Mapping[str, int]
    codes: Counter[str]
    coarse: tuple[str, ...]
    lost: int

    @property
    def scale(self) -> float:
        """How many requests each one stands for that is counted."""
        return self.sample.scale

    @property
    def cost(self) -> float | None:
        """Dollars; None where a price is not known."""
        return None if self.tally.unpriced else self.tally.cost / PICODOLLARS * self.scale


def run(
    plan: Plan,
    base_dir: Path,
    world: Mapping[str, ProviderPlan],
    load: LoadPlan | Sequence[Arrival],
    seed: int,
    most: int | None,
    played: Played | None = None,
) -> Run:
    """Play a load, or requests that once came. most: how many are played of more; None: as
    many as it takes, within bounds. played: says how far it is, to
    another thread. Raises StartError, Deadlock.
    """
    return run_virtual(_run(plan, base_dir, world, load, Random(seed), most, played or Played()))


async def _run(
    plan: Plan,
    base_dir: Path,
    world: Mapping[str, ProviderPlan],
    load: LoadPlan | Sequence[Arrival],
    random: Random,
    most: int | None,
    played: Played,
) -> Run:
    if isinstance(load, LoadPlan):
        requests = expected(load)
        seconds = max(each.start + each.seconds for each in load.traffic)
    else:
        requests, seconds = len(load), max((each.at for each in load), default=0.0) + 1.0
    of_plan = load if isinstance(load, LoadPlan) else None
    sample = sample_of(plan, world, of_plan, requests, WINDOWS, most)
    played.ended, played.expected = 0, round(requests / sample.played)
    width = seconds / WINDOWS
    windows = [Window(index * width) for index in range(WINDOWS)]
    at = [*windows, windows[-1]]  # where the last moment is, too
    tally = Tally(weight=sample.scale)

    def told(record: Record) -> None:
        played.ended += 1
        if is_all or sample.is_counted(record.began):
            tally.add(record)
            at[int(record.began / width)].add(record)
            if not is_all:
                called.update(span.deployment for span in record.trace.spans or ())

    is_all, called = not sample.every, Counter[str]()
    sampled = sampled_plan(plan, sample)
    less_world = sampled_world(world, sample)
    async with simulated(sampled, base_dir, less_world, random, sample.thinned) as simulation:
        watch = Watch(simulation)
        watching = asyncio.create_task(watch.go(moments(sample, seconds)))
        try:
            if isinstance(load, LoadPlan):
                lost = await play_load(simulation, load, told, sample)
            else:
                lost = await play_arrivals(simulation, load, told, sample.thinned)
        finally:
            watching.cancel()
            await asyncio.wait([watching])
        calls = {
            name: round((each.calls if is_all else called[name]) * sample.scale)
            for name, each in simulation.providers.items()
        }
        looked = watch.end(plan, sample.thinned)
    tally.count += lost
    small = tuple(coarse(plan, world, of_plan, sample))
    return Run(tally, windows, seconds, sample, looked, calls, tally.codes, small, lost)


def moments(sample: Sample, seconds: float) -> Iterator[list[float]]:
    """When everything is looked at, in each window of the time; only while requests come that count."""
    width = seconds / WINDOWS
    every, counts = sample.every or width, sample.counts or width
    looks = max(round(LOOKS * every / width), 1)
    for window in range(WINDOWS):
        parts = (window * width + part * every for part in range(round(width / every)))
        yield [
            begin + (every - counts) / 2 + (look + 1) * counts / looks
            for begin in parts
            for look in range(looks)
        ]
