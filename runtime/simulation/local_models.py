"""Models on this machine, played: they take the recorded time, and answer something of the right form."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator
from random import Random

from ...compiler.plan import OnnxServingPlan, RemotePoolPlan
from ...compiler.plan.scenarios import Spread
from ..mock_provider.answers import vector
from ..replicas.replica import ReplicaStatus
from ..requests.answer import ChatEvents, Chunk, ClassifyChunk, EmbedChunk, Label, RerankChunk
from ..requests.errors import Unsupported
from ..requests.events import Finished, Started, TextDelta, UsageKnown
from ..requests.request import ChatRequest, ClassifyRequest, EmbedRequest, Request, RerankRequest
from ..requests.usage import Usage
from .provider import Z99, Provider

_DIMENSIONS = 32
_SAID = "This answer was played."


class PlayedModel:
    """One replica. Requests wait in the deployment, as always; each takes its time here."""

    def __init__(self, plan: OnnxServingPlan | RemotePoolPlan, provider: Provider, random: Random) -> None:
        self._plan = plan
        self._provider = provider
        self._script = provider.plan
        self._random = random

    async def start(self) -> None:
        """There is nothing to load."""

    async def stop(self) -> None:
        """Nothing is held."""

    def status(self) -> ReplicaStatus:
        return ReplicaStatus(ready=True)

    async def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        self._provider.calls += 1
        await asyncio.sleep(sample(self._script.service, self._random))
        yield self._answer(request)

    def _answer(self, request: Request) -> Chunk:
        import numpy

        match request:
            case EmbedRequest():
                made = [vector(str(each), request.dimensions or _DIMENSIONS) for each in request.inputs]
                tokens = sum(len(str(each).split()) for each in request.inputs)
                return EmbedChunk(numpy.array(made, dtype=numpy.float32), Usage(tokens))
            case RerankRequest():
                scores = numpy.linspace(1.0, 0.0, len(request.documents), dtype=numpy.float32)
                return RerankChunk(scores, Usage(0))
            case ClassifyRequest():
                row = (Label("played", 0, 1.0),)
                return ClassifyChunk((row,) * max(len(request.texts), 1), Usage(0))
            case ChatRequest():
                text = self._script.answers[0].text if self._script.answers else _SAID
                usage = Usage(
                    sum(len(str(each).split()) for each in request.body["messages"]), len(text.split())
                )
                events = (
                    Started("played", self._plan.deployment),
                    TextDelta(text),
                    UsageKnown(usage),
                    Finished("stop"),
                )
                return ChatEvents(events, usage)
        raise Unsupported(
            f"deployment `{self._plan.deployment}`: only a model that runs answers this: say `with real`",
            deployment=self._plan.deployment,
        )


def sample(spread: Spread, random: Random) -> float:
    """A time of a spread."""
    if spread.high <= spread.median or spread.median <= 0:
        return spread.median
    return spread.median * math.exp(random.gauss(0.0, math.log(spread.high / spread.median) / Z99))
