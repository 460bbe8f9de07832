"""Processes that spend from one shared budget, each with a store of its own, and what they say they spent."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .forked import PATIENCE, forked_program

PROGRAM = """
import asyncio, json, sys
from inferc.compiler.plan import Budget, BudgetAction, Money, UnavailableAction
from inferc.runtime.limits.idle_budgets import IdleBudgets
from inferc.runtime.limits.shared_budget import SharedBudget
from inferc.runtime.limits.store import open_store
from inferc.runtime.policies import lease
from inferc.runtime.policies.budget import Exceeded
from inferc.runtime.requests.errors import StoreUnavailable

CENT = 10**10

async def main(state, ceiling, pause, attempts, seconds):
    lease.LEASE = seconds
    store = open_store(state)
    await store.start()
    config = Budget(BudgetAction.REJECT, None, Money(ceiling))
    idle = IdleBudgets(store.spend)
    budget = SharedBudget(config, "gpt", "shop/gpt", idle, UnavailableAction.REFUSE, 1.8e9)
    await budget.start()
    loop = asyncio.get_running_loop()
    print(json.dumps("ready"), flush=True)
    for _ in range(attempts):
        held = budget.reserve(loop.time() + 1.8e9, CENT)
        if held is None:
            try:
                held = await budget.acquire(CENT, None)
            except StoreUnavailable:
                held = Exceeded("", None, None)
        if not isinstance(held, Exceeded):
            print(json.dumps(CENT), flush=True)
            await asyncio.sleep(pause)
            budget.settle(held, CENT)
        else:
            await asyncio.sleep(pause)
    await budget.stop()
    await store.stop()

asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])))
"""
"""Prints each amount, in picodollars, before it is spent."""


@contextmanager
def spenders(
    state: str, count: int, *, ceiling: str, pause: float, attempts: int, lease: float = 5
) -> Iterator[list[subprocess.Popen[str]]]:
    """So many processes, all of them ready.

    pause: seconds that a request takes. lease: seconds for which a process may spend what it has leased.
    """
    arguments = [PROGRAM, state, ceiling, pause, attempts, lease]
    processes = [forked_program(*arguments, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    watchdog = threading.Timer(2 * PATIENCE, lambda: [process.kill() for process in processes])
    watchdog.start()
    try:
        for process in processes:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline()) == "ready"
        yield processes
    finally:
        watchdog.cancel()
        for process in processes:
            with process:
                process.kill()


def spent_by(processes: Sequence[subprocess.Popen[str]]) -> int:
    """What all of them spent; waits for their end."""
    return sum(json.loads(line) for process in processes for line in process.stdout or ())
