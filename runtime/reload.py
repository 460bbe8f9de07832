"""Changed models, taken over while requests are answered."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ..compiler.plan import OnnxServingPlan, Plan
from .executor import Executor
from .requests.errors import StartError

log = logging.getLogger(__name__)

Reread = Callable[[], Plan | None]
"""Reads the plan again. Blocks. None when it cannot be used, which it says itself."""


async def reload_models(executor: Executor, plan: Plan) -> None:
    """Serve the local models as `plan` has them.

    Only models, and what they are loaded with, are taken over; a model that cannot be loaded is logged,
    and served as it was. What else has changed is logged, too: it needs a restart. Both are kept as
    `executor.reload_problems`.
    """
    problems: list[str] = []
    wanted = {each.deployment: each for each in plan.deployments}
    rest = wanted.keys() ^ executor.deployments.keys()
    for name, deployment in executor.deployments.items():
        new = wanted.get(name)
        if new is None or new == deployment.plan:
            continue
        if name in executor.broken or not isinstance(new, OnnxServingPlan) or not deployment.can_reload(new):
            rest |= {name}
            continue
        try:
            await deployment.reload(new)
        except StartError as error:
            for problem in error.problems:
                problems.append(f"{problem}; it is served as before")
                log.error("%s", problems[-1])
        else:
            log.info("deployment `%s`: serves the model as it is now", name)
    changed = sorted(f"deployment `{name}`" for name in rest)
    old = executor.plan
    parts = {
        "the gateway": plan.gateway == old.gateway,
        "routes": plan.routes == old.routes,
        "the state": plan.state == old.state,
        "pipelines": (plan.pipelines, plan.externs) == (old.pipelines, old.externs),
    }
    changed += [part for part, is_same in parts.items() if not is_same]
    if changed:
        problems.append(f"restart to take over what has changed: {', '.join(changed)}")
        log.warning("%s", problems[-1])
    executor.reload_problems = tuple(problems)


@asynccontextmanager
async def reloading_on_hangup(executor: Executor, reread: Reread | None) -> AsyncIterator[None]:
    """While the block runs, SIGHUP reads the plan again and reloads what has changed; one after the other."""
    if reread is None:
        yield
        return
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    task = asyncio.create_task(_reload_when(asked, executor, reread))
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        task.cancel()
        await asyncio.wait([task])


async def _reload_when(asked: asyncio.Event, executor: Executor, reread: Reread) -> None:
    while True:
        await asked.wait()
        asked.clear()
        log.info("SIGHUP: reading the plan again")
        try:
            plan = await asyncio.to_thread(reread)
            if plan is None:
                problem = "the plan cannot be used: everything is served as before"
                log.error(problem)
                executor.reload_problems = (f"{problem}; the log of the server says why",)
            else:
                await reload_models(executor, plan)
        except Exception:
            problem = "reloading failed because of a defect in inferc: everything is served as before"
            log.exception(problem)
            executor.reload_problems = (problem,)
