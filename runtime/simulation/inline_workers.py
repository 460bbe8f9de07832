"""Code of users and long work, run at once in this process: in a simulation it takes no time."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..requests.errors import ExternFailed, RequestError, StartError
from ..serving.pipelines import Threads, Workers
from ..serving.pipelines.workers import Job, PoolStatus
from ..serving.pipelines.workers.pool import Pool


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
            self._function(self._job)

    def start_soon(self) -> None:
        """There is nothing to start."""

    async def call(
        self, job: Job, values: dict[str, Any], until: float | None = None, limit: float | None = None
    ) -> Any:
        try:
            value = self._function(job)(values)
            return await value if inspect.isawaitable(value) else value
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
        value = function(**arguments)
        return await value if inspect.isawaitable(value) else value
