"""OpenAI's wire format: chat completions and embeddings, also Azure's and that of compatible servers.

Reranking, which OpenAI has not, is what vLLM, LiteLLM, Jina and Cohere agree on: `/rerank`.

Chat passes through: the client's fields reach the provider as they are, except for the name of the
model, and the provider's JSON bytes reach the client unchanged. One thing is added where a policy
counts tokens: a stream is asked for its usage, which a client that did not ask for it does not see.

Sources: OpenAI API reference (chat completions, embeddings), Azure OpenAI REST reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ....compiler.plan import ProviderKind, RemotePoolPlan
from ...requests.answer import ChatChunk, EmbedChunk, RerankChunk
from ...requests.errors import BadRequest
from ...requests.request import ChatRequest, EmbedRequest, RerankRequest
from ...requests.usage import Usage
from ..embed_limits import check_embed
from ..provider_errors.classify import Classifier
from ..server_sent_events import Event
from ..translation.fields import Dropped, FieldCheck, Handling
from ..vectors import in_order, stack_vectors
from ..wire import Outgoing, Sendable, dumped, malformed, parse_object, whole

DONE = b"[DONE]"

_NOT_OPENAIS: dict[str, Handling] = {
    "input_type": Dropped("OpenAI's models read queries and documents alike"),
    "truncate": Dropped("OpenAI refuses texts that are too long"),
    "truncation": Dropped("OpenAI refuses texts that are too long"),
}
"""What other providers of embeddings are told, and OpenAI itself is not, where the answer is no other."""

MAX_NAME = 200
"""Characters of the name of a model that a client may say."""


class OpenAIWire:
    """Chat completions and embeddings below an endpoint that ends in `/v1` or names an Azure deployment."""

    headers: Mapping[str, str] = {}

    def __init__(self, plan: RemotePoolPlan) -> None:
        self._plan = plan
        self._model = plan.model
        self._is_wildcard = plan.is_wildcard
        is_openais = plan.provider in (ProviderKind.OPENAI, ProviderKind.AZURE)
        self._foreign = FieldCheck(_NOT_OPENAIS, Classifier(plan, None).who) if is_openais else None
        self._counts = plan.budget is not None or plan.rate_limits.tokens_per_minute is not None

    def request(self, request: Sendable) -> Outgoing:
        if isinstance(request, RerankRequest):
            asked = {"model": self._model, "query": request.query, "documents": request.documents}
            return Outgoing("/rerank", dumped({**request.options, **asked}))
        if isinstance(request, EmbedRequest):
            check_embed(request, self._plan)
            body = self._embed_options(request)
            body |= {"model": self._model, "input": request.inputs, "encoding_format": "base64"}
            if request.dimensions is not None and "output_dimension" not in body:
                body["dimensions"] = request.dimensions
            return Outgoing("/embeddings", dumped(body))
        sent = {**request.body, "model": self._named(request) if self._is_wildcard else self._model}
        if request.stream and self._counts:
            options = sent.get("stream_options")
            sent["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
        return Outgoing("/chat/completions", dumped(sent))

    def _embed_options(self, request: EmbedRequest) -> dict[str, Any]:
        """What else the client says of its texts: as it came, but for what OpenAI itself does not know."""
        if self._foreign is None:
            return dict(request.options)
        known = {name: value for name, value in request.options.items() if name not in _NOT_OPENAIS}
        self._foreign.check({name: value for name, value in request.options.items() if name in _NOT_OPENAIS})
        return known

    def _named(self, request: ChatRequest) -> str:
        """The model that the client named behind the deployment. Raises BadRequest."""
        _, _, rest = request.body["model"].partition("/")
        if not rest:
            message = "this deployment has many models: name one behind a slash, as in `any/some-model`"
            raise BadRequest(message, param="model", code="model_not_found")
        if len(rest) > MAX_NAME or not rest.isascii() or not rest.isprintable():
            raise BadRequest(
                f"the name of the model has over {MAX_NAME} characters, or odd ones", param="model"
            )
        return self._model.replace("*", rest)

    def answer(self, body: bytes, classifier: Classifier) -> ChatChunk:
        answer = parse_object(body, classifier)
        choices = answer.get("choices")
        if not isinstance(choices, list) or not choices:
            raise malformed(classifier, "the answer has no choices")
        for choice in choices:
            _check_choice(choice, classifier)
        return ChatChunk(body, _usage(answer))

    def reader(self, request: ChatRequest, classifier: Classifier) -> OpenAIReader:
        return OpenAIReader(classifier, hide_usage=self._counts and not wants_usage(request))

    def vectors(self, body: bytes, texts: int, classifier: Classifier) -> EmbedChunk:
        answer = parse_object(body, classifier)
        try:
            items = sorted(answer["data"], key=lambda item: item["index"])
            vectors = [item["embedding"] for item in items]
            indices = [item["index"] for item in items]
        except (KeyError, TypeError):
            raise malformed(classifier, "the answer holds no vectors") from None
        if indices != list(range(len(indices))):
            raise malformed(classifier, "the vectors are not numbered from 0")
        return stack_vectors(vectors, texts, _usage(answer) or Usage(0), classifier)

    def scores(self, body: bytes, documents: int, classifier: Classifier) -> RerankChunk:
        answer = parse_object(body, classifier)
        try:
            results = answer["data"] if "results" not in answer else answer["results"]  # Voyage says `data`
            found = {item["index"]: float(item["relevance_score"]) for item in results}
        except (KeyError, TypeError, ValueError):
            raise malformed(classifier, "the answer holds no scores") from None
        if found.keys() != set(range(documents)):
            raise malformed(classifier, f"scores came for {len(found)} of {documents} documents")
        usage = answer.get("usage")
        tokens = whole(usage.get("total_tokens")) if isinstance(usage, dict) else 0
        return RerankChunk(in_order(found), Usage(tokens))


class OpenAIReader:
    """One chunk per event, until the end marker, or until the connection ends and every choice has.

    hide_usage: the usage at the end is for the policies alone.
    """

    def __init__(self, classifier: Classifier, *, hide_usage: bool) -> None:
        self.ended = False
        self._unfinished: set[object] = set()
        self._begun = False
        self._classifier = classifier
        self._hide_usage = hide_usage

    def read(self, event: Event) -> Iterable[ChatChunk]:
        data = event.data
        if data == DONE:
            self.ended = True
            return ()
        chunk = parse_object(data, self._classifier)
        for choice in chunk.get("choices") or ():
            self._follow(choice)
        usage = _usage(chunk)
        if usage is not None and self._hide_usage and not chunk.get("choices"):
            return (ChatChunk(b"", usage),)
        if b"\n" in data:  # an event of several lines: in JSON they are white space
            data = data.replace(b"\n", b" ")
        return (ChatChunk(data, usage),)

    def close(self) -> Iterable[ChatChunk]:
        self.ended = self._begun and not self._unfinished
        return ()

    def _follow(self, choice: Any) -> None:
        """Whether a choice goes on or has its end. Raises RequestError for one that has failed."""
        if not isinstance(choice, dict):
            return
        self._begun = True
        if choice.get("finish_reason") is None:
            self._unfinished.add(choice.get("index"))
        else:
            _check_choice(choice, self._classifier)
            self._unfinished.discard(choice.get("index"))


def _check_choice(choice: Any, classifier: Classifier) -> None:
    """Raise the error of a choice that failed inside a success. Source: OpenRouter, API reference, errors."""
    if isinstance(choice, dict) and (choice.get("finish_reason") == "error" or choice.get("error")):
        raise classifier.in_band(choice.get("error") or "the answer ended with an error")


def wants_usage(request: ChatRequest) -> bool:
    """Whether the client asked for the usage of a stream."""
    options = request.body.get("stream_options")
    return isinstance(options, dict) and bool(options.get("include_usage"))


def _usage(answer: dict[str, Any]) -> Usage | None:
    usage = answer.get("usage")
    if not isinstance(usage, dict):
        return None
    return Usage(
        whole(usage.get("prompt_tokens")),
        whole(usage.get("completion_tokens")),
        cached_tokens=_detail(usage, "prompt_tokens_details", "cached_tokens"),
        reasoning_tokens=_detail(usage, "completion_tokens_details", "reasoning_tokens"),
        cache_write_tokens=_detail(usage, "prompt_tokens_details", "cache_write_tokens")
        or whole(usage.get("cache_creation_input_tokens")),  # OpenRouter says the one, LiteLLM the other
    )


def _detail(usage: dict[str, Any], group: str, name: str) -> int:
    details = usage.get(group)
    return whole(details.get(name)) if isinstance(details, dict) else 0
