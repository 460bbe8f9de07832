"""A replica of a provider that is played: as of a real one, with a key that is none, and without sockets."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from attrs import evolve

from ...compiler.plan import AuthScheme, RemotePoolPlan, ReplicaPlacement
from ..dialects.provider_errors.classify import Classifier
from ..replicas.remote.auth.authorizer import Authorization
from ..replicas.remote.body import Body
from ..replicas.remote.provider_requests import ProviderRequests
from ..replicas.remote.replica import RemoteReplica
from ..replicas.remote.transport.http_client import Answer
from ..replicas.remote.whole_answers import WholeAnswers
from ..replicas.replica import HeadersObserver
from ..requests.answer import ChatChunk, ChatEvents, Chunk
from ..requests.request import ChatRequest, Request
from ..requests.upstream import Upstream
from ..secrets.secret import Secret
from .http_answers import WholeAnswer
from .provider import Provider


class PlayedReplica(RemoteReplica):
    """Sends requests to `provider`."""

    def __init__(
        self, plan: RemotePoolPlan, placement: ReplicaPlacement, observe: HeadersObserver, provider: Provider
    ) -> None:
        super().__init__(plan, PlayedKey(plan, placement), observe, client=provider)
        self._answers = KeptAnswers(plan, self._requests, self._body)
        self._provider = provider

    def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        chunks = super().stream(request, deadline)
        return self._having_searched(chunks) if self._provider.searches else chunks

    async def answer(self, request: Request, deadline: float | None) -> Chunk:
        chunk = await super().answer(request, deadline)
        return self._searched(chunk) if self._provider.searches else chunk

    async def _having_searched(self, chunks: AsyncGenerator[Chunk, None]) -> AsyncGenerator[Chunk, None]:
        async with aclosing(chunks):
            async for chunk in chunks:
                yield self._searched(chunk)

    def _searched(self, chunk: Chunk) -> Chunk:
        """`chunk`, whose usage tells how often the web was searched."""
        if not isinstance(chunk, ChatChunk | ChatEvents) or chunk.usage is None:
            return chunk
        return chunk._replace(usage=evolve(chunk.usage, searches=self._provider.searches))


class KeptAnswers(WholeAnswers):
    """Whoever sends one request often gets the same answer often: what its bytes mean is read once, and is
    kept with the request."""

    def __init__(
        self, plan: RemotePoolPlan, asked: ProviderRequests, body: Callable[[Answer, float, int], Body]
    ) -> None:
        super().__init__(plan, asked, body)
        self._kept = f"read by {plan.deployment}"

    async def whole(
        self,
        request: Request,
        response: Answer,
        classifier: Classifier,
        until: float,
        upstream: Upstream,
        body: bytes | None = None,
    ) -> Chunk:
        if not isinstance(request, ChatRequest) or not isinstance(response, WholeAnswer):
            return await super().whole(request, response, classifier, until, upstream, body)
        kept: tuple[WholeAnswer, Chunk] | None = request.kept.get(self._kept)
        if kept is not None and kept[0] is response:
            return kept[1]
        chunk = await super().whole(request, response, classifier, until, upstream, body)
        request.kept[self._kept] = response, chunk
        return chunk


class PlayedKey:
    """A key that no file and no environment holds; each of a list is another one."""

    def __init__(self, plan: RemotePoolPlan, placement: ReplicaPlacement) -> None:
        number = placement.replica_index % max(len(plan.api_key), 1)
        secret = Secret(f"played-key-{number}", "a simulation")
        self._shown = Authorization()
        if plan.auth in (AuthScheme.GOOGLE_OAUTH, AuthScheme.AWS_SIGV4):
            self._shown = Authorization.of(AuthScheme.BEARER, secret)
        elif plan.api_key or plan.identity is not None:
            self._shown = Authorization.of(plan.auth, secret)

    async def start(self) -> None:
        """There is nothing to read."""

    async def stop(self) -> None:
        """Nothing is held."""

    def version(self) -> int:
        return 0

    def authorize(self) -> Authorization:
        return self._shown

    async def refused(self, used: Authorization) -> bool:
        return False
