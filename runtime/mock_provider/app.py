"""The mock provider's HTTP side: four providers' APIs on one port, told apart by their paths."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web

from ..http.late_resources import LateResources, by_beginning
from .anthropic_api import AnthropicApi, AnthropicOnVertexApi
from .bedrock_api import BedrockApi
from .gemini_api import GeminiApi
from .openai_api import OpenAIApi
from .options import MockOptions
from .provider import Handler, Provider
from .responses_api import ResponsesApi
from .stats import Stats
from .strict import PROVIDERS

_MAX_BODY = 64 << 20
_VERTEX = "/v1/projects/{project}/locations/{location}/publishers/google/models/{model}"
_OPENAI = ("", "/v1", "/v2", "/api/v1", "/openai/v1", "/openai/deployments/{deployment}")
_NAMED = f"/{{provider:{'|'.join(name for name in PROVIDERS if name != 'openai')}}}"
_CLAUDE = _VERTEX.replace("/google/", "/anthropic/") + ":{method:rawPredict|streamRawPredict}"
_CLAUDE_AT_GOOGLE = "/v1/projects/{project}/locations/{location}/workspaces/{workspace}/invoke"
_GEMINI = "/v1beta/models/{model}"
_INVOKE = "/model/{model}/invoke"
_CONVERSE = "/model/{model}/{method:converse|converse-stream}"
_GENERATE = ":{method:generateContent|streamGenerateContent}"


_MORE = {
    "/completions": "completions",
    "/moderations": "moderations",
    "/audio/speech": "speech",
    "/audio/transcriptions": "transcriptions",
    "/audio/translations": "translations",
    "/images/generations": "images",
    "/images/edits": "edits",
    "/images/variations": "variations",
}
"""What there is beside chats and vectors, and what the tables of strict rules call it."""

_AT_OPENAI = {
    "/chat/completions": "chat",
    "/responses": "respond",
    "/embeddings": "embed",
    "/rerank": "rerank",
    "/embed": "cohere_embed",
    **_MORE,
}
"""What is served below each of `_OPENAI`, and what answers there."""


def _paths() -> Iterator[tuple[str, tuple[str, str]]]:
    """The paths, each with its method and what answers there."""
    for named in ("", _NAMED):
        for base in _OPENAI:
            for path, what in _AT_OPENAI.items():
                yield f"{named}{base}{path}", ("POST", what)
        for base in ("", _CLAUDE_AT_GOOGLE):
            yield f"{named}{base}/v1/messages", ("POST", "messages")
        yield named + _CLAUDE, ("POST", "raw_predict")
        yield named + _CONVERSE, ("POST", "converse")
        yield named + _INVOKE, ("POST", "invoke")
        for base in (_GEMINI, _VERTEX):
            yield named + base + _GENERATE, ("POST", "generate")
        yield f"{named}{_GEMINI}:batchEmbedContents", ("POST", "batch_embed")
        yield f"{named}{_VERTEX}:predict", ("POST", "predict")
    for method in ("GET", "HEAD"):
        yield "/v1/models", (method, "models")
        yield "/__mock__/stats", (method, "stats")
    yield "/__mock__/reset", ("POST", "reset")
    yield "/__mock__/faults", ("POST", "faults")
    yield "/{path:.*}", ("*", "no such path")


_SERVED = by_beginning(_paths())


def build_app(options: MockOptions | None = None, stats: Stats | None = None) -> web.Application:
    """The mock provider as an application, with its own counts under `/__mock__/`.

    Any key is good, no key is not. stats: counted into, when the caller wants to look.
    """
    provider = Provider(options or MockOptions(), stats or Stats())
    app = web.Application(client_max_size=_MAX_BODY)
    answers = _answers(provider)

    def add(router: web.UrlDispatcher, path: str, served: tuple[str, str]) -> None:
        method, what = served
        router.add_route(method, path, answers[what])

    app.router.register_resource(LateResources(add, _SERVED))
    return app


def _answers(provider: Provider) -> dict[str, Handler]:
    """What answers, by the names that `_paths` gives it."""
    openai, gemini, bedrock = OpenAIApi(), GeminiApi(), BedrockApi()
    return {
        "chat": provider.guarded(openai, "chat", provider.chat),
        "respond": provider.guarded(ResponsesApi(), "responses", provider.chat),
        "embed": provider.guarded(openai, "embed", provider.embeddings),
        "cohere_embed": provider.guarded(openai, "cohere_embed", provider.embeddings),
        "rerank": provider.guarded(openai, "rerank", provider.rerank),
        **{kind: provider.guarded(openai, kind, provider.more) for kind in _MORE.values()},
        "messages": provider.guarded(AnthropicApi(), "chat", provider.chat),
        "raw_predict": provider.guarded(AnthropicOnVertexApi(), "chat", provider.chat),
        "converse": provider.guarded(bedrock, "chat", provider.chat),
        "invoke": provider.guarded(bedrock, "invoke", provider.invoke),
        "generate": provider.guarded(gemini, "chat", provider.chat),
        "batch_embed": provider.guarded(gemini, "batch_embed", provider.embeddings),
        "predict": provider.guarded(gemini, "predict", provider.embeddings),
        "models": provider.models,
        "stats": provider.show_stats,
        "reset": provider.reset,
        "faults": provider.set_faults,
        "no such path": provider.no_such_path,
    }
