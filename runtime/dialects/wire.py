"""What a wire is: how one provider's HTTP bodies are written, and how its answers are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

import orjson

from ..requests.answer import ChatChunk, EmbedChunk, RerankChunk
from ..requests.errors import BadRequest, RequestError, ServerError
from ..requests.request import ChatRequest, EmbedRequest, RerankRequest
from .provider_errors.classify import Classifier, is_page
from .server_sent_events import Event

Sendable = ChatRequest | EmbedRequest | RerankRequest
"""What some provider can be asked."""


class Outgoing(NamedTuple):
    """A request to POST: its path below the endpoint, which may end in a query, and its body."""

    path: str
    body: bytes


def dumped(body: dict[str, Any]) -> bytes:
    """`body` as JSON. Raises BadRequest."""
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError as error:
        raise BadRequest(f"the request cannot be sent on: {error}") from None


class ChunkReader(Protocol):
    """Reads one streamed answer, event by event."""

    ended: bool
    """Whether the answer is complete: nothing may follow."""

    def read(self, event: Event) -> Iterable[ChatChunk]:
        """What `event` says, in OpenAI's chunks. Raises RequestError."""

    def close(self) -> Iterable[ChatChunk]:
        """What is left when the connection ends; `ended` stays false where the answer was cut off."""


class Wire(Protocol):
    """Writes requests to one deployment's provider and reads its answers."""

    headers: Mapping[str, str]
    """What each request carries beside the credential and the headers of the plan."""

    def request(self, request: Sendable) -> Outgoing:
        """The request to send. Raises BadRequest and Unsupported for what the provider cannot do."""

    def answer(self, body: bytes, classifier: Classifier) -> ChatChunk:
        """A whole answer. Raises RequestError."""

    def reader(self, request: ChatRequest, classifier: Classifier) -> ChunkReader:
        """What reads the streamed answer to `request`."""

    def vectors(self, body: bytes, texts: int, classifier: Classifier) -> EmbedChunk:
        """The vectors of `texts` texts. Raises RequestError."""

    def scores(self, body: bytes, documents: int, classifier: Classifier) -> RerankChunk:
        """The scores of `documents` documents. Raises RequestError."""


def read_events(
    reader: ChunkReader, events: Iterable[Event], *, closing: bool
) -> tuple[list[ChatChunk], RequestError | None]:
    """What `reader` makes of `events`, as far as it gets, and the error that stops it.

    closing: the connection has ended with them.
    """
    pieces: list[ChatChunk] = []
    try:
        for event in events:
            pieces += reader.read(event)
            if reader.ended:
                return pieces, None
        if closing:
            pieces += reader.close()
    except RequestError as error:
        return pieces, error
    return pieces, None


def parse_object(body: bytes, classifier: Classifier) -> dict[str, Any]:
    """The JSON object in an answer. Raises RequestError, also for an `error` inside it."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        what = "empty" if not body.strip() else "a page of HTML" if is_page(body) else "no JSON"
        raise malformed(classifier, f"the answer is {what}") from None
    if not isinstance(value, dict):
        raise malformed(classifier, "the answer is no JSON object")
    if value.get("error"):
        raise classifier.in_band(value["error"])
    return value


def malformed(classifier: Classifier, what: str) -> RequestError:
    """The error behind an answer that is not what the provider promises."""
    plan = classifier.plan
    return ServerError(f"{classifier.who}: {what}", deployment=plan.deployment, provider=plan.provider)


def whole(value: object) -> int:
    """`value` where it is a whole number, else 0: a count that a provider left out."""
    return value if isinstance(value, int) else 0
