"""Where chats go, for each wire: the path, and what only the plan knows of the body."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Protocol
from urllib.parse import quote

from attrs import evolve

from ....compiler.plan import RemotePoolPlan, WireFormat, bedrock_vendor
from ....compiler.plan.service_tiers import ASKED_BY_HEADER, VERTEX_HEADER
from ...dialects import anthropic, bedrock, gemini, openai_chat, openai_responses
from ...dialects.openai.requests import mistyped
from ...requests.conversation import Conversation
from ...requests.errors import BadRequest
from ...requests.request import NO_OPTIONS, OPENAI_CHAT, ChatRequest

ANTHROPIC_VERSION = "2023-06-01"
"""The version of Anthropic's API that is spoken."""

VERTEX_VERSION = "vertex-2023-10-16"
"""The same, as Vertex AI calls it."""

_ENCRYPTED = "reasoning.encrypted_content"

MAX_NAME = 200
"""Characters of the name of a model that a client may say."""

_UPWARDS = frozenset({".", ".."})
"""What leads elsewhere in an address: some providers are told the model there."""

MAX_CACHE_KEY = 200
"""Characters of a `prompt_cache_key` that goes in a header as it is; of others, a digest does."""

Json = dict[str, Any]


class Target(Protocol):
    """Writes bodies in the dialect of one plan's provider."""

    dialect: str
    headers: Mapping[str, str]
    """What each request carries beside the credential and the headers of the plan."""
    counts: bool
    """Whether a policy wants the usage of streams, whatever the client does."""

    def write(self, conversation: Conversation, *, passes: bool) -> Json:
        """The body for `conversation`. passes: its answer goes to the client as it comes.

        Raises BadRequest for what the provider's protocol has no word for.
        """

    def address(self, request: ChatRequest, body: Json) -> str:
        """The path below the endpoint; what the plan says is put into `body`. Raises BadRequest."""

    def beside(self, body: Json) -> Mapping[str, str]:
        """Headers that say what the provider does not read in `body`, taken out of it. Raises BadRequest."""


class _InBodies:
    """A target that says all of a request in its body."""

    def beside(self, body: Json) -> Mapping[str, str]:
        return NO_OPTIONS


def target_of(plan: RemotePoolPlan, *, responses: bool = False) -> Target:
    """The target that `plan` asks for. responses: OpenAI's."""
    if responses:
        return ResponsesTarget(plan)
    match plan.wire:
        case WireFormat.OPENAI:
            return OpenAITarget(plan)
        case WireFormat.ANTHROPIC:
            on_vertex = anthropic.is_vertex(plan.endpoint)
            return AnthropicOnVertexTarget(plan) if on_vertex else AnthropicTarget(plan)
        case WireFormat.GEMINI:
            return GeminiTarget(plan)
        case WireFormat.BEDROCK:
            return BedrockTarget(plan)


def model_named(plan: RemotePoolPlan, asked: str) -> str:
    """The model of `plan`, or the one that a client named behind a deployment of many. Raises BadRequest."""
    if not plan.is_wildcard:
        return plan.model
    before, slash, rest = asked.partition("/")
    name = plan.model.replace("*", rest)
    if not slash or (before and not rest) or not name or "*" in rest:
        message = (
            "this deployment has many models: name one behind a slash, as in `any/some-model`, or in the "
            "place of the `*` in its name"
        )
        raise BadRequest(message, param="model", code="model_not_found")
    if len(rest) > MAX_NAME or not rest.isascii() or not rest.isprintable():
        raise BadRequest(f"the name of the model has over {MAX_NAME} characters, or odd ones", param="model")
    if not _UPWARDS.isdisjoint((*rest.split("/"), *name.split("/"))):
        raise BadRequest("the name of the model has a part that is only dots", param="model")
    return name


def _model_asked(request: ChatRequest) -> str:
    """The name that the client used."""
    return request.said.conversation.model if request.said is not None else request.body.get("model", "")


