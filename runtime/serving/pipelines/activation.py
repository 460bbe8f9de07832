"""One run of a block: each step starts as soon as what it waits for is there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from ...concurrency.tasks import end_tasks
from ...requests.errors import RequestError, RequestTimeout
from .block import PENDING, Block, Later, Step
from .run import Run
from .text_sink import Sink


class Activation:
    """The values of one run of `block`, and the tasks of its steps.

    sink: takes the text of the last step as it comes, where that is a call. place: which element of a
    list the block runs for, `[2]`; empty outside of lists.
    """

    __slots__ = (
        "_end",
        "_error",
        "_is_over",
        "_left",
        "_missing",
        "_tasks",
        "_watchers",
        "block",
        "frame",
        "place",
        "run",
        "sink",
    )

    def __init__(self, block: Block, run: Run, sink: Sink | None = None, place: str = "") -> None:
        self.block = block
        self.run = run
        self.sink = sink
        self.place = place
        self.frame = block.template.copy()
        self._missing = block.missing.copy()
        self._left = block.left
        self._tasks: list[asyncio.Task[None]] = []
        self._watchers: dict[int, list[tuple[Activation, int]]] = {}
        self._end: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._is_over = False

    async def result(self, inputs: Iterable[tuple[int, Any]], around: Activation | None = None) -> Any:
        """The value of the block. A step that fails, or a cancellation, ends all others.

        inputs: slots and their values. around: the run of the block around, which values are taken from
        as soon as they are there. Raises RequestError.
        """
        try:
            self._advance(list(inputs), self.block.ready)
            if around is not None:
                for outer, slot in self.block.captures:
                    around.tell(outer, self, slot)
            if self._left and self._error is None:
                self._end = asyncio.get_running_loop().create_future()
                await self._end
            if self._error is not None:
                raise self._error
            return self.frame[self.block.output]
        finally:
            self._is_over = True
            self._error = None  # its traceback leads back here
            if self._tasks:
                await end_tasks(self._tasks)
                self._tasks.clear()  # what a cancellation left in them leads back here, too

    def tell(self, slot: int, inner: Activation, into: int) -> None:
        """Put the value of `slot` into the slot `into` of a block inside, now or when it is there."""
        value = self.frame[slot]
        if value is PENDING:
            self._watchers.setdefault(slot, []).append((inner, into))
        else:
            inner._advance([(into, value)])

    def _advance(self, there: list[tuple[int, Any]], ready: tuple[int, ...] = ()) -> None:
        """Take in the values that are `there` and what can be computed from them; start what is ready."""
        if self._is_over or self._error is not None:
            return
        block, frame, missing = self.block, self.frame, self._missing
        while True:
            for index in ready:
                step = block.steps[index]
                if step.compute is None:
                    self._tasks.append(asyncio.get_running_loop().create_task(self._act(step)))
                    continue
                try:
                    value = step.compute(frame)
                except Exception as error:
                    self._fail(step, error)
                    return
                if isinstance(value, Later):
                    self._tasks.append(asyncio.get_running_loop().create_task(self._act(step, value)))
                else:
                    there.append((step.slot, value))
            if not there:
                break
            slot, value = there.pop()
            frame[slot] = value
            if slot in block.awaited:
                self._left -= 1
            for inner, into in self._watchers.pop(slot, ()):
                inner._advance([(into, value)])
            for index in block.consumers[slot]:
                missing[index] -= 1
            ready = tuple(index for index in block.consumers[slot] if not missing[index])
        if not self._left and self._end is not None and not self._end.done():
            self._end.set_result(None)

    async def _act(self, step: Step, later: Later | None = None) -> None:
        try:
            if later is not None:
                value = await self._in_time(later)
            else:
                assert step.act is not None
                value = await step.act(self)
        except asyncio.CancelledError:
            if not self._is_over:  # not by us: what it waited for was cancelled by someone else
                self._fail(step, RequestError("what the step waited for was broken off"))
            raise
        except Exception as error:
            self._fail(step, error)
        else:
            self._advance([(step.slot, value)])

    async def _in_time(self, later: Later) -> Any:
        try:
            async with asyncio.timeout_at(self.run.deadline):
                return await later
        except TimeoutError:
            raise RequestTimeout("it took longer than the deadline") from None

    def _fail(self, step: Step, error: Exception) -> None:
        if self._error is not None or self._is_over:
            return
        if isinstance(error, RequestError):
            error = self.run.blame(error, step, self.frame, self.place)
        self._error = error
        if self._end is not None and not self._end.done():
            self._end.set_result(None)
