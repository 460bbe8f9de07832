"""A model in memory, as the tasks see it: its session, and the threads that run it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from attrs import field

from ....compiler.plan import Batching, OnnxServingPlan
from ....compiler.plan.record import frozen
from ...requests.answer import Chunk
from ...requests.request import Request
from ..replica import RunSizes
from .queue.batching import BatchQueue
from .queue.runner import Runner, Stopper
from .queue.scheduling import Scheduler
from .sessions.io_binding import BoundRuns, Run
from .sessions.native_output import FATAL
from .sessions.providers import has_cuda_graphs
from .sessions.side_by_side import SideBySide

if TYPE_CHECKING:
    import onnxruntime

T = TypeVar("T")
Load = TypeVar("Load")
Result = TypeVar("Result")


class ServedTask(Protocol):
    """Answers the requests to one model."""

    def warm_up(self, stopper: Stopper) -> Sequence[str]:
        """Run the model before the first request, and find out whether requests can share its runs.

        Gives what is not as it was asked for, in words. Blocks; `stopper` ends it. Raises RequestError.
        """
        ...

    async def answer(self, request: Request, deadline: float | None) -> Chunk:
        """The whole answer to a request of this task's kind. Raises RequestError."""
        ...

    def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        """The same in pieces."""
        ...

    def left_out(self, request: Request) -> tuple[str, ...]:
        """The names of the fields of `request` that change nothing here. Raises BadRequest."""
        ...

    async def close(self) -> None:
        """Refuse what is queued, and wait for what runs."""


class WholeAnswers(ABC):
    """A task whose answers have one piece."""

    @abstractmethod
    async def answer(self, request: Request, deadline: float | None) -> Chunk:
        """The answer to a request of this task's kind. Raises RequestError."""

    def left_out(self, request: Request) -> tuple[str, ...]:
        """None: all that is said counts."""
        return ()

    async def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        """The same, as a stream of one piece."""
        yield await self.answer(request, deadline)


@frozen
class OnnxModel:
    """runs: how many runs may go on at the same time; runs_alone: the same where requests share none.

    base_dir: what the plan's paths are relative to.

    device: where the model runs, "cpu" or "cuda", and its index. run_sizes: counts the runs of so many rows.
    is_on_cpu: whether all of it runs on the CPU's own provider. side_by_side: of the session.
    """

    plan: OnnxServingPlan
    session: onnxruntime.InferenceSession
    threads: ThreadPoolExecutor
    runs: int
    runs_alone: int
    base_dir: Path
    device: tuple[str, int]
    owner: str
    run_sizes: RunSizes = field(factory=RunSizes)
    is_on_cpu: bool = False
    side_by_side: SideBySide | None = None
    run: Run = field(init=False)

    @run.default
    def _(self) -> Run:
        """How inputs from the host are run: bound to fixed places where CUDA graphs are recorded."""
        if has_cuda_graphs(self.plan.providers) and self.device[0] == "cuda":
            return BoundRuns(self.session, self.device).run
        plain: Any = self.session.run
        return plain  # type: ignore[no-any-return]

    @property
    def long_run(self) -> Run:
        """The same off the event loop, for runs that may be long: see `side_by_side`."""
        said = self.plan.session
        takes_all_cores = self.is_on_cpu and not said.intra_op_threads and said.inter_op_threads <= 1
        return self.side_by_side.run if self.side_by_side and takes_all_cores else self.run

    def runner(
        self,
        run: Callable[[Sequence[Load], Stopper], Sequence[Result]],
        batching: Batching | None,
        *,
        is_loop: bool = False,
    ) -> Runner[Load, Result]:
        """A runner of `run` on the threads of the model.

        is_loop: whoever gets a result comes back with what follows from it. With batching, all go together.
        """
        shared = batching is None and self.device[0] == "cpu"
        turns: Scheduler[Any] = Scheduler() if shared else Scheduler(0)
        together = is_loop and batching is not None
        # A thread that is done finds its next run there, without a way to the event loop and back.
        runs = self.runs if batching else self.runs_alone
        at_once = 2 * runs if shared else runs
        has_all_cores = self.device[0] == "cpu" and not self.plan.session.intra_op_threads
        shares_cores = batching is not None and has_all_cores
        queue = BatchQueue(batching, 1 if together else at_once, shares_cores=shares_cores)
        return Runner(queue, self.threads, run, self.owner, turns, self.run_sizes, waits_for_callers=together)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """The outcome of `work`, off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, work)


def run_options(stopper: Stopper | None = None) -> Any:
    """Options of one run, which `stopper` can end; what fails is raised and not printed as well."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.log_severity_level = FATAL
    if stopper is not None:
        stopper.on_stop(lambda: setattr(options, "terminate", True))
    return options
