"""A replica that runs an ONNX model in this process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Coroutine, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from ...compiler.plan import EmbedSpec, ExecutionProvider, OnnxServingPlan, ReplicaPlacement
from ..errors import BadRequest, RequestError, RequestTimeout, ShuttingDown, Unsupported
from ..replica import ChatRequest, Chunk, EmbedChunk, EmbedRequest, Request, Usage
from .batching import BatchQueue
from .files import find_file
from .lengths import bucket, by_length
from .providers import GPU_PROVIDERS
from .runner import Runner
from .session import OpenSession, open_session
from .sharing import SharedSessions
from .tokens import QUICK_CHARACTERS, TextEncoder, Tokens, load_tokenizer

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

MAX_ROWS = 32
"""Most rows in one run of a deployment without batching; a longer request takes several runs."""

GPU_RUNS = 2
"""Runs at the same time on a GPU: one computes while the next is made ready."""

CPU_RUNS = 8
"""Least runs at the same time on a CPU whose cores all work on each run: fewer leave cores waiting."""

_sessions = SharedSessions()


@frozen
class _Embedding:
    """What a loaded `embed` deployment answers with. max_rows: most rows in one run."""

    encoder: TextEncoder
    runner: Runner[Tokens]
    max_rows: int


class OnnxReplica:
    """An ONNX model, loaded when it starts and run on threads of its own, off the event loop.

    Replicas of one deployment on the same devices share one session, and so the weights.
    base_dir: what the paths in the plan are relative to.
    """

    def __init__(
        self,
        plan: OnnxServingPlan,
        placement: ReplicaPlacement,
        base_dir: Path,
        sessions: SharedSessions = _sessions,
    ) -> None:
        self._plan = plan
        self._placement = placement
        self._base_dir = base_dir
        self._sessions = sessions
        self._owner = f"deployment `{plan.deployment}`"
        self._key: Hashable = (repr(plan), str(base_dir.absolute()), placement.node, placement.gpu_indices)
        self._runs = concurrent_runs(plan, _cores())
        # One more, so that a long text is tokenised while all runs are busy.
        self._threads = ThreadPoolExecutor(self._runs + 1, thread_name_prefix=f"onnx-{plan.deployment}")
        self._loading: asyncio.Future[OpenSession] | None = None
        self._embedding: _Embedding | None = None
        self._stopping: asyncio.Task[None] | None = None
        self.providers: tuple[ExecutionProvider, ...] = ()
        """The execution providers really in use, in order; empty until started."""

    async def start(self) -> None:
        """Load the model, and the tokenizer of an `embed` task. Raises StartError."""
        loop = asyncio.get_running_loop()
        self._loading = loop.run_in_executor(self._threads, self._open)
        opened = await asyncio.shield(self._loading)
        if isinstance(self._plan.task, EmbedSpec):
            self._embedding = await loop.run_in_executor(
                self._threads, self._prepare, opened, self._plan.task
            )
        self.providers = opened.providers

    async def stop(self) -> None:
        """Wait for what runs, refuse what is queued, give back the session and the threads."""
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())
        await asyncio.shield(self._stopping)

    async def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        """The vectors of an `EmbedRequest`, in one chunk. Raises RequestError."""
        if isinstance(request, ChatRequest):
            raise BadRequest(
                f"{self._owner} is an ONNX model with the task `{self._plan.task.kind}`: it cannot chat",
                deployment=self._plan.deployment,
            )
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await self._embed(request, deadline)
        except TimeoutError:
            raise RequestTimeout(
                f"{self._owner} did not answer in time", deployment=self._plan.deployment
            ) from None
        except RequestError as error:
            error.deployment = self._plan.deployment
            raise
        yield chunk

    async def _embed(self, request: EmbedRequest, deadline: float | None) -> EmbedChunk:
        if self._stopping:
            raise ShuttingDown(f"{self._owner} is shutting down")
        if self._embedding is None:
            raise Unsupported(
                f"{self._owner} has the task `{self._plan.task.kind}`: embeddings need a `task embed {{ … }}`"
            )
        if not request.texts:
            raise BadRequest("the input holds no text", param="input")
        embedding = self._embedding
        tokens = await self._encode(embedding.encoder, request.texts)
        groups = by_length([len(each) for each in tokens], embedding.max_rows)
        rows = [[tokens[index] for index in group] for group in groups]
        parts = await _run_all(embedding.runner, rows, deadline)
        vectors = _in_order(parts, groups)
        _check_finite(vectors, self._owner)
        return EmbedChunk(vectors, Usage(prompt_tokens=sum(map(len, tokens))))

    async def _encode(self, encoder: TextEncoder, texts: Sequence[str]) -> list[Tokens]:
        if sum(map(len, texts)) <= QUICK_CHARACTERS:
            return encoder.encode(texts)
        return await asyncio.get_running_loop().run_in_executor(self._threads, encoder.encode, texts)

    async def _stop(self) -> None:
        if self._embedding:
            await self._embedding.runner.close()
        if self._loading:
            await asyncio.wait([self._loading])
        await asyncio.to_thread(self._threads.shutdown)
        self._embedding = None
        self.providers = ()
        if self._loading and not self._loading.cancelled() and not self._loading.exception():
            self._sessions.release(self._key)
        self._loading = None

    def _open(self) -> OpenSession:
        open_one = partial(open_session, self._plan, self._placement, self._base_dir)
        return self._sessions.acquire(self._key, open_one)

    def _prepare(self, opened: OpenSession, task: EmbedSpec) -> _Embedding:
        from .embed import Embedder
        from .signature import read_signature

        path = find_file(task.tokenizer, self._base_dir, "tokenizer", self._owner)
        tokenizer = load_tokenizer(path, self._owner)
        signature = read_signature(opened.ort, task.pooling, self._owner)
        limits = [limit for limit in (task.max_length, signature.length) if limit]
        encoder = TextEncoder(tokenizer, min(limits, default=None))
        batching = self._plan.batching
        runner = Runner(
            BatchQueue(batching if signature.batch is None else None, self._runs),
            self._threads,
            Embedder(opened.ort, signature, task, self._owner).run,
            self._owner,
        )
        return _Embedding(encoder, runner, signature.batch or (batching.max_size if batching else MAX_ROWS))


def concurrent_runs(plan: OnnxServingPlan, cores: int) -> int:
    """How many runs of the model may go on at the same time in one replica.

    On a CPU, `intra_op_threads` says how many cores a run takes. Unset, each takes all of them: then one
    run with many rows is better than many runs, but many are better than a few.
    """
    if any(spec.name in GPU_PROVIDERS for spec in plan.providers):
        return GPU_RUNS
    if plan.session.intra_op_threads:
        return max(1, cores // plan.session.intra_op_threads)
    return 1 if plan.batching else max(CPU_RUNS, cores)


def _cores() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


async def _run_all(
    runner: Runner[Tokens], groups: list[list[Tokens]], deadline: float | None
) -> list[NDArray[numpy.float32]]:
    """The vectors of each group. When one fails, the others are cancelled. Raises RequestError."""

    def run(group: list[Tokens]) -> Coroutine[None, None, NDArray[numpy.float32]]:
        return runner.submit(group, bucket(max(map(len, group))), deadline)

    if len(groups) == 1:
        return [await run(groups[0])]
    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(run(group)) for group in groups]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in running]


def _in_order(parts: list[NDArray[numpy.float32]], groups: list[list[int]]) -> NDArray[numpy.float32]:
    """The rows of `parts` where the indices in `groups` say they belong."""
    import numpy

    if len(groups) == 1 and len(groups[0]) == 1:
        return parts[0]
    vectors = numpy.empty((sum(map(len, groups)), parts[0].shape[1]), numpy.float32)
    for part, group in zip(parts, groups, strict=True):
        vectors[group] = part
    return vectors


def _check_finite(vectors: NDArray[numpy.float32], owner: str) -> None:
    import numpy

    bad = numpy.flatnonzero(~numpy.isfinite(vectors).all(axis=1))
    if len(bad):
        raise RequestError(f"{owner}: the model gave no numbers (NaN or infinity) for input {bad[0]}")
