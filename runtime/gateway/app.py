"""The gateway's routes, and what holds for all of them: authentication and errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from ..executor import Executor
from ..requests.errors import RequestError, Unauthorized, forget_frames
from ..secret import Secret
from .auth import authorize, expected_header
from .bodies import MAX_BODY, BrokenBody
from .endpoints.chat import answer_chat
from .endpoints.classify import answer_classify
from .endpoints.completions import answer_completion
from .endpoints.embeddings import answer_embeddings
from .endpoints.models import list_models, show_model
from .endpoints.open_inference import (
    answer_infer,
    answer_live,
    answer_model,
    answer_model_ready,
    answer_ready,
    answer_server,
)
from .endpoints.pipelines import answer_pipeline, list_pipelines, show_pipeline
from .endpoints.rerank import answer_rerank
from .metrics import Metrics
from .responses import error_answer, inference_error_answer, internal_error, log_failure
from .status import health

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Answer = Callable[[web.Request, Executor], Awaitable[web.StreamResponse]]
InError = Callable[[RequestError], web.StreamResponse]


class NoSuchPath(RequestError):
    """Nothing is served at this path."""

    status, type, code = 404, "invalid_request_error", "not_found"


class WrongMethod(RequestError):
    """The path is served, but with another method."""

    status, type, code = 405, "invalid_request_error", "method_not_allowed"


def build_app(executor: Executor, token: Secret | None = None) -> web.Application:
    """The gateway in front of `executor`.

    token: the bearer token that clients must send; None lets everyone in.
    """
    app = web.Application(client_max_size=MAX_BODY)
    metrics = Metrics(executor)
    for routes, in_error in ((_OPENAI, error_answer), (_INFERENCE, inference_error_answer)):
        for path in dict.fromkeys(path for _, path, _ in routes):
            guard = None if path in _OPEN else token
            resource = app.router.add_resource(path)
            answers = {method: answer for method, its_path, answer in routes if its_path == path}
            for method, answer in answers.items():
                resource.add_route(method, _guarded(answer, executor, guard, in_error, metrics.refused))
            resource.add_route("*", _wrong_method(", ".join(answers), in_error))
    shown = app.router.add_resource("/metrics")
    shown.add_route("GET", _guarded(metrics.answer, executor, token, error_answer))
    shown.add_route("*", _wrong_method("GET", error_answer))
    health = app.router.add_resource("/healthz")
    health.add_route("GET", _healthy(executor, token))
    health.add_route("*", _wrong_method("GET", error_answer))
    app.router.add_route("*", "/{path:.*}", _no_such_path)
    return app


def _guarded(
    answer: Answer,
    executor: Executor,
    token: Secret | None,
    in_error: InError,
    refused: Callable[[RequestError], None] | None = None,
) -> Handler:
    """`answer` for those who may ask, with errors as the clients of its protocol expect them.

    refused: told each error.
    """
    expected = expected_header(token)

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            if expected is not None:
                authorize(request, expected)
            return await answer(request, executor)
        except RequestError as error:
            log_failure(error)
            if refused:
                refused(error)
            response = in_error(error)
            forget_frames(error)
            if isinstance(error, BrokenBody):
                response.force_close()
            return response
        except ConnectionError:
            return web.Response()  # to nobody: the client is gone
        except Exception:
            return in_error(internal_error())

    return handle


def _healthy(executor: Executor, token: Secret | None) -> Handler:
    """Everyone may ask whether all is well; how each deployment is, only those with the token."""
    expected = expected_header(token)

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            if expected is not None:
                authorize(request, expected)
        except Unauthorized:
            return health(executor, detailed=False)
        return health(executor, detailed=True)

    return answer


async def _no_such_path(request: web.Request) -> web.StreamResponse:
    paths = dict.fromkeys(path for _, path, _ in (*_OPENAI, *_INFERENCE))
    served = ", ".join((*paths, "/healthz", "/metrics"))
    in_error = inference_error_answer if request.path.startswith("/v2") else error_answer
    return in_error(NoSuchPath(f"there is nothing at {request.path}; served here: {served}"))


_OPENAI: tuple[tuple[str, str, Answer], ...] = (
    ("POST", "/v1/chat/completions", answer_chat),
    ("POST", "/v1/completions", answer_completion),
    ("POST", "/v1/embeddings", answer_embeddings),
    ("POST", "/v1/rerank", answer_rerank),
    ("POST", "/v1/classify", answer_classify),
    ("GET", "/v1/models", list_models),
    ("GET", "/v1/models/{name:.+}", show_model),
    ("GET", "/v1/pipelines", list_pipelines),
    ("GET", "/v1/pipelines/{name:.+}", show_pipeline),
    ("POST", "/v1/pipelines/{name:.+}", answer_pipeline),
)
_INFERENCE: tuple[tuple[str, str, Answer], ...] = (
    ("GET", "/v2", answer_server),
    ("GET", "/v2/health/live", answer_live),
    ("GET", "/v2/health/ready", answer_ready),
    ("POST", "/v2/models/{name}/infer", answer_infer),
    ("GET", "/v2/models/{name}", answer_model),
    ("GET", "/v2/models/{name}/ready", answer_model_ready),
    ("POST", "/v2/models/{name}/versions/{version}/infer", answer_infer),
    ("GET", "/v2/models/{name}/versions/{version}", answer_model),
    ("GET", "/v2/models/{name}/versions/{version}/ready", answer_model_ready),
)
_OPEN = ("/v2/health/live", "/v2/health/ready")
"""What probes ask for: no token is needed."""


def _wrong_method(allowed: str, in_error: InError) -> Handler:
    async def refuse(request: web.Request) -> web.StreamResponse:
        answer = in_error(WrongMethod(f"{request.path} takes {allowed}, not {request.method}"))
        answer.headers["Allow"] = allowed
        return answer

    return refuse
