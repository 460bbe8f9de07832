"""The gateway's routes, and what holds for all of them: authentication and errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from ...compiler.plan import GatewayPlan
from ..executor import Executor
from ..http_connection import RULES, ConnectionRules
from ..requests.errors import RequestError, Unauthorized, forget_frames
from ..secret import LiveSecret, Secret
from .auth import BearerToken
from .bodies import BODIES, Bodies, BodyTimeout, BrokenBody
from .browsers import BrowserRules
from .endpoints.chat import answer_chat
from .endpoints.classify import answer_classify
from .endpoints.completions import answer_completion
from .endpoints.dialects import answer_in, count_tokens
from .endpoints.embeddings import (
    answer_cohere_embed,
    answer_cohere_embed_v2,
    answer_embeddings,
    answer_tei_embed,
)
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
from .endpoints.rerank import answer_bare_rerank, answer_cohere_rerank, answer_rerank
from .metrics import Metrics
from .responses import (
    cohere_error_answer,
    error_answer,
    inference_error_answer,
    internal_error,
    log_failure,
    messages_error_answer,
    name_request,
    tei_error_answer,
)
from .status import answer_alive, answer_health

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Answer = Callable[[web.Request, Executor], Awaitable[web.StreamResponse]]
InError = Callable[[RequestError, Mapping[str, str]], web.Response]
Refused = Callable[[RequestError], None]


class NoSuchPath(RequestError):
    """Nothing is served at this path."""

    status, type, code = 404, "invalid_request_error", "not_found"


class WrongMethod(RequestError):
    """The path is served, but with another method."""

    status, type, code = 405, "invalid_request_error", "method_not_allowed"

    def __init__(self, request: web.Request, allowed: tuple[str, ...]) -> None:
        needed = ", ".join(method for method in allowed if method != "HEAD")
        super().__init__(f"{request.path} takes {needed}, not {request.method}")
        self.allowed = ", ".join(sorted(allowed))


def build_app(
    executor: Executor, token: Secret | LiveSecret | None = None, gateway: GatewayPlan | None = None
) -> web.Application:
    """The gateway in front of `executor`.

    token: the bearer token that clients must send; None lets everyone in. gateway: its settings, where they
    are not those of the plan.
    """
    gateway = gateway or executor.plan.gateway
    app = web.Application()
    door = Door(gateway, token)
    app[BODIES] = Bodies(gateway)
    app[RULES] = ConnectionRules(
        header=gateway.timeouts.header,
        write=gateway.timeouts.write,
        idle=gateway.timeouts.idle,
        refuse=error_answer,
        unpack=False,
    )
    if door.browsers.lets_pages_call:
        app.on_response_prepare.append(door.tell_browsers)
    metrics = Metrics(executor)
    shown = (
        ("GET", "/metrics", metrics.answer),
        ("GET", "/livez", answer_alive),
        ("GET", "/healthz", door.answer_health),
    )
    for routes, in_error in (
        (_OPENAI, error_answer),
        (_MESSAGES, messages_error_answer),
        (_COHERE, cohere_error_answer),
        (_TEI, tei_error_answer),
        (_INFERENCE, inference_error_answer),
        (shown, error_answer),
    ):
        for path in dict.fromkeys(path for _, path, _ in routes):
            resource = app.router.add_resource(path)
            answers = {method: answer for method, its_path, answer in routes if its_path == path}
            if "GET" in answers:
                answers = {"HEAD": answers["GET"], **answers}
            for method, answer in answers.items():
                guarded = _guarded(answer, executor, door, path in _OPEN, in_error, metrics.refused)
                resource.add_route(method, guarded, expect_handler=_expect_nothing)
            refuse = _guarded(_wrong_method(tuple(answers)), executor, door, True, in_error, metrics.refused)
            resource.add_route("*", refuse, expect_handler=_expect_nothing)
    for prefix, in_error in (("/v2", inference_error_answer), ("", error_answer)):
        lost = _guarded(_no_such_path, executor, door, True, in_error, metrics.refused)
        app.router.add_route("*", f"{prefix}/{{path:.*}}", lost, expect_handler=_expect_nothing)
    return app


class Door:
    """Who may come in: clients with the token, and web pages that `cors` names."""

    def __init__(self, gateway: GatewayPlan, token: Secret | LiveSecret | None) -> None:
        self.token = BearerToken(token) if token else None
        self.browsers = BrowserRules(gateway, token is not None)

    def admit(self, request: web.Request, is_open: bool) -> None:
        """Raises Forbidden, Unauthorized. is_open: no token is needed."""
        self.browsers.admit(request)
        if self.token is not None and not is_open:
            self.token.authorize(request)

    async def answer_health(self, request: web.Request, executor: Executor) -> web.StreamResponse:
        """Everyone may ask whether all is well; how each deployment is, only those with the token."""
        try:
            self.admit(request, is_open=False)
        except Unauthorized:
            return answer_health(request, executor, detailed=False)
        return answer_health(request, executor, detailed=True)

    async def tell_browsers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add to `response` what lets a page read it."""
        response.headers.update(self.browsers.answer_headers(request))


