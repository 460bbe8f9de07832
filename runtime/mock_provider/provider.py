"""How the mock provider answers: who may ask, what comes back, and what goes wrong on demand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web
from attrs import evolve

from ...compiler.plan import bedrock_retrieval
from . import answers
from .api import Api
from .deliver import deliver, in_parts
from .embeddings import (
    Embedded,
    cohere_embeddings,
    gemini_embeddings,
    openai_embeddings,
    titan_embeddings,
    vertex_embeddings,
)
from .faults import SPOILT, Fault, FaultKind, FaultPlan, RetryForm
from .forms import read_form
from .guest import ASKED_OF, Guest, model_of, table_of
from .limits import Limiter
from .openai_api import OpenAIApi
from .openai_more import (
    completion,
    image_events,
    images,
    moderation,
    speech,
    speech_events,
    transcript_events,
    transcription,
)
from .options import MockOptions, script_in
from .parsed_request import Asked, MockError, refuse_too_much, wanted
from .rerank import rerank
from .responses import error_body, error_response, json_response, retry_headers
from .scripted_answers import Prompter
from .spoilt import spoilt, spoilt_events
from .stats import Stats, fingerprint
from .strict import Quirks, room_headers
from .strict.tables import REQUEST, filled

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Answering = Callable[[web.Request, Api, dict[str, Any], "Guest"], Awaitable[web.StreamResponse]]

_MODELS = ("gpt-4o-mini", "gpt-4o", "text-embedding-3-small")
_NOT_UNDERSTOOD = (KeyError, TypeError, AttributeError, IndexError, ValueError, RecursionError, OverflowError)
"""What a request of another shape makes fail."""


class Provider:
    """Answers, and counts what it is asked."""

    def __init__(self, options: MockOptions, stats: Stats) -> None:
        self._stats = stats
        self._begin(options)

    def _begin(self, options: MockOptions) -> None:
        self._options = options
        self._faults = FaultPlan(options.faults)
        self._limiter = Limiter(options.rpm, options.tpm)
        self._prompter = Prompter(options.answers)

    def guarded(self, api: Api, kind: str, answer: Answering) -> Handler:
        """`answer` for requests with a key, unless a fault is due; every request is counted.

        kind: of the request, as the tables of strict rules call it.
        """

        async def handle(request: web.Request) -> web.StreamResponse:
            stats = self._stats
            stats.requests += 1
            stats.open += 1
            stats.count(stats.apis, api.name)
            try:
                guest, body = await self._admit(request, api, kind)
                response = await answer(request, api, body, guest)
            except MockError as error:
                response = error_response(api, error, *request.get(ASKED_OF, (None, "")))
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
            refuse_too_much(asked)
            answer, fault = self._prompter.answer(asked)
            events = self._events(api, guest, asked, answer) if asked.stream else []
            whole = b"" if asked.stream else orjson.dumps(self._whole(api, guest, asked, answer))
        except _NOT_UNDERSTOOD:
            raise MockError(400, "the request is not understood") from None
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
                events,
                content_type=api.stream_type,
                headers=headers,
                gap=self._options.gap,
                fault=fault,
                error=self._error_event(api, guest, broken, events),
            )
        if fault is None or fault.kind is FaultKind.NO_DONE:
            return web.Response(body=whole, headers=headers, content_type="application/json")
        if fault.kind is FaultKind.ERROR:
            return json_response(error_body(api, broken, guest.table, asked.model), headers)
        if fault.kind in SPOILT:
            return json_response(spoilt(orjson.loads(whole), fault), headers)
        parts = in_parts(whole)
        return await deliver(
            request, parts, content_type="application/json", headers=headers, gap=0, fault=fault, error=b""
        )

    async def embeddings(
        self, request: web.Request, api: Api, body: dict[str, Any], guest: Guest
    ) -> web.StreamResponse:
        return self._retrieved(api, guest, lambda: _embeddings(request, body))

    async def rerank(
        self, request: web.Request, api: Api, body: dict[str, Any], guest: Guest
    ) -> web.StreamResponse:
        return self._retrieved(api, guest, lambda: rerank(body))

    async def invoke(
        self, request: web.Request, api: Api, body: dict[str, Any], guest: Guest
    ) -> web.StreamResponse:
        """Bedrock's models that embed or rank, each with bodies of its own."""

        def made() -> Embedded:
            model = request.match_info["model"]
            match bedrock_retrieval(model):
                case "titan":
                    return titan_embeddings(body)
                case "cohere_embed":
                    return cohere_embeddings(body)
                case "cohere_rerank" | "amazon_rerank":
                    ranked, tokens = rerank({"model": model, **body})
                    return {"results": ranked["results"][: body.get("top_n")]}, tokens
            raise MockError(400, "The provided model identifier is invalid.")

        return self._retrieved(api, guest, made, tokens_in="X-Amzn-Bedrock-Input-Token-Count")

    def _retrieved(
        self, api: Api, guest: Guest, make: Callable[[], Embedded], tokens_in: str | None = None
    ) -> web.StreamResponse:
        """What `make` gives: vectors or ranks, and their tokens. tokens_in: a header that tells them."""
        if guest.fault is not None:
            raise MockError(500, "This fault is for chats.")
        try:
            made, tokens = make()
        except _NOT_UNDERSTOOD:
            raise MockError(400, "the request is not understood") from None
        headers = self._take_room(api, guest, tokens)
        if tokens_in is not None:
            headers[tokens_in] = str(tokens)
        self._stats.prompt_tokens += tokens
        return json_response(made, headers)

    async def more(
        self, request: web.Request, api: Api, body: dict[str, Any], guest: Guest
    ) -> web.StreamResponse:
        """What OpenAI has beside chats and vectors."""
        if guest.fault is not None:
            raise MockError(500, "This fault is for chats.")
        headers = self._take_room(api, guest, 1)
        path, model = request.path, model_of(request, body)
        events: list[bytes] | None = None
        if path.endswith("/audio/speech"):
            sound = speech(body)
            if body.get("stream_format") != "sse":
                return web.Response(body=sound, headers=headers, content_type="audio/wav")
            events = speech_events(sound, len(body["input"].split()))
        elif path.endswith("/moderations"):
            return json_response(moderation(model, body), headers)
        elif "/audio/" in path:
            told = transcription(body)
            if isinstance(told, str):
                return web.Response(text=told, headers=headers)
            if body.get("stream") is not True:
                return json_response(told, headers)
            events = transcript_events(told)
        elif "/images/" in path:
            drawn = images(body)
            if body.get("stream") is not True:
                return json_response(drawn, headers)
            kind = "image_edit" if path.endswith("/edits") else "image_generation"
            events = image_events(kind, drawn, body)
        else:
            made, tokens = completion(model, body)
            self._stats.prompt_tokens += tokens
            if not body.get("stream"):
                return json_response(made, headers)
            said = [{**made, "choices": [each]} for each in made["choices"]]
            events = [*(b"data: %b\n\n" % orjson.dumps(each) for each in said), b"data: [DONE]\n\n"]
        return await deliver(
            request,
            events,
            content_type="text/event-stream",
            headers=headers,
            gap=self._options.gap,
            fault=None,
            error=b"",
        )

    async def models(self, request: web.Request) -> web.StreamResponse:
        models = [
            {"id": name, "object": "model", "created": answers.CREATED, "owned_by": "mock"}
            for name in _MODELS
        ]
        return json_response({"object": "list", "data": models})

    async def show_stats(self, request: web.Request) -> web.StreamResponse:
        return json_response(self._stats.json())

    async def reset(self, request: web.Request) -> web.StreamResponse:
        """Begin anew; a script in the body says how to behave from now on."""
        try:
            script = await script_in(request)
        except MockError as error:
            return error_response(OpenAIApi(), error)
        self._stats.reset()
        self._begin(self._options.following(script))
        return json_response({"reset": True})

    async def set_faults(self, request: web.Request) -> web.StreamResponse:
        """Go wrong as the script in the body says from now on; `{"faults": []}` is not at all."""
        try:
            script = await script_in(request)
            if script.faults is None:
                raise MockError(400, '`faults` is missing: a list of faults, such as ["429:count=2"]')
        except MockError as error:
            return error_response(OpenAIApi(), error)
        self._options = evolve(self._options, faults=script.faults)
        self._faults = FaultPlan(script.faults)
        return json_response({"faults": len(script.faults)})

    async def no_such_path(self, request: web.Request) -> web.StreamResponse:
        what = f"Invalid URL ({request.method} {request.path})"
        return error_response(OpenAIApi(), MockError(404, what, "not_found"))

    def _events(self, api: Api, guest: Guest, asked: Asked, answer: answers.Answer) -> list[bytes]:
        """A streamed answer, as the guest's provider writes it."""
        events = api.events(asked, answer)
        if guest.fault is not None and guest.fault.kind in SPOILT:
            events = spoilt_events(events, guest.fault)
        elif guest.table is not None and api.name == "openai":
            quirks = Quirks.of(guest.table)
            events = quirks.stream(events, answer, include_usage=asked.include_usage)
        return events

    def _error_event(self, api: Api, guest: Guest, error: MockError, events: list[bytes]) -> bytes:
        """What a stream breaks off with, as the guest's provider writes it."""
        made = None
        if guest.table is not None and api.name == "openai":
            row = guest.table.said["statuses"].get(str(error.status), {})
            told, kind = row.get("message", error.message), row.get("type", "unmapped")
            made = Quirks.of(guest.table).broken(events, error.status, told, kind)
        return api.error_event(error) if made is None else made

    def _whole(self, api: Api, guest: Guest, asked: Asked, answer: answers.Answer) -> dict[str, Any]:
        """A whole answer, as the guest's provider writes it."""
        made = api.whole(asked, answer)
        if guest.table is not None and api.name == "openai":
            made = Quirks.of(guest.table).whole(made, answer)
        return made

    async def _admit(self, request: web.Request, api: Api, kind: str) -> tuple[Guest, dict[str, Any]]:
        """Who sent the request, and its body, if it may be answered."""
        try:
            if request.content_type == "multipart/form-data":
                body = await read_form(request)
            else:
                body = orjson.loads(await request.read())
            broken = None if isinstance(body, dict) else MockError(400, "The body must be a JSON object.")
        except orjson.JSONDecodeError as error:
            body, broken = {}, MockError(400, f"The body is no JSON: {error}", "invalid_json")
        except MockError as error:
            body, broken = {}, error
        found = table_of(request, api, body if broken is None else {}) if self._options.strict else None
        model = model_of(request, body) if broken is None else ""
        request[ASKED_OF] = found, model
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
        if broken is not None:
            raise broken
        if found is not None:
            betas = ",".join(request.headers.getall("anthropic-beta", ()))
            found.refuse(_shape_of(model) if kind == "invoke" else kind, model, body, betas)
            if request.path.endswith("/converse-stream"):
                found.refuse("stream", model, body)
        return Guest(shown, fault, found), body

    def _fault(self, fault: Fault) -> MockError:
        """The error that was asked for."""
        if fault.status == 401:
            self._stats.unauthorized += 1
        wait = fault.retry_after
        headers = {} if wait is None else retry_headers(wait, fault.form)
        what = "There is no such model: this" if fault.status == 404 else "This"
        return MockError(fault.status, f"{what} fault was asked for.", fault.code, headers, wait or 0.0)

    def _take_room(self, api: Api, guest: Guest, tokens: int) -> dict[str, str]:
        """Count a request against the limits of its key; gives what the answer says about them."""
        now = asyncio.get_running_loop().time()
        wait = self._limiter.admit(guest.key, now, tokens)
        room = self._limiter.room(guest.key, now)
        told = room_headers(guest.table, room, time.time()) if guest.table is not None else None
        headers = api.room_headers(room) if told is None else told
        if guest.table is not None:
            headers |= filled(guest.table.said.get("headers", {}), REQUEST)
        if wait:
            self._stats.limited += 1
            headers |= retry_headers(wait, RetryForm.SECONDS)
            raise MockError(429, "The rate limit is reached.", "", headers, wait)
        return headers


def _shape_of(model: str) -> str:
    """The shape of what a model of Bedrock is invoked with."""
    kind = bedrock_retrieval(model)
    if kind == "titan" and "v2" not in model:
        return "titan_g1"
    return "cohere_embed_v4" if kind == "cohere_embed" and "embed-v4" in model else kind


def _embeddings(request: web.Request, body: dict[str, Any]) -> Embedded:
    """The vectors in the shape that goes with the path. Raises MockError."""
    if request.path.endswith(":predict"):
        return vertex_embeddings(body)
    if request.path.endswith(":batchEmbedContents"):
        return gemini_embeddings(body)
    if request.path.endswith("/embed"):
        return cohere_embeddings(body)
    return openai_embeddings(request.match_info.get("deployment") or wanted(body, "model", str), body)
