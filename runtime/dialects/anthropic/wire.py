"""Anthropic's wire format: `POST /v1/messages`.

Sources: Anthropic Messages API reference, Anthropic streaming messages guide, Anthropic structured outputs.
"""

from __future__ import annotations

from collections.abc import Mapping

from ....compiler.plan import RemotePoolPlan
from ...requests.answer import ChatChunk, EmbedChunk, RerankChunk
from ...requests.errors import Unsupported
from ...requests.request import ChatRequest
from ..provider_errors.classify import Classifier
from ..translation.fields import FieldCheck
from ..wire import Outgoing, Sendable, dumped, parse_object
from .answer import AnthropicReader, read_message
from .request import FIELDS, messages_body

VERSION = "2023-06-01"
"""The version of the API that is spoken."""


class AnthropicWire:
    """Chat with Claude; there is nothing else."""

    headers: Mapping[str, str] = {"anthropic-version": VERSION}

    def __init__(self, plan: RemotePoolPlan) -> None:
        self._plan = plan
        self._who = f"{plan.provider} (deployment `{plan.deployment}`)"
        self._fields = FieldCheck(FIELDS, self._who)

    def request(self, request: Sendable) -> Outgoing:
        if not isinstance(request, ChatRequest):
            raise self._chats_only()
        body = messages_body(request, self._plan.model, self._fields)
        return Outgoing("/v1/messages", dumped(body))

    def answer(self, body: bytes, classifier: Classifier) -> ChatChunk:
        return read_message(parse_object(body, classifier), classifier)

    def reader(self, request: ChatRequest, classifier: Classifier) -> AnthropicReader:
        return AnthropicReader(request, classifier)

    def vectors(self, body: bytes, texts: int, classifier: Classifier) -> EmbedChunk:
        raise self._chats_only()

    def scores(self, body: bytes, documents: int, classifier: Classifier) -> RerankChunk:
        raise self._chats_only()

    def _chats_only(self) -> Unsupported:
        plan = self._plan
        return Unsupported(
            f"{self._who} answers chats only", deployment=plan.deployment, provider=plan.provider
        )
