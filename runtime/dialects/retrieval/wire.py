"""What asks one provider for embeddings and rerankings, and reads what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import orjson

from ....compiler.plan import RemotePoolPlan, UnsupportedAction
from ...requests.answer import EmbedChunk, RerankChunk
from ...requests.errors import BadRequest
from ...requests.request import EmbedRequest, RerankRequest
from ..field_check import FieldCheck, Handling
from ..provider_errors.classify import Classifier


class Outgoing(NamedTuple):
    """A request to POST: its path below the endpoint, which may end in a query, and its body."""

    path: str
    body: bytes


def field_check(table: Mapping[str, Handling], plan: RemotePoolPlan) -> FieldCheck:
    """What holds the requests of a deployment against the fields that its provider knows."""
    drops = plan.request is not None and plan.request.unsupported is UnsupportedAction.DROP
    return FieldCheck(table, Classifier(plan, None).who, drops)


def dumped(body: dict[str, Any]) -> bytes:
    """`body` as JSON. Raises BadRequest."""
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError as error:
        raise BadRequest(f"the request cannot be sent on: {error}") from None


class Retrieval(Protocol):
    """Writes requests to one deployment's provider and reads its answers."""

    def request(self, request: EmbedRequest | RerankRequest) -> Outgoing:
        """The request to send. Raises BadRequest and Unsupported for what the provider cannot do."""

    def left_out(self, request: EmbedRequest | RerankRequest) -> tuple[str, ...]:
        """The names of the fields of which the provider is told nothing. Raises BadRequest for those that it
        would have to know."""

    def vectors(self, body: bytes | memoryview, texts: int, classifier: Classifier) -> EmbedChunk:
        """The vectors of `texts` texts. Raises RequestError."""

    def scores(self, body: bytes, documents: int, classifier: Classifier) -> RerankChunk:
        """The scores of `documents` documents. Raises RequestError."""
