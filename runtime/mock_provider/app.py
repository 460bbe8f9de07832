"""The mock provider's HTTP side: three providers' APIs on one port, told apart by their paths."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any

import orjson
from aiohttp import web
from attrs import evolve, frozen

from . import answers
from .anthropic_api import AnthropicApi
from .api import Api
from .deliver import deliver, in_parts
from .embeddings import Embedded, gemini_embeddings, openai_embeddings, vertex_embeddings
from .faults import Fault, FaultKind, FaultPlan, RetryForm
from .gemini_api import GeminiApi
from .limits import Limiter
from .openai_api import OpenAIApi
from .parsed_request import MockError, wanted
from .rerank import rerank
from .scripted_answers import Prompter, Script, ScriptedAnswer, ScriptError, parse_script
from .stats import Stats, fingerprint

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Answering = Callable[[web.Request, Api, dict[str, Any], "Guest"], Awaitable[web.StreamResponse]]

_MODELS = ("gpt-4o-mini", "gpt-4o", "text-embedding-3-small")
_MAX_BODY = 64 << 20
_VERTEX = "/v1/projects/{project}/locations/{location}/publishers/google/models/{model}"
_GEMINI = "/v1beta/models/{model}"
_GENERATE = ":{method:generateContent|streamGenerateContent}"


@frozen
class MockOptions:
    """How the mock provider behaves.

    gap: seconds between two pieces of a stream. faults: what the first answers are instead. rpm, tpm:
    requests and tokens in any minute, for each key. answers: what is said to messages that fit.
    """

    gap: float = 0.005
    faults: tuple[Fault, ...] = ()
    rpm: int | None = None
    tpm: int | None = None
    answers: tuple[ScriptedAnswer, ...] = ()

    def following(self, script: Script) -> MockOptions:
        """The same, as far as `script` does not say otherwise."""
        said: dict[str, Any] = {"rpm": script.rpm, "tpm": script.tpm}
        said["gap"] = None if script.gap_ms is None else script.gap_ms / 1000
        said["faults"], said["answers"] = script.faults or None, script.answers or None
        return evolve(self, **{name: value for name, value in said.items() if value is not None})


@frozen
class Guest:
    """Who sent a request, and what goes wrong with the answer."""

    key: str
    fault: Fault | None


def build_app(options: MockOptions | None = None, stats: Stats | None = None) -> web.Application:
    """The mock provider as an application, with its own counts under `/__mock__/`.

    Any key is good, no key is not. stats: counted into, when the caller wants to look.
    """
    provider = _Provider(options or MockOptions(), stats or Stats())
    app = web.Application(client_max_size=_MAX_BODY)
    post = app.router.add_post
    openai, anthropic, gemini = OpenAIApi(), AnthropicApi(), GeminiApi()
    chat = provider.guarded(openai, provider.chat)
    embed = provider.guarded(openai, provider.embeddings)
    for base in ("/v1", "/openai/deployments/{deployment}"):
        post(f"{base}/chat/completions", chat)
        post(f"{base}/embeddings", embed)
    post("/v1/rerank", provider.guarded(openai, provider.rerank))
    post("/v1/messages", provider.guarded(anthropic, provider.chat))
    for base in (_GEMINI, _VERTEX):
        post(base + _GENERATE, provider.guarded(gemini, provider.chat))
    post(f"{_GEMINI}:batchEmbedContents", provider.guarded(gemini, provider.embeddings))
    post(f"{_VERTEX}:predict", provider.guarded(gemini, provider.embeddings))
    app.router.add_get("/v1/models", provider.models)
    app.router.add_get("/__mock__/stats", provider.show_stats)
    post("/__mock__/reset", provider.reset)
    app.router.add_route("*", "/{path:.*}", provider.no_such_path)
    return app


class _Provider:
    def __init__(self, options: MockOptions, stats: Stats) -> None:
        self._stats = stats
        self._begin(options)

    def _begin(self, options: MockOptions) -> None:
        self._options = options
        self._faults = FaultPlan(options.faults)
        self._limiter = Limiter(options.rpm, options.tpm)
        self._prompter = Prompter(options.answers)

    def guarded(self, api: Api, answer: Answering) -> Handler:
        """`answer` for requests with a key, unless a fault is due; every request is counted."""

        async def handle(request: web.Request) -> web.StreamResponse:
            stats = self._stats
            stats.requests += 1
            stats.open += 1
            stats.count(stats.apis, api.name)
            try:
                guest, body = await self._admit(request, api)
                response = await answer(request, api, body, guest)
            except MockError as error:
                response = _error(api, error)
            except ConnectionError:
                stats.cancelled += 1
                return web.Response()  # to nobody
            except BaseException:
                stats.cancelled += 1
                raise
            else:
                stats.answered += 1
            finally:
                stats.open -= 1
            stats.count(stats.statuses, str(response.status))
            return response

        return handle

    async def chat(
        self, request: web.Request, api: Api, body: dict[str, Any], guest: Guest
    ) -> web.StreamResponse:
        try:
            asked = api.read(request, body)
        except (KeyError, TypeError, AttributeError, IndexError):
            raise MockError(400, "the request is not understood") from None
        answer, fault = self._prompter.answer(asked)
        if guest.fault is not None:
            fault = guest.fault
        elif fault is not None:
            self._stats.faults += 1
        if fault is not None and fault.kind is FaultKind.STATUS:
            raise self._fault(fault)
        headers = self._take_room(api, guest, answer.prompt_tokens + answer.completion_tokens)
        self._stats.count(self._stats.models, asked.model)
        self._stats.prompt_tokens += answer.prompt_tokens
        self._stats.completion_tokens += answer.completion_tokens
        broken = self._fault(fault or Fault())
        if asked.stream:
            return await deliver(
                request,
                api.events(asked, answer),
                content_type="text/event-stream",
                headers=headers,
                gap=self._options.gap,
                fault=fault,
                error=api.error_event(broken),
            )
        whole = orjson.dumps(api.whole(asked, answer))
        if fault is None:
            return web.Response(body=whole, headers=headers, content_type="application/json")
        if fault.kind is FaultKind.ERROR:
            return _json(api.error(broken), headers)
        parts = in_parts(whole)
        return await deliver(
            request, parts, content_type="application/json", headers=headers, gap=0, fault=fault, error=b""
        )

    async def embeddings(
        self, request: web.Request, api: Api, body: dict[str, Any], guest: Guest
    ) -> web.StreamResponse:
        if guest.fault is not None:
            raise MockError(500, "This fault is for chats.")
        try:
            made, tokens = _embeddings(request, body)
        except (KeyError, TypeError, AttributeError, IndexError):
            raise MockError(400, "the request is not understood") from None
        headers = self._take_room(api, guest, tokens)
        self._stats.prompt_tokens += tokens
        return _json(made, headers)

    async def rerank(
        self, request: web.Request, api: Api, body: dict[str, Any], guest: Guest
    ) -> web.StreamResponse:
        if guest.fault is not None:
            raise MockError(500, "This fault is for chats.")
        made, tokens = rerank(body)
        headers = self._take_room(api, guest, tokens)
        self._stats.prompt_tokens += tokens
        return _json(made, headers)

    async def models(self, request: web.Request) -> web.StreamResponse:
        models = [
            {"id": name, "object": "model", "created": answers.CREATED, "owned_by": "mock"}
            for name in _MODELS
        ]
        return _json({"object": "list", "data": models})

    async def show_stats(self, request: web.Request) -> web.StreamResponse:
        return _json(self._stats.json())

    async def reset(self, request: web.Request) -> web.StreamResponse:
        """Begin anew; a script in the body says how to behave from now on."""
        raw = await request.read()
        try:
            script = parse_script(orjson.loads(raw)) if raw else Script()
        except (ScriptError, orjson.JSONDecodeError) as error:
            return _error(OpenAIApi(), MockError(400, f"this is no script: {error}"))
        self._stats.reset()
        self._begin(self._options.following(script))
        return _json({"reset": True})

    async def no_such_path(self, request: web.Request) -> web.StreamResponse:
        what = f"Invalid URL ({request.method} {request.path})"
        return _error(OpenAIApi(), MockError(404, what, "not_found"))

    async def _admit(self, request: web.Request, api: Api) -> tuple[Guest, dict[str, Any]]:
        """Who sent the request, and its body, if it may be answered."""
        raw = await request.read()
        key = api.key(request.headers)
        if not key:
            self._stats.unauthorized += 1
            raise MockError(401, "You didn't provide an API key.")
        shown = fingerprint(key)
        self._stats.count(self._stats.keys, shown)
        fault = self._faults.take(shown)
        if fault is not None:
            self._stats.faults += 1
            if fault.kind is FaultKind.STATUS:
                raise self._fault(fault)
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise MockError(400, f"The body is no JSON: {error}", "invalid_json") from None
        if not isinstance(body, dict):
            raise MockError(400, "The body must be a JSON object.")
        return Guest(shown, fault), body

    def _fault(self, fault: Fault) -> MockError:
        """The error that was asked for."""
        if fault.status == 401:
            self._stats.unauthorized += 1
        wait = fault.retry_after
        headers = {} if wait is None else _retry_headers(wait, fault.form)
        return MockError(fault.status, "This fault was asked for.", fault.code, headers, wait or 0.0)

    def _take_room(self, api: Api, guest: Guest, tokens: int) -> dict[str, str]:
        """Count a request against the limits of its key; gives what the answer says about them."""
        now = asyncio.get_running_loop().time()
        wait = self._limiter.admit(guest.key, now, tokens)
        headers = api.room_headers(self._limiter.room(guest.key, now))
        if wait:
            self._stats.limited += 1
            headers |= _retry_headers(wait, RetryForm.SECONDS)
            raise MockError(429, "The rate limit is reached.", "", headers, wait)
        return headers


def _embeddings(request: web.Request, body: dict[str, Any]) -> Embedded:
    """The vectors in the shape that goes with the path. Raises MockError."""
    if request.path.endswith(":predict"):
        return vertex_embeddings(body)
    if request.path.endswith(":batchEmbedContents"):
        return gemini_embeddings(body)
    return openai_embeddings(request.match_info.get("deployment") or wanted(body, "model", str), body)


def _retry_headers(seconds: float, form: RetryForm) -> dict[str, str]:
    now = time.time()
    match form:
        case RetryForm.SECONDS:
            return {"Retry-After": f"{seconds:g}"}
        case RetryForm.MILLISECONDS:
            return {"Retry-After-Ms": f"{seconds * 1000:g}"}
        case RetryForm.DATE:
            dates = {"Date": formatdate(now, usegmt=True)}
            return dates | {"Retry-After": formatdate(now + seconds, usegmt=True)}


def _json(value: object, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(value), headers=headers, content_type="application/json")


def _error(api: Api, error: MockError) -> web.Response:
    return web.Response(
        body=orjson.dumps(api.error(error)),
        status=error.status,
        headers=error.headers,
        content_type="application/json",
    )