class OpenAITarget:
    """Below an endpoint that ends in `/v1` or names an Azure deployment."""

    dialect = OPENAI_CHAT
    headers: Mapping[str, str] = {}

    def __init__(self, plan: RemotePoolPlan) -> None:
        self._plan = plan
        self._model = None if plan.is_wildcard else plan.model
        self.counts = plan.budget is not None or plan.rate_limits.tokens_per_minute is not None
        self._can_ask = plan.capabilities.knows_field("stream_options")
        self._cache_header = plan.capabilities.cache_key_header

    def write(self, conversation: Conversation, *, passes: bool) -> Json:
        if conversation.stream and not passes and self._can_ask:
            conversation = evolve(conversation, stream_usage=True)
        body = openai_chat.write_request(conversation)
        return {name: value for name, value in body.items() if value is not None}

    def address(self, request: ChatRequest, body: Json) -> str:
        body["model"] = self._model or model_named(self._plan, body.get("model", ""))
        if not request.stream:
            body.pop("stream_options", None)  # some clients always send it
        elif self.counts and self._can_ask:
            options = body.get("stream_options")
            body["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
        return "/chat/completions"

    def beside(self, body: Json) -> Mapping[str, str]:
        """The key of the prompt's cache, where the provider has a header for it."""
        name = self._cache_header
        if name is None or (key := body.pop("prompt_cache_key", None)) in (None, ""):
            return NO_OPTIONS
        if not isinstance(key, str):
            raise mistyped("prompt_cache_key", str, key)
        fits = len(key) <= MAX_CACHE_KEY and key.isascii() and key.isprintable() and key == key.strip()
        return {name: key if fits else sha256(key.encode("utf-8", "replace")).hexdigest()}


class ResponsesTarget(_InBodies):
    """OpenAI's responses, below the same endpoint. What is kept of them is kept here, and nowhere else.

    Thoughts then come encrypted, so that they can be sent again with what was said before.
    """

    dialect = openai_responses.DIALECT
    headers: Mapping[str, str] = {}
    counts = False

    def __init__(self, plan: RemotePoolPlan) -> None:
        self._plan = plan
        self._thinks = plan.capabilities.thinks not in (None, "no")

    def write(self, conversation: Conversation, *, passes: bool) -> Json:
        return openai_responses.write_request(conversation, origin=self._plan.deployment)

    def address(self, request: ChatRequest, body: Json) -> str:
        body["model"] = model_named(self._plan, body.get("model", ""))
        if self._thinks and (body.get("store") is not False or request.dialect != self.dialect):
            included = body.get("include")
            more = included if isinstance(included, list) else []
            body["include"] = more if _ENCRYPTED in more else [*more, _ENCRYPTED]
        body["store"] = False
        return "/responses"


class AnthropicTarget(_InBodies):
    """Anthropic's Messages. Source: Messages API reference."""

    dialect = anthropic.DIALECT
    headers: Mapping[str, str] = {"anthropic-version": ANTHROPIC_VERSION}
    counts = False

    def __init__(self, plan: RemotePoolPlan) -> None:
        self._plan = plan
        self._model = None if plan.is_wildcard else plan.model

    def write(self, conversation: Conversation, *, passes: bool) -> Json:
        return anthropic.write_request(conversation)

    def address(self, request: ChatRequest, body: Json) -> str:
        body["model"] = self._model or model_named(self._plan, body.get("model", ""))
        return "/v1/messages"


class AnthropicOnVertexTarget(AnthropicTarget):
    """The same on Vertex AI: the model is in the path, the version in the body.

    Sources: Anthropic's docs (Claude on Vertex AI), Anthropic's Vertex client.
    """

    headers: Mapping[str, str] = {}

    def __init__(self, plan: RemotePoolPlan) -> None:
        super().__init__(plan)
        self._path = None if self._model is None else self._named(self._model)

    @staticmethod
    def _named(model: str) -> str:
        return f"/models/{quote(model, safe='@')}"

    def address(self, request: ChatRequest, body: Json) -> str:
        asked = body.pop("model", "")
        path = self._path or self._named(model_named(self._plan, asked))
        body["anthropic_version"] = VERTEX_VERSION
        return f"{path}:{'streamRawPredict' if request.stream else 'rawPredict'}"


class GeminiTarget:
    """`generateContent`, on AI Studio and on Vertex AI: the endpoint says which.

    Sources: Gemini API reference, Vertex AI reference (generateContent, safety settings), its guides to
    Priority PayGo and Flex PayGo: it reads the tier of service in a header alone.
    """

    dialect = gemini.DIALECT
    headers: Mapping[str, str] = {}
    counts = False

    def __init__(self, plan: RemotePoolPlan) -> None:
        self._plan = plan
        self._is_vertex = gemini.is_vertex(plan.endpoint)
        self._path = None if plan.is_wildcard else self._named(plan.model)
        self._asks_tier = not any(name.lower() == VERTEX_HEADER for name in plan.headers)
        self._safety = [
            {"category": _category(category), "threshold": threshold.upper()}
            for category, threshold in plan.safety.items()
        ]

    def write(self, conversation: Conversation, *, passes: bool) -> Json:
        return gemini.write_request(conversation, call_ids=not self._is_vertex)

    def address(self, request: ChatRequest, body: Json) -> str:
        if self._safety:
            body["safetySettings"] = self._safety
        path = self._path or self._named(model_named(self._plan, _model_asked(request)))
        return f"{path}:{'streamGenerateContent?alt=sse' if request.stream else 'generateContent'}"

    def _named(self, model: str) -> str:
        return f"{'' if self._is_vertex else '/v1beta'}/models/{quote(model, safe='')}"

    def beside(self, body: Json) -> Mapping[str, str]:
        """The tier of service, at Vertex AI: the one of the file where that says one."""
        tier = body.pop("serviceTier", None) if self._is_vertex else None
        return {VERTEX_HEADER: tier} if tier in ASKED_BY_HEADER and self._asks_tier else NO_OPTIONS


class BedrockTarget(_InBodies):
    """Converse and ConverseStream. Source: Amazon Bedrock API reference."""

    dialect = bedrock.DIALECT
    headers: Mapping[str, str] = {}
    counts = False

    def __init__(self, plan: RemotePoolPlan) -> None:
        self._plan = plan
        self._vendor = bedrock_vendor(plan.model)
        self._path = None if plan.is_wildcard else self._named(plan.model)
        self._streams_tools = plan.capabilities.streams_tools is not False

    def write(self, conversation: Conversation, *, passes: bool) -> Json:
        vendor = self._vendor
        if self._path is None:
            vendor = bedrock_vendor(self._plan.model.replace("*", conversation.model.partition("/")[2]))
        return bedrock.write_request(conversation, vendor=vendor)

    def address(self, request: ChatRequest, body: Json) -> str:
        path = self._path or self._named(model_named(self._plan, _model_asked(request)))
        streams = request.stream and (self._streams_tools or "toolConfig" not in body)
        return f"{path}-stream" if streams else path

    @staticmethod
    def _named(model: str) -> str:
        return f"/model/{quote(model, safe='')}/converse"


def _category(name: str) -> str:
    """`hate_speech` is short for `HARM_CATEGORY_HATE_SPEECH`."""
    name = name.upper()
    return name if name.startswith("HARM_CATEGORY_") else f"HARM_CATEGORY_{name}"
