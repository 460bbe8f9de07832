"""Plans for the sample models, and the replicas that serve them."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import aclosing, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tokenizers import Tokenizer

from inferc.compiler.plan import (
    EmbedSpec,
    ExecutionProvider,
    FileRef,
    MissingProviderAction,
    OnnxServingPlan,
    Pooling,
    ProviderSpec,
    ReplicaPlacement,
    Serving,
    SessionOptions,
    SourceRef,
)
from inferc.runtime.replicas.onnx import OnnxReplica
from inferc.runtime.replicas.onnx.sessions.session import OpenSession
from inferc.runtime.replicas.onnx.sessions.shared import SharedSessions
from inferc.runtime.requests.answer import EmbedChunk
from inferc.runtime.requests.request import EmbedRequest

MODELS = Path(__file__).resolve().parents[3] / "samples" / "models"
PLACEMENT = ReplicaPlacement(0, None, ())


def file_ref(path: Path) -> FileRef:
    if not path.exists():
        pytest.fail(f"{path} is not there: run `make models`")
    found = path.stat()
    return FileRef(str(path), _digest(path, found.st_mtime_ns), found.st_size)


@cache
def _digest(path: Path, changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def plain_tokenizer() -> Any:
    """That of the sample models, which fills nothing up."""
    tokenizer: Any = Tokenizer.from_file(str(MODELS / "tokenizer.json"))
    tokenizer.no_padding()
    return tokenizer


def embed_spec(**changes: Any) -> EmbedSpec:
    fields: dict[str, Any] = {
        "tokenizer": file_ref(MODELS / "tokenizer.json"),
        "pooling": Pooling.MEAN,
        "normalize": True,
        "max_length": None,
    }
    return EmbedSpec(**fields | changes)


def onnx_plan(
    *, model: Path = MODELS / "minilm.onnx", providers: str = "cpu", **changes: Any
) -> OnnxServingPlan:
    """An embedding deployment. providers: their names, separated by spaces."""
    fields: dict[str, Any] = {
        "deployment": "embedder",
        "source": SourceRef("test.infer", 1, 1),
        "replicas": (PLACEMENT,),
        "serving": Serving(),
        "idempotent": True,
        "model": file_ref(model),
        "providers": tuple(ProviderSpec(ExecutionProvider(name)) for name in providers.split()),
        "on_missing_provider": MissingProviderAction.ERROR,
        "session": SessionOptions(),
        "batching": None,
        "task": embed_spec(),
    }
    return OnnxServingPlan(**fields | changes)


class Kept(SharedSessions):
    """Keeps the session of `plan` open: to load the large model is most of what many tests would take."""

    _kept: ClassVar[dict[Hashable, OpenSession]] = {}

    def __init__(self, plan: OnnxServingPlan) -> None:
        super().__init__()
        self._plan = repr(plan)
        self._loaded = repr((plan.model, plan.providers, plan.on_missing_provider, plan.session))

    async def acquire(self, key: Any, open_one: Callable[[], Awaitable[OpenSession]]) -> OpenSession:
        said, _, where = key
        if said != self._plan:
            return await super().acquire(key, open_one)
        if (self._loaded, where) not in self._kept:
            self._kept[self._loaded, where] = await open_one()
        return self._kept[self._loaded, where]

    def release(self, key: Any) -> None:
        if key[0] != self._plan:
            super().release(key)


@asynccontextmanager
async def running(
    plan: OnnxServingPlan, placement: ReplicaPlacement = PLACEMENT, *, anew: bool = False
) -> AsyncIterator[OnnxReplica]:
    """anew: load the model, though an earlier test may have."""
    large = plan.model.path == str(MODELS / "minilm.onnx")
    sessions = Kept(plan) if large and not anew else SharedSessions()
    replica = OnnxReplica(plan, placement, MODELS, sessions)
    try:
        await replica.start()
        yield replica
    finally:
        await replica.stop()


async def embed(replica: OnnxReplica, *texts: str, deadline: float | None = None) -> EmbedChunk:
    async with aclosing(replica.stream(EmbedRequest(texts), deadline)) as chunks:
        [chunk] = [chunk async for chunk in chunks]
    assert isinstance(chunk, EmbedChunk)
    return chunk
