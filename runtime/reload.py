"""A changed plan, taken over while requests are answered; or nothing of it, where something is wrong."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Protocol

from ..compiler.plan import Plan
from .admin import AUDIT
from .concurrency.tasks import end_task, repeated
from .plan_changes import changes
from .requests.errors import StartError
from .systemd import notify, notify_reloading

log = logging.getLogger(__name__)
audit = logging.getLogger(AUDIT)

Reread = Callable[[], Plan | None]
"""Reads the plan again. Blocks. None when it cannot be used, which it says itself. Raises StartError."""

TakeOver = Callable[[Plan], Awaitable[None]]
"""Serves another plan from now on. Raises StartError, and then nothing has changed."""


class Serving(Protocol):
    """What serves a plan, and takes over another one."""

    reload_problems: tuple[str, ...]

    @property
    def plan(self) -> Plan: ...

    async def reload(self, plan: Plan) -> None: ...


class Reloader:
    """Reads the plan again when it is asked to, and takes it over; one after the other.

    take_over: what serves a plan; the executor, where nothing stands in front of it.
    """

    def __init__(self, executor: Serving, reread: Reread, take_over: TakeOver | None = None) -> None:
        self._executor = executor
        self._reread = reread
        self._take_over = take_over or executor.reload
        self._turn = asyncio.Lock()
        self.changes: list[str] = []
        """What the last reload has changed."""

    async def reload(self, why: str) -> tuple[str, ...]:
        """Take over what has changed. Gives the problems that kept it from that; then nothing has changed."""
        async with self._turn:
            log.info("%s: reading the plan again", why)
            notify_reloading()
            try:
                problems = await self._reload()
            except Exception:
                log.exception("reloading failed because of a defect in inferc")
                problems = (
                    "reloading failed because of a defect in inferc; the log of the server says more",
                )
            notify("READY=1")
            self._executor.reload_problems = problems
            for problem in problems:
                log.error("reload: %s", problem)
            if problems:
                log.error("reload: everything is served as before")
            return problems

    async def change(self, make: Callable[[Plan], Plan]) -> tuple[str, ...]:
        """Serve what `make` makes of the plan, until the file is read again. Gives the problems, and raises
        what `make` does; then nothing has changed.
        """
        async with self._turn:
            try:
                await self._take_over(make(self._executor.plan))
            except StartError as error:
                return error.problems
            return ()

    async def difference(self) -> tuple[list[str], tuple[str, ...]]:
        """What a reload would change, and what is wrong with the file."""
        try:
            plan = await asyncio.to_thread(self._reread)
        except StartError as error:
            return [], error.problems
        return ([], (UNUSABLE,)) if plan is None else (changes(self._executor.plan, plan), ())

    async def _reload(self) -> tuple[str, ...]:
        self.changes = []
        try:
            plan = await asyncio.to_thread(self._reread)
            if plan is None:
                return (UNUSABLE,)
            changed = changes(self._executor.plan, plan)
            await self._take_over(plan)
        except StartError as error:
            return error.problems
        self.changes = changed
        for change in changed:
            log.info("reload: %s", change)
        if not changed:
            log.info("reload: nothing has changed")
        return ()


WATCH_EVERY = 0.5
"""Seconds between two looks at the files."""

UNUSABLE = "the file cannot be used; `inferc check` says why"


def hangups() -> asyncio.Event:
    """What each SIGHUP sets from now on: without a handler, it would end the process, while that starts.

    One that came before, while it was blocked, counts.
    """
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, asked.set)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP])  # of before, too
    return asked


@asynccontextmanager
async def reloading_on_hangup(reloader: Reloader | None, asked: asyncio.Event) -> AsyncIterator[None]:
    """While the block runs, SIGHUP reloads, and so does one of before, which has set `asked`; behind it, what
    is in flight finishes in spite of one."""
    if reloader is None:
        yield
        return
    task = asyncio.create_task(_reload_when(asked, reloader), name="reload on SIGHUP")
    try:
        yield
    finally:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _too_late)
        await end_task(task)


def _too_late() -> None:
    log.info("SIGHUP: nothing is reloaded any more, this process is about to end")


def reloading_on_change(
    reloader: Reloader, changed: Callable[[], bool] | None
) -> AbstractAsyncContextManager[None]:
    """While the block runs, look whether files have `changed`, and reload."""
    if changed is None:
        return nullcontext()

    async def look() -> None:
        if await asyncio.to_thread(changed):
            audit.warning("a file has changed: reload")
            await reloader.reload("a file has changed")

    return repeated(look, WATCH_EVERY, "reload on change")


async def _reload_when(asked: asyncio.Event, reloader: Reloader) -> None:
    while True:
        await asked.wait()
        asked.clear()
        audit.warning("SIGHUP: reload")
        await reloader.reload("SIGHUP")
