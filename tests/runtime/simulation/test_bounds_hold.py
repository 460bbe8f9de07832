"""No request takes more than its bound, whatever is written and whatever fails."""

from __future__ import annotations

import asyncio
from random import Random

from inferc.compiler.analysis.bound import Bound
from inferc.compiler.analysis.bounds import LATE, bounds_of
from inferc.compiler.plan.reach import only
from inferc.compiler.plan.scenarios import AskPlan
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.simulation.records import Record
from inferc.runtime.simulation.simulation import simulated
from tests.support.played import HERE, scenarios
from tests.support.random_programs import RandomProgram
from tests.support.rows import each_row

PROGRAMS = 40
"""`python -m tests.runtime.simulation.test_bounds_hold 0 1000` tries more of them."""


def taken(seed: int) -> list[tuple[str, Bound, Bound]]:
    """The most that one of several requests at a time took of each name, beside the bound of the name."""
    program = RandomProgram.of(seed)
    plan, _ = scenarios(program.text)
    most, random = bounds_of(plan), Random(seed)

    async def ask(name: str) -> Bound:
        count = random.choice([1, 1, 2, 5])
        asked = AskPlan(name, random.choice(["yes", "same", "no"]), stream=random.random() < 0.5)
        async with simulated(only(plan, name), HERE, program.world(), random) as simulation:
            records: list[Record] = await asyncio.gather(
                *(simulation.ask(asked, simulation.request(asked)) for _ in range(count))
            )
            return Bound(
                sum(each.calls for each in simulation.providers.values()) / count,
                max(each.tokens for each in records),
                max((each.cost or 0) / 1e12 for each in records),
                max(each.seconds for each in records),
            )

    return [(name, run_virtual(ask(name)), most[name].bound) for name in program.names]


@each_row("seed", range(PROGRAMS))
def test_no_request_takes_more_than_its_bound(seed: int) -> None:
    timers = 1 + RandomProgram.of(seed).text.count("timeout =")
    for name, took, most in taken(seed):
        assert took.calls <= most.calls, name
        assert took.tokens <= most.tokens, name
        assert took.dollars <= most.dollars, name
        assert took.seconds <= most.seconds + timers * LATE, name


if __name__ == "__main__":
    import sys

    for number in range(*map(int, sys.argv[1:3])):
        test_no_request_takes_more_than_its_bound(number)
