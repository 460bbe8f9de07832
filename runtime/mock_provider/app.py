"""The mock provider's HTTP side: four providers' APIs on one port, told apart by their paths."""

from __future__ import annotations

from aiohttp import web

from ..late_resources import LateResources
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


def build_app(options: MockOptions | None = None, stats: Stats | None = None) -> web.Application:
    """The mock provider as an application, with its own counts under `/__mock__/`.

    Any key is good, no key is not. stats: counted into, when the caller wants to look.
    """
    provider = Provider(options or MockOptions(), stats or Stats())
    app = web.Application(client_max_size=_MAX_BODY)
    resources = LateResources()

    def post(path: str, answer: Handler, method: str = "POST") -> None:
        resources.add(path, lambda router, path: router.add_route(method, path, answer))

    openai, anthropic, gemini = OpenAIApi(), AnthropicApi(), GeminiApi()
    chat = provider.guarded(openai, "chat", provider.chat)
    respond = provider.guarded(ResponsesApi(), "responses", provider.chat)
    embed = provider.guarded(openai, "embed", provider.embeddings)
    rerank = provider.guarded(openai, "rerank", provider.rerank)
    messages = provider.guarded(anthropic, "chat", provider.chat)
    raw_predict = provider.guarded(AnthropicOnVertexApi(), "chat", provider.chat)
    converse = provider.guarded(BedrockApi(), "chat", provider.chat)
    invoke = provider.guarded(BedrockApi(), "invoke", provider.invoke)
    generate = provider.guarded(gemini, "chat", provider.chat)
    for named in ("", _NAMED):
        for base in _OPENAI:
            post(f"{named}{base}/chat/completions", chat)
            post(f"{named}{base}/responses", respond)
            post(f"{named}{base}/embeddings", embed)
            post(f"{named}{base}/rerank", rerank)
            post(f"{named}{base}/embed", provider.guarded(openai, "cohere_embed", provider.embeddings))
            for path, kind in _MORE.items():
                post(f"{named}{base}{path}", provider.guarded(openai, kind, provider.more))
        for base in ("", _CLAUDE_AT_GOOGLE):
            post(f"{named}{base}/v1/messages", messages)
        post(named + _CLAUDE, raw_predict)
        post(named + _CONVERSE, converse)
        post(named + _INVOKE, invoke)
        for base in (_GEMINI, _VERTEX):
            post(named + base + _GENERATE, generate)
        post(
            f"{named}{_GEMINI}:batchEmbedContents",
            provider.guarded(gemini, "batch_embed", provider.embeddings),
        )
        post(f"{named}{_VERTEX}:predict", provider.guarded(gemini, "predict", provider.embeddings))
    for path, show in ("/v1/models", provider.models), ("/__mock__/stats", provider.show_stats):
        post(path, show, "GET")
        post(path, show, "HEAD")
    post("/__mock__/reset", provider.reset)
    post("/__mock__/faults", provider.set_faults)
    post("/{path:.*}", provider.no_such_path, "*")
    app.router.register_resource(resources)
    return app
