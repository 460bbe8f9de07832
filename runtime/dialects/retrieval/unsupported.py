"""Providers that neither embed nor rerank."""

from __future__ import annotations

from ....compiler.plan import RemotePoolPlan
from ...requests.answer import EmbedChunk, RerankChunk
from ...requests.errors import Unsupported
from ...requests.request import EmbedRequest, RerankRequest
from ..provider_errors.classify import Classifier
from .wire import Outgoing


class NoRetrieval:
    """Chats are all that there is."""

    def __init__(self, plan: RemotePoolPlan) -> None:
        self._plan = plan

    def request(self, request: EmbedRequest | RerankRequest) -> Outgoing:
        raise self._chats_only()

    def left_out(self, request: EmbedRequest | RerankRequest) -> tuple[str, ...]:
        return ()

    def vectors(self, body: bytes | memoryview, texts: int, classifier: Classifier) -> EmbedChunk:
        raise self._chats_only()

    def scores(self, body: bytes, documents: int, classifier: Classifier) -> RerankChunk:
        raise self._chats_only()

    def _chats_only(self) -> Unsupported:
        plan = self._plan
        return Unsupported(
            f"{plan.provider} (deployment `{plan.deployment}`) answers chats only",
            deployment=plan.deployment,
            provider=plan.provider,
        )
