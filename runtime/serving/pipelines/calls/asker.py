"""One step's way to what it calls: requests with the deadline, priority and headers of the run."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Protocol

from .....compiler.plan.record import frozen
from ....requests.answer import Chunk
from ....requests.call import Call
from ....requests.pipeline_call import TextOptions
from ....requests.request import Request
from ....requests.trace import Trace
from ...model import Model
from ..run import Run
from ..text_sink import Sink


@frozen
class Asker:
    """Asks one target for one step. place: in a list. wanted: of the text that it gives."""

    model: Model
    run: Run
    trace: Trace
    step: str
    place: str = ""
    wanted: TextOptions | None = None

    def stream(self, request: Request, until: float | None) -> AsyncGenerator[Chunk, None]:
        """The answer in pieces. Raises RequestError."""
        return self.model.stream(self._call(request, until), self.trace)

    async def whole(self, request: Request, until: float | None) -> Chunk:
        """An answer of one piece. Raises RequestError."""
        return await self.model.answer(self._call(request, until), self.trace)

    def _call(self, request: Request, until: float | None) -> Call:
        run = self.run
        return Call(request, until, run.priority, run.headers, payers=run.payers)


class Ask(Protocol):
    """What a call does once, for a task. Raises RequestError."""

    async def __call__(
        self, asker: Asker, frame: list[Any], until: float | None, sink: Sink | None
    ) -> Any: ...