def _guarded(
    answer: Answer, executor: Executor, door: Door, is_open: bool, in_error: InError, refused: Refused
) -> Handler:
    """`answer` for those who may ask, with errors as the clients of its protocol expect them.

    is_open: no token is needed. refused: told each error.
    """

    as_anthropic = in_error is messages_error_answer

    async def handle(request: web.Request) -> web.StreamResponse:
        ids = name_request(request, as_anthropic=as_anthropic)
        try:
            if request.method == "OPTIONS" and (preflight := door.browsers.preflight(request)) is not None:
                return preflight
            door.admit(request, is_open)
            response = await answer(request, executor)
            if not response.prepared:
                response.headers.update(ids)
            return response
        except RequestError as error:
            log_failure(error)
            refused(error)
            response = in_error(error, ids)
            forget_frames(error)
            if isinstance(error, BrokenBody | BodyTimeout):
                response.force_close()
            elif isinstance(error, WrongMethod):
                response.headers["Allow"] = error.allowed
            return response
        except ConnectionError:
            return web.Response()  # to nobody: the client is gone
        except Exception:
            return in_error(internal_error(), ids)
        finally:
            request.app[BODIES].release(request)

    return handle


async def _expect_nothing(request: web.Request) -> None:
    """`100 Continue` is said when the body is wanted, which may be never."""


async def _no_such_path(request: web.Request, executor: Executor) -> web.StreamResponse:
    paths = dict.fromkeys(path for _, path, _ in (*_OPENAI, *_MESSAGES, *_COHERE, *_TEI, *_INFERENCE))
    served = ", ".join((*paths, "/livez", "/healthz", "/metrics"))
    raise NoSuchPath(f"there is nothing at {request.path}; served here: {served}")


_OPENAI: tuple[tuple[str, str, Answer], ...] = (
    ("POST", "/v1/chat/completions", answer_chat),
    ("POST", "/v1/responses", answer_in("openai_responses")),
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
_MESSAGES: tuple[tuple[str, str, Answer], ...] = (
    ("POST", "/v1/messages", answer_in("anthropic")),
    ("POST", "/v1/messages/count_tokens", count_tokens),
)
_COHERE: tuple[tuple[str, str, Answer], ...] = (
    ("POST", "/v1/embed", answer_cohere_embed),
    ("POST", "/v2/embed", answer_cohere_embed_v2),
    ("POST", "/v2/rerank", answer_cohere_rerank),
)
_TEI: tuple[tuple[str, str, Answer], ...] = (
    ("POST", "/embed", answer_tei_embed),
    ("POST", "/rerank", answer_bare_rerank),
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
_OPEN = ("/v2/health/live", "/v2/health/ready", "/livez", "/healthz")
"""What probes ask for: no token is needed."""


def _wrong_method(allowed: tuple[str, ...]) -> Answer:
    async def refuse(request: web.Request, executor: Executor) -> web.StreamResponse:
        raise WrongMethod(request, allowed)

    return refuse
