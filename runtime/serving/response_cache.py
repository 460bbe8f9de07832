"""Answers that are given again to equal requests, without asking anyone."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from hashlib import blake2b
from typing import Any

import attrs
import orjson

from ...compiler.plan import Cache
from ...compiler.plan.record import define, frozen
from ..limits.keys import key_among
from ..requests.answer import ChatChunk, ChatEvents, Chunk, EmbedChunk, PassedChunk
from ..requests.call import Call
from ..requests.request import (
    ChatRequest,
    CompletionRequest,
    PassedRequest,
    Request,
    TensorRequest,
)
from ..requests.trace import Trace
from .counters import OK, DeploymentCounters

OVERHEAD = 200
"""Bytes that are counted for each object in an answer, beside what it holds."""

_DRAWS = (ChatRequest, CompletionRequest)


@frozen
class Entry:
    """chunks: the answer. adapted: what was changed in its request. until: in the time of the loop. size: in
    bytes.
    """

    chunks: tuple[Chunk, ...]
    adapted: tuple[str, ...]
    until: float
    size: int


@define
class CacheCounters:
    """Requests that were answered from the cache, and those that were not found in it."""

    hits: int = 0
    misses: int = 0


class ResponseCache:
    """The answers of one deployment, as its plan has them; those that were not asked for longest go first.

    names_model: whether the client says which model it means, so that it counts.
    """

    def __init__(self, deployment: str, plan: Cache, *, names_model: bool = False) -> None:
        self.counters = CacheCounters()
        self._deployment = deployment
        self.size = 0
        self._plan = plan
        self._names_model = names_model
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def key(self, call: Call, sent: Request) -> bytes | None:
        """What requests that are equal have in common; None for one that is not to be answered from here.

        sent: the request with what the deployment adds to it.
        """
        request = call.request
        if isinstance(request, TensorRequest | PassedRequest) or "no-store" in call.headers.get(
            "cache-control", ""
        ):
            return None
        if isinstance(sent, _DRAWS) and not self._plan.sampled and not _is_settled(sent):
            return None
        said = _said(request, self._names_model)
        if said is None:
            return None
        whose = None if self._plan.shared else key_among(call.payers)
        return blake2b(orjson.dumps([whose, type(request).__name__]) + said, digest_size=16).digest()

    async def stream(
        self,
        key: bytes,
        call: Call,
        trace: Trace,
        counters: DeploymentCounters,
        anew: Callable[[], AsyncGenerator[Chunk, None]],
    ) -> AsyncGenerator[Chunk, None]:
        """The answer that is kept under `key`, else that of `anew`, which is kept when all of it has come."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        found = self.find(key, call, now)
        if found is not None:
            trace.deployment, trace.adapted, trace.cached = self._deployment, found.adapted, True
            trace.note(now, f"{self._deployment}: answered from its cache")
            counters.end(OK, 0.0)
            for chunk in found.chunks:
                yield chunk
            return
        chunks: list[Chunk] = []
        size = 0
        is_whole = not getattr(call.request, "stream", False)
        async with aclosing(anew()) as pieces:
            async for chunk in pieces:
                if size <= self._plan.max_size:
                    size += size_of(chunk)
                    chunks.append(chunk)
                if is_whole:
                    self._keep(key, chunks, trace, loop.time())
                yield chunk
        if not is_whole and size <= self._plan.max_size:
            self._keep(key, chunks, trace, loop.time())

    def _keep(self, key: bytes, chunks: list[Chunk], trace: Trace, now: float) -> None:
        """What somebody else answered, who took over, is not kept."""
        if trace.deployment == self._deployment:
            self.keep(key, chunks, trace.adapted, now)

    def find(self, key: bytes, call: Call, now: float) -> Entry | None:
        """The answer that is kept, unless it is too old or the client wants a new one."""
        entry = self._entries.get(key)
        if entry is not None and now >= entry.until:
            self._drop(key)
            entry = None
        if entry is None or "no-cache" in call.headers.get("cache-control", ""):
            self.counters.misses += 1
            return None
        self._entries.move_to_end(key)
        self.counters.hits += 1
        return entry

    def keep(self, key: bytes, chunks: list[Chunk], adapted: tuple[str, ...], now: float) -> None:
        """Give this answer again, if there is room for it at all."""
        kept = tuple(_to_keep(chunks))
        size = OVERHEAD + sum(map(size_of, kept))
        if size > self._plan.max_size:
            return
        if key in self._entries:
            self._drop(key)
        while self.size + size > self._plan.max_size:
            self._drop(next(iter(self._entries)))
        self._entries[key] = Entry(kept, adapted, now + self._plan.ttl, size)
        self.size += size

    def clear(self) -> None:
        """Forget everything: other answers would be given now."""
        self._entries.clear()
        self.size = 0

    def _drop(self, key: bytes) -> None:
        self.size -= self._entries.pop(key).size


def size_of(value: Any) -> int:
    """About how many bytes `value` takes."""
    match value:
        case bytes() | str():
            return len(value) + OVERHEAD // 4
        case tuple() | list():
            return OVERHEAD // 2 + sum(map(size_of, value))
        case Mapping():
            return OVERHEAD + sum(size_of(name) + size_of(inner) for name, inner in value.items())
    size = getattr(value, "nbytes", None)
    if isinstance(size, int):
        return size + OVERHEAD
    if attrs.has(type(value)):
        return OVERHEAD // 2 + sum(size_of(getattr(value, each.name)) for each in attrs.fields(type(value)))
    return OVERHEAD // 8


def _is_settled(request: ChatRequest | CompletionRequest) -> bool:
    """Whether the answer is not drawn by chance, as far as the request says."""
    if isinstance(request, ChatRequest) and request.said is not None:
        asked = request.said.conversation
        return asked.sampling.temperature == 0 and asked.n in (None, 1)
    return request.body.get("temperature") == 0 and request.body.get("n") in (None, 1)


def _said(request: Request, names_model: bool) -> bytes | None:
    """All of the request that decides about its answer; None where that cannot be told."""
    try:
        if isinstance(request, _DRAWS):
            said = request.said if isinstance(request, ChatRequest) else None
            body = request.body if said is None else said.native
            if body is None:
                return None
            dialect = "" if said is None else said.dialect
            asked = body if names_model else {**body, "model": None}
            return orjson.dumps([dialect, request.stream, asked], option=orjson.OPT_SORT_KEYS)
        return orjson.dumps(attrs.asdict(request), option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY)
    except (orjson.JSONEncodeError, TypeError):
        return None


def _to_keep(chunks: list[Chunk]) -> Iterator[Chunk]:
    """`chunks` without what holds for one request alone; they are all there at once."""
    last = len(chunks) - 1
    for index, chunk in enumerate(chunks):
        if isinstance(chunk, ChatChunk | ChatEvents | PassedChunk):
            yield chunk._replace(upstream=None, more=index < last)
        elif isinstance(chunk, EmbedChunk) and chunk.packed is not None:
            yield attrs.evolve(chunk, upstream=None, packed=chunk.packed.alone())
        elif getattr(chunk, "upstream", None) is not None:
            yield attrs.evolve(chunk, upstream=None)
        else:
            yield chunk
