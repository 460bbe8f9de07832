"""All worker processes of an executor."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ....requests.errors import ExternFailed, StepFailed
from ....requests.health import Finding, Health
from .forkserver import ForkServer
from .job import Job
from .pool import Pool, PoolStatus

MAX_SECONDS = 5.0
"""How long a function of the language, or a prompt, may take."""

BUILT_IN = "built-in"

PRELOAD = tuple(
    f"{__package__.rpartition('.')[0]}.{name}" for name in ("builtins.table", "values.convert", "prompts")
)
_MEMORY = 2 << 30
"""Bytes of address space of a worker for functions of the language."""


class Workers:
    """The pools: one for each extern, and one for what the language computes.

    Nothing is started before it is needed. hidden: variables of the environment that no worker sees.
    """

    def __init__(self, hidden: Iterable[str] = ()) -> None:
        self._server = ForkServer(hidden, preload=PRELOAD)
        self._pools: dict[str, Pool] = {}
        self._built_in: Pool | None = None
        self._wants_built_in = False

    def pool(self, name: str, who: str, job: Job, most: int, memory: int | None) -> Pool:
        """A pool for an extern. who: as messages call it."""
        self._pools[name] = pool = Pool(self._server, name, who, job, most, memory)
        return pool

    def function(
        self, what: str, maker: Callable[..., Any], *arguments: Any, is_needed: bool = False
    ) -> Function:
        """`maker(*arguments)`, to be called in a worker. what: as messages call it.

        is_needed: a worker is started for it in `start`, rather than when it is called first.
        """
        self._wants_built_in = self._wants_built_in or is_needed
        return Function(self, what, Job(maker, *arguments))

    def start(self) -> None:
        """Start what will be needed, in the background."""
        if self._wants_built_in:
            self.built_in.start_soon()

    @property
    def built_in(self) -> Pool:
        """The pool for what the language computes."""
        if self._built_in is None:
            most = max(4, os.cpu_count() or 1)
            self._built_in = Pool(self._server, BUILT_IN, "it", None, most, _MEMORY, nice=10)
        return self._built_in

    @property
    def status(self) -> list[PoolStatus]:
        """How all pools are now."""
        pools = [*self._pools.values(), *([self._built_in] if self._built_in else [])]
        return [pool.status for pool in pools]

    def findings(self) -> Iterator[Finding]:
        """Where calls wait because all processes are busy."""
        for pool in self.status:
            if pool.waiting:
                part = "prompts and functions" if pool.name == BUILT_IN else f"extern `{pool.name}`"
                reason = f"{pool.waiting} calls wait: {pool.workers} processes have {pool.running}"
                yield Finding(part, Health.DEGRADED, reason)

    async def stop(self) -> None:
        """End all workers; their calls fail. Safe to call twice."""
        pools = [*self._pools.values(), *([self._built_in] if self._built_in else [])]
        await asyncio.gather(*(pool.stop() for pool in pools))
        await self._server.stop()


class Function:
    """A function of the language that runs in a worker, and ends after MAX_SECONDS."""

    def __init__(self, workers: Workers, what: str, job: Job) -> None:
        self._workers = workers
        self._what = what
        self._job = job

    async def __call__(self, values: Mapping[str, Any]) -> Any:
        """Raises StepFailed."""
        try:
            return await self._workers.built_in.call(self._job, dict(values), limit=MAX_SECONDS)
        except TimeoutError:
            raise StepFailed(f"{self._what} takes too long: it may take {MAX_SECONDS:g} s") from None
        except ExternFailed as error:
            raise StepFailed(f"{self._what} cannot be computed: {error.message}") from None
