"""The executor for code that is not `async`: scripts, notebooks, threads of others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from queue import SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .answer import Answer
from .checking import Source
from .executor import Executor, Messages
from .loop_thread import LoopThread, closed
from .plans import Plan

if TYPE_CHECKING:
    from typing import Self

_AHEAD = 64
"""Pieces of a stream that wait for who reads it."""


class SyncExecutor:
    """As `Executor`, with an event loop in a thread of its own. Several threads may ask at once.

        with inferc.SyncExecutor("hello.infer") as executor:
            print(executor.chat("gpt", "Good morning!").text)

    In a notebook, where a `with` is in the way: `start()` and `close()`.
    """

    def __init__(self, source: Source | Plan, *, state: Source | None = None) -> None:
        self._executor = Executor(source, state=state)
        self._thread: LoopThread | None = None

    @property
    def plan(self) -> Plan:
        """What is served."""
        return self._executor.plan

    def start(self) -> Self:
        """Start everything. Raises StartError with all problems."""
        if self._thread is not None:
            raise RuntimeError("this executor runs already")
        thread = LoopThread("inferc executor")
        try:
            thread.run(self._executor.__aenter__())
        except BaseException:
            thread.close()
            raise
        self._thread = thread
        return self

    def close(self) -> None:
        """Stop everything; requests that still run are broken off. Safe to call twice."""
        thread, self._thread = self._thread, None
        if thread is not None:
            with thread:
                thread.run(self._executor.__aexit__(None, None, None))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def chat(self, model: str, messages: Messages, /, **parameters: Any) -> Answer:
        """As of `Executor`."""
        return self._loop.run(self._executor.chat(model, messages, **parameters))

    def stream(self, model: str, messages: Messages, /, **parameters: Any) -> Iterator[str]:
        """As of `Executor`; closing the iterator cancels the request."""
        loop = self._loop
        pieces: SimpleQueue[str | None] = SimpleQueue()
        room = asyncio.Semaphore(_AHEAD)

        async def read() -> None:
            async for piece in self._executor.stream(model, messages, **parameters):
                await room.acquire()
                pieces.put(piece)

        reading = loop.begin(read())
        reading.add_done_callback(lambda _: pieces.put(None))  # also where it was never begun
        try:
            while (piece := pieces.get()) is not None:
                with suppress(RuntimeError):  # the loop is closed: what came is given, and no more comes
                    loop.loop.call_soon_threadsafe(room.release)
                yield piece
            reading.result()
        except CancelledError:
            raise closed() from None
        finally:
            reading.cancel()

    def embed(self, model: str, texts: Sequence[str], /) -> list[list[float]]:
        """As of `Executor`."""
        return self._loop.run(self._executor.embed(model, texts))

    def classify(self, model: str, texts: Sequence[str], /) -> list[list[dict[str, Any]]]:
        """As of `Executor`."""
        return self._loop.run(self._executor.classify(model, texts))

    def rerank(self, model: str, query: str, documents: Sequence[str], /) -> list[float]:
        """As of `Executor`."""
        return self._loop.run(self._executor.rerank(model, query, documents))

    def run(self, pipeline: str, /, **inputs: Any) -> Any:
        """As of `Executor`."""
        return self._loop.run(self._executor.run(pipeline, **inputs))

    @property
    def _loop(self) -> LoopThread:
        if self._thread is None:
            raise RuntimeError("this executor does not run: `with` starts it, or `start()`")
        return self._thread
