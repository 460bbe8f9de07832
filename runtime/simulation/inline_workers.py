"""Code of users and long work, run at once in this process: in a simulation it takes no time.

What takes longer on the clock of this machine than it may take is ended.
"""

from __future__ import annotations

import asyncio
import inspect
import pickle
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..requests.errors import ExternFailed, RequestError, StartError
from ..serving.pipelines.threads import Threads
from ..serving.pipelines.workers.job import Job
from ..serving.pipelines.workers.pool import Pool, PoolStatus
from ..serving.pipelines.workers.workers import Workers
from .time_limits import Overdue, stepwise, within

LONGEST = 60.0
"""Seconds that code may run, where nothing else is said."""


class InlinePool(Pool):
    """Calls a function where it is asked for."""

    def __init__(self, name: str, who: str, job: Job | None) -> None:
        self.name = name
        self._who = who
        self._job = job
        self._functions: dict[bytes, Callable[..., Any]] = {}

    @property
    def status(self) -> PoolStatus:
        return PoolStatus(self.name, 0, 0, 0, 0, 0)

    async def start(self) -> None:
        if self._job is not None:
            try:
                with within(LONGEST):
                    self._function(self._job)
            except Overdue:
                raise StartError(f"{self._who}: importing it takes more than {LONGEST:g} s") from None

    def start_soon(self) -> None:
        """There is nothing to start."""

    async def call(
        self, job: Job, values: dict[str, Any], until: float | None = None, limit: float | None = None
    ) -> Any:
        now = asyncio.get_running_loop().time()
        seconds = LONGEST if until is None else max(until - now, 0.0)
        try:
            return await _given(lambda: self._function(job)(values), seconds)
        except Overdue:  # as long as its caller waits
            await asyncio.sleep(seconds)
            raise ExternFailed(f"{self._who} took more than {seconds:g} s") from None
        except (RequestError, StartError):
            raise
        except Exception as error:
            raise ExternFailed(f"{self._who} raised {type(error).__name__}") from None

    async def stop(self) -> None:
        """Nothing runs."""

    def _function(self, job: Job) -> Callable[..., Any]:
        if job.key not in self._functions:
            maker, arguments = pickle.loads(job.key)
            self._functions[job.key] = maker(*arguments)
        return self._functions[job.key]


class InlineWorkers(Workers):
    """Pools without processes."""

    def __init__(self, hidden: Iterable[str] = ()) -> None:
        super().__init__(hidden)
        self._inline = InlinePool("built-in", "it", None)

    def pool(self, name: str, who: str, job: Job, most: int, memory: int | None) -> Pool:
        return InlinePool(name, who, job)

    def start(self) -> None:
        """There is nothing to start."""

    @property
    def built_in(self) -> Pool:
        return self._inline

    @property
    def status(self) -> list[PoolStatus]:
        return []

    async def stop(self) -> None:
        """Nothing runs."""


class InlineThreads(Threads):
    """Functions called where they are asked for."""

    async def run(self, who: str, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        try:
            return await _given(lambda: function(**arguments), LONGEST)
        except Overdue:
            raise ExternFailed(f"{who} took more than {LONGEST:g} s") from None


async def _given(function: Callable[[], Any], seconds: float) -> Any:
    """What `function` gives. Raises Overdue, where that takes too long on the clock of this machine."""
    with within(seconds):
        value = function()
    return await stepwise(value, seconds) if inspect.isawaitable(value) else value
