"""One version of a model in memory, from loading it to giving everything back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from pathlib import Path

from attrs import evolve

from .....compiler.plan import ExecutionProvider, OnnxServingPlan, ReplicaPlacement
from ....concurrency.native_work import in_own_thread
from ....requests.answer import Chunk
from ....requests.errors import RequestError, RequestTimeout, ShuttingDown, StartError
from ....requests.request import Request
from ...replica import LOAD_TIMEOUT, ReplicaStatus, RunSizes
from ..model import OnnxModel, ServedTask
from ..queue.runner import Stopper
from ..sessions.cores import usable_cores
from ..sessions.providers import GPU_PROVIDERS, device_of, has_cuda_graphs
from ..sessions.session import OpenSession, open_session
from ..sessions.shared import SharedSessions
from ..signature import inputs_of, outputs_of
from ..tasks import make_task
from .isolated_load import load_isolated
from .memory import give_back_memory
from .time_limit import limited
from .warm_up import warm_up

log = logging.getLogger(__name__)

GPU_RUNS = 2
"""Runs at the same time on a GPU: one computes while the next is made ready."""

CPU_RUNS = 8
"""Least runs at the same time on a CPU whose cores all work on each run: fewer leave cores waiting."""

CPU_BATCHES = 2
"""Most runs at the same time there of requests that share them: more would have fewer rows each."""


class LoadedModel:
    """A session, its threads and its task. Used from one event loop.

    key: those with the same one share a session. trusted: load the model at once; else see `isolated_load`.
    time_limit: seconds that a load, and the runs after it, may take.
    """

    def __init__(
        self,
        plan: OnnxServingPlan,
        placement: ReplicaPlacement,
        base_dir: Path,
        sessions: SharedSessions,
        run_sizes: RunSizes,
        *,
        trusted: bool = True,
        time_limit: float = LOAD_TIMEOUT,
    ) -> None:
        self.plan = plan
        self._placement = placement
        self._base_dir = base_dir
        self._sessions = sessions
        self._run_sizes = run_sizes
        self._trusted = trusted
        self._time_limit = time_limit
        self._path = base_dir / plan.model.path
        self._owner = f"deployment `{plan.deployment}`"
        shares = plan.share_weights and not has_cuda_graphs(plan.providers)
        alone = None if shares else placement.replica_index
        where = (placement.node, placement.gpu_indices, alone)
        self.key: Hashable = (repr(plan), str(base_dir.absolute()), where)
        self._runs = concurrent_runs(plan, usable_cores())
        self._runs_alone = concurrent_runs(evolve(plan, batching=None), usable_cores())
        # One more, so that a long text is tokenised while all runs are busy.
        self._threads = ThreadPoolExecutor(self._runs_alone + 1, thread_name_prefix=f"onnx-{plan.deployment}")
        self._has_session = False
        self._task: ServedTask | None = None
        self._closing: asyncio.Task[None] | None = None
        self._callers = 0
        self._idle: asyncio.Future[None] | None = None
        self._status = ReplicaStatus(ready=False)

    async def open(self) -> None:
        """Load the model and what its task needs, and run it once. Raises StartError."""
        if not self._trusted:
            await load_isolated(self.plan, self._placement, self._base_dir, self._time_limit)
        opened = await self._sessions.acquire(self.key, self._load)
        self._has_session = True
        model = OnnxModel(
            self.plan,
            opened.ort,
            self._threads,
            self._runs,
            self._runs_alone,
            self._base_dir,
            device_of(opened.providers, self._placement),
            self._owner,
            self._run_sizes,
            opened.providers == (ExecutionProvider.CPU,),
            opened.side_by_side,
        )
        stopper = Stopper()
        try:
            async with limited(f"{self._owner}: the first run of {self._path}, a warm-up,", self._time_limit):
                self._task = await model.in_thread(partial(make_task, model))
                warnings = await model.in_thread(partial(self._task.warm_up, stopper))
                await model.in_thread(partial(warm_up, model, stopper))
        except RequestError as error:
            raise StartError(f"{error.message}; this was its first run, a warm-up") from None
        finally:
            stopper.stop()
        for warning in warnings:
            log.warning("%s", warning)
        self._status = ReplicaStatus(
            ready=True,
            providers=tuple(provider.value for provider in opened.providers),
            missing=tuple(
                spec.name.value for spec in self.plan.providers if spec.name not in opened.providers
            ),
            warnings=(*opened.warnings, *warnings),
            inputs=inputs_of(opened.ort, self.plan.signature),
            outputs=outputs_of(opened.ort, self.plan.signature),
            run_sizes=self._run_sizes,
        )

    async def close(self) -> None:
        """Wait for what runs, refuse what is queued, give back the session and the threads."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def idle(self) -> None:
        """Wait until no request is being answered."""
        if self._callers:
            self._idle = self._idle or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._idle)

    def status(self) -> ReplicaStatus:
        return self._status

    def left_out(self, request: Request) -> tuple[str, ...]:
        """The names of the fields of `request` that change nothing here. Raises BadRequest."""
        if self._task is None:
            return ()
        try:
            return self._task.left_out(request)
        except RequestError as error:
            raise self._named(error) from None

    async def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        """The answer to `request`, in pieces. Raises RequestError."""
        task = self._enter()
        try:
            async with aclosing(task.stream(request, deadline)) as chunks:
                while True:
                    async with asyncio.timeout_at(deadline):
                        chunk = await anext(chunks, None)
                    if chunk is None:
                        return
                    yield chunk
        except (TimeoutError, RequestError) as error:
            raise self._named(error) from None
        finally:
            self._leave()

    async def answer(self, request: Request, deadline: float | None) -> Chunk:
        """The whole answer to `request`. Raises RequestError."""
        task = self._enter()
        try:
            if deadline is None:
                return await task.answer(request, deadline)
            async with asyncio.timeout_at(deadline):
                return await task.answer(request, deadline)
        except (TimeoutError, RequestError) as error:
            raise self._named(error) from None
        finally:
            self._leave()

    def _enter(self) -> ServedTask:
        """The task, for one request; `_leave` ends it. Raises ShuttingDown."""
        if self._closing or self._task is None:
            what = "shutting down" if self._closing else "not loaded"
            raise ShuttingDown(f"{self._owner} is {what}", deployment=self.plan.deployment)
        self._callers += 1
        return self._task

    def _leave(self) -> None:
        self._callers -= 1
        if self._idle is not None and not self._callers:
            self._idle.set_result(None)
            self._idle = None

    def _named(self, error: TimeoutError | RequestError) -> RequestError:
        """`error` as clients see it: with the name of the deployment."""
        if isinstance(error, TimeoutError):
            error = RequestTimeout(f"{self._owner} did not answer in time")
        error.deployment = self.plan.deployment
        return error

    async def _close(self) -> None:
        if self._task:
            await self._task.close()
        await asyncio.to_thread(self._threads.shutdown)
        self._task = None
        self._status = ReplicaStatus(ready=False)
        if self._has_session:
            self._sessions.release(self.key)
            self._has_session = False
        await asyncio.to_thread(give_back_memory)

    async def _load(self) -> OpenSession:
        """Nothing can break off what ONNX Runtime loads: past its limit, it is left behind."""
        async with limited(f"{self._owner}: loading {self._path}", self._time_limit):
            return await in_own_thread(partial(open_session, self.plan, self._placement, self._base_dir))


def concurrent_runs(plan: OnnxServingPlan, cores: int) -> int:
    """How many runs of the model may go on at the same time in one replica.

    On a CPU, `intra_op_threads` says how many cores a run takes. Unset, each takes all of them: then a few
    runs with many rows are better than many runs.
    """
    if has_cuda_graphs(plan.providers):
        return 1
    if any(spec.name in GPU_PROVIDERS for spec in plan.providers):
        return GPU_RUNS
    if plan.session.intra_op_threads:
        return max(1, cores // plan.session.intra_op_threads)
    return min(CPU_BATCHES, cores) if plan.batching else max(CPU_RUNS, cores)
