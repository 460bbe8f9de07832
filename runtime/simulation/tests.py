"""One test, played from its first statement to its last."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

from attrs import field

from ...compiler.plan import Plan
from ...compiler.plan.record import define, frozen
from ...compiler.plan.scenarios import AskPlan, ExpectPlan, LoadPlan, Scenario, WaitPlan
from ..concurrency.virtual_time import Deadlock, run_virtual
from ..requests.errors import StartError
from .coverage import Way, reached
from .loads import expected, play_load
from .measures import Broken, Measures, limit_of
from .real_models import RealModels
from .records import Record, Tally
from .samples import Sample
from .sampling import sampled_plan, sampled_world
from .simulation import Simulation, simulated

MOST_PLAYED = 200_000
"""Requests of one test that are played one by one; of more, one of several is."""


@frozen
class Failure:
    """An expectation that does not hold. step: its number. record: the request that shows why."""

    step: int
    broken: Broken
    record: Record | None


@define
class Outcome:
    """What became of a test. problems: why it could not be played. requests: that were played. scale: how
    many each of them stands for. seconds: that passed in it. answers: the text of each `ask`, for snapshots.
    calls: of deployments, by their names.
    """

    title: str
    failures: list[Failure] = field(factory=list)
    problems: tuple[str, ...] = ()
    requests: int = 0
    scale: float = 1.0
    seconds: float = 0.0
    answers: list[str] = field(factory=list)
    reached: set[Way] = field(factory=set)
    calls: dict[str, int] = field(factory=dict)

    @property
    def passed(self) -> bool:
        return not self.failures and not self.problems


def play(
    plan: Plan, base_dir: Path, scenario: Scenario, seed: int, models: RealModels | None = None
) -> Outcome:
    """Play one test; the same seed plays the same. models: those that tests before it have left loaded."""
    outcome = Outcome(scenario.title)
    try:
        random = Random(f"{seed} {scenario.title}")
        run_virtual(_play(plan, base_dir, scenario, random, outcome, models))
    except StartError as error:
        outcome.problems = error.problems
    except Deadlock:
        outcome.problems = ("a request waits for something that never comes",)
    return outcome


async def _play(
    plan: Plan,
    base_dir: Path,
    scenario: Scenario,
    random: Random,
    outcome: Outcome,
    models: RealModels | None,
) -> None:
    loads = [step for step in scenario.steps if isinstance(step, LoadPlan)]
    outcome.scale = max(sum(map(expected, loads)) / MOST_PLAYED, 1.0)
    sample = Sample(outcome.scale)
    limit = limit_of([step.condition for step in scenario.steps if isinstance(step, ExpectPlan)])
    world = sampled_world(scenario.world, sample)
    sampled = sampled_plan(plan, sample)
    async with simulated(sampled, base_dir, world, random, sample.thinned, models) as simulation:
        player = _Player(simulation, outcome, limit)
        for number, step in enumerate(scenario.steps):
            await player.step(number, step)
        outcome.seconds = asyncio.get_running_loop().time()
        outcome.reached = reached(simulation, player.retried)
        counted = ((name, simulation.calls(name)) for name in simulation.providers)
        outcome.calls = {name: count for name, count in counted if count}


class _Player:
    """The statements of one test."""

    def __init__(self, simulation: Simulation, outcome: Outcome, limit: float) -> None:
        self._simulation = simulation
        self._outcome = outcome
        self._limit = limit
        self._measures: Measures | None = None
        self._record: Record | None = None
        self._tally: Tally | None = None
        self.retried: set[str] = set()

    async def step(self, number: int, step: AskPlan | LoadPlan | WaitPlan | ExpectPlan) -> None:
        """Play one statement."""
        if isinstance(step, WaitPlan):
            await asyncio.sleep(step.seconds)
        elif isinstance(step, ExpectPlan):
            self._expect(number, step)
        else:
            before = {name: each.calls for name, each in self._simulation.providers.items()}
            self._record = self._tally = None
            if isinstance(step, LoadPlan):
                self._tally = Tally(self._limit, self._outcome.scale)
                await self._load(step, self._tally)
            elif step.count > 1:
                self._tally = Tally(self._limit)
                await self._many(step, self._tally)
            else:
                self._record = await self._simulation.ask(step, self._simulation.request(step))
                self._outcome.answers.append(self._record.text)
                self._saw(self._record)
                self._outcome.requests += 1
            self._measures = Measures(self._simulation, before, self._record, self._tally)

    async def _load(self, load: LoadPlan, tally: Tally) -> None:
        def told(record: Record) -> None:
            tally.add(record)
            self._saw(record)

        lost = await play_load(self._simulation, load, told, Sample(self._outcome.scale))
        tally.count += lost
        tally.codes["never_ended"] += lost
        self._outcome.requests += tally.count

    async def _many(self, ask: AskPlan, tally: Tally) -> None:
        request = self._simulation.request(ask)

        async def one(index: int) -> None:
            await asyncio.sleep(index * ask.every)
            record = await self._simulation.ask(ask, request, keeps=False)
            tally.add(record)
            self._saw(record)

        await asyncio.gather(*(one(index) for index in range(ask.count)))
        self._outcome.requests += tally.count

    def _saw(self, record: Record) -> None:
        """Note who was asked again."""
        spans = record.trace.spans or ()
        if len(spans) > 1:
            names = [span.deployment for span in spans]
            self.retried |= {name for name in names if names.count(name) > 1}

    def _expect(self, number: int, step: ExpectPlan) -> None:
        if self._measures is None:
            return
        broken = self._measures.broken(step.condition)
        if broken is not None:
            self._outcome.failures.append(Failure(number, broken, self._witness(broken)))

    def _witness(self, broken: Broken) -> Record | None:
        """The request that shows best why something does not hold."""
        if self._tally is None:
            return self._record
        names = {name for name, _ in broken.seen}
        about_time = names & {"p50", "p90", "p95", "p99", "slowest"}
        if about_time:
            return self._tally.slow or self._tally.broke
        return self._tally.broke or self._tally.last
