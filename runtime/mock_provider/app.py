"""The mock provider's HTTP side."""

from __future__ import annotations

import asyncio
from array import array
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web
from attrs import asdict, define, frozen

from . import answers
from .faults import Fault, FaultPlan

Handler = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]

_MODELS = ("gpt-4o-mini", "gpt-4o", "text-embedding-3-small")
_MAX_BODY = 64 << 20
_MAX_DIMENSIONS = 4096


@frozen
class MockOptions:
    """How the mock provider behaves.

    gap: seconds between two pieces of a stream. faults: what the first answers are instead.
    """

    gap: float = 0.005
    faults: tuple[Fault, ...] = ()


@define
class Stats:
    """What the mock provider saw; `open` are the requests being answered right now."""

    requests: int = 0
    answered: int = 0
    faults: int = 0
    unauthorized: int = 0
    cancelled: int = 0
    open: int = 0


class MockError(Exception):
    """An answer in OpenAI's error shape."""

    def __init__(self, status: int, message: str, code: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers


def build_app(options: MockOptions | None = None, stats: Stats | None = None) -> web.Application:
    """The mock provider as an application: chat completions, embeddings, models, and its own counts.

    Any bearer key is good, no key is not. stats: counted into, when the caller wants to look.
    """
    provider = _Provider(options or MockOptions(), stats or Stats())
    app = web.Application(client_max_size=_MAX_BODY)
    app.router.add_post("/v1/chat/completions", provider.guarded(provider.chat))
    app.router.add_post("/v1/embeddings", provider.guarded(provider.embeddings))
    app.router.add_get("/v1/models", provider.models)
    app.router.add_get("/__mock__/stats", provider.show_stats)
    app.router.add_route("*", "/{path:.*}", provider.no_such_path)
    return app


class _Provider:
    def __init__(self, options: MockOptions, stats: Stats) -> None:
        self._options = options
        self._stats = stats
        self._faults = FaultPlan(options.faults)

    def guarded(self, answer: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """`answer` for requests with a key, unless a fault is due; every request is counted."""

        async def handle(request: web.Request) -> web.StreamResponse:
            stats = self._stats
            stats.requests += 1
            stats.open += 1
            try:
                response = await answer(request, await self._admit(request))
            except MockError as error:
                return _error(error)
            except ConnectionError:
                stats.cancelled += 1
                return web.Response()  # to nobody
            except BaseException:
                stats.cancelled += 1
                raise
            else:
                stats.answered += 1
                return response
            finally:
                stats.open -= 1

        return handle

    async def chat(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        model, messages = _field(body, "model", str), _field(body, "messages", list)
        if not body.get("stream"):
            return _json(answers.completion(model, messages))
        stream_options = body.get("stream_options") or {}
        chunks = answers.chunks(model, messages, bool(stream_options.get("include_usage")))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for chunk in chunks:
            await response.write(b"data: " + orjson.dumps(chunk) + b"\n\n")
            if self._options.gap > 0:
                await asyncio.sleep(self._options.gap)
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    async def embeddings(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        model = _field(body, "model", str)
        texts = body.get("input")
        texts = [texts] if isinstance(texts, str) else texts
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            raise MockError(400, "`input` must be a text or a list of texts", "invalid_request")
        dimensions = body.get("dimensions", answers.DIMENSIONS)
        if type(dimensions) is not int or not 1 <= dimensions <= _MAX_DIMENSIONS:
            raise MockError(400, f"`dimensions` must be from 1 to {_MAX_DIMENSIONS}", "invalid_request")
        vectors: list[Any] = [answers.vector(text, dimensions) for text in texts]
        if body.get("encoding_format") == "base64":
            vectors = [b64encode(array("f", vector).tobytes()).decode() for vector in vectors]
        tokens = sum(len(text.split()) for text in texts)
        data = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return _json({"object": "list", "data": data, "model": model, "usage": usage})

    async def models(self, request: web.Request) -> web.StreamResponse:
        models = [
            {"id": name, "object": "model", "created": answers.CREATED, "owned_by": "mock"}
            for name in _MODELS
        ]
        return _json({"object": "list", "data": models})

    async def show_stats(self, request: web.Request) -> web.StreamResponse:
        return _json(asdict(self._stats))

    async def no_such_path(self, request: web.Request) -> web.StreamResponse:
        return _error(MockError(404, f"Invalid URL ({request.method} {request.path})", "not_found"))

    async def _admit(self, request: web.Request) -> dict[str, Any]:
        """The body of a request that may be answered."""
        raw = await request.read()
        if not request.headers.get("Authorization", "").removeprefix("Bearer ").strip():
            self._stats.unauthorized += 1
            raise MockError(401, "You didn't provide an API key.", "invalid_api_key")
        if fault := self._faults.take():
            self._stats.faults += 1
            wait = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
            raise MockError(fault.status, "This fault was asked for.", fault.code, wait)
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise MockError(400, f"The body is no JSON: {error}", "invalid_json") from None
        if not isinstance(body, dict):
            raise MockError(400, "The body must be a JSON object.", "invalid_request")
        return body


def _field(body: dict[str, Any], name: str, kind: type) -> Any:
    if not isinstance(body.get(name), kind):
        raise MockError(400, f"`{name}` is missing or of a wrong type", "invalid_request")
    return body[name]


def _json(value: object) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")


def _error(error: MockError) -> web.Response:
    kind = "invalid_request_error" if error.status < 500 else "server_error"
    body = {"error": {"message": error.message, "type": kind, "param": None, "code": error.code}}
    return web.Response(
        body=orjson.dumps(body), status=error.status, headers=error.headers, content_type="application/json"
    )
