"""OpenAI's wire format: chat completions and embeddings.

Chat passes through: the client's fields reach the provider as they are, except for the name of the
model, and the provider's JSON bytes reach the client unchanged.
"""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

import orjson

from ...compiler.plan import RemotePoolPlan
from ..errors import BadRequest, ServerError
from ..replica import ChatChunk, ChatRequest, EmbedChunk, EmbedRequest, Usage
from .classify import Classifier
from .sse import Event

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

DONE = b"[DONE]"


class OpenAIWire:
    """Writes requests to one deployment's provider and reads its answers."""

    def __init__(self, plan: RemotePoolPlan) -> None:
        self._plan = plan

    def path(self, request: ChatRequest | EmbedRequest) -> str:
        """Where the request goes, below the endpoint."""
        return "/chat/completions" if isinstance(request, ChatRequest) else "/embeddings"

    def headers(self, key: str) -> dict[str, str]:
        """The headers that carry the key."""
        return {"Authorization": f"Bearer {key}"}

    def encode(self, request: ChatRequest | EmbedRequest) -> bytes:
        """The body to send. Raises BadRequest."""
        if isinstance(request, EmbedRequest):
            body = {"model": self._plan.model, "input": request.texts, "encoding_format": "base64"}
            return orjson.dumps(body)
        try:
            return orjson.dumps({**request.body, "model": self._plan.model})
        except orjson.JSONEncodeError as error:
            raise BadRequest(f"the request cannot be sent on: {error}") from None

    def chat(self, body: bytes, classifier: Classifier) -> ChatChunk:
        """A whole answer. Raises RequestError."""
        return ChatChunk(body, _usage(_object(body, classifier)))

    def is_end(self, event: Event) -> bool:
        """Whether `event` is the end marker of a stream."""
        return event.data == DONE

    def chat_chunk(self, event: Event, classifier: Classifier, more: bool) -> ChatChunk:
        """One piece of a streamed answer. Raises RequestError."""
        data = event.data
        usage = _usage(_object(data, classifier))
        if b"\n" in data:  # an event of several lines: in JSON they are white space
            data = data.replace(b"\n", b" ")
        return ChatChunk(data, usage, more)

    def vectors(self, body: bytes, texts: int, classifier: Classifier) -> EmbedChunk:
        """The vectors of `texts` texts. Raises RequestError."""
        import numpy

        answer = _object(body, classifier)
        try:
            items = sorted(answer["data"], key=lambda item: item["index"])
            rows = [_vector(item["embedding"]) for item in items]
            vectors = numpy.stack(rows)
        except (KeyError, TypeError, ValueError):
            raise _malformed(classifier, "the answer holds no vectors of one length") from None
        if len(rows) != texts or [item["index"] for item in items] != list(range(texts)):
            raise _malformed(classifier, f"{len(rows)} vectors came for {texts} texts")
        return EmbedChunk(vectors, _usage(answer) or Usage(0))


def _object(body: bytes, classifier: Classifier) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _malformed(classifier, "the answer is no JSON") from None
    if not isinstance(value, dict):
        raise _malformed(classifier, "the answer is no JSON object")
    if value.get("error"):
        raise classifier.in_band(value["error"])
    return value


def _malformed(classifier: Classifier, what: str) -> ServerError:
    plan = classifier.plan
    return ServerError(f"{classifier.who}: {what}", deployment=plan.deployment, provider=plan.provider)


def _usage(answer: dict[str, Any]) -> Usage | None:
    usage = answer.get("usage")
    if not isinstance(usage, dict):
        return None
    return Usage(_tokens(usage, "prompt_tokens"), _tokens(usage, "completion_tokens"))


def _tokens(usage: dict[str, Any], key: str) -> int:
    value = usage.get(key)
    return value if isinstance(value, int) else 0


def _vector(embedding: object) -> NDArray[numpy.float32]:
    import numpy

    if isinstance(embedding, str):
        return numpy.frombuffer(b64decode(embedding, validate=True), dtype="<f4")
    vector = numpy.array(embedding, dtype=numpy.float32)
    if vector.ndim != 1:
        raise ValueError("a vector is a list of numbers")
    return vector
