"""The gateway's routes, and what holds for all of them: authentication and errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from functools import partial

from aiohttp import web

from ...compiler.plan import ClientProtocol, GatewayPlan
from ..executor import Executor
from ..http_connection import RULES, ConnectionRules
from ..requests.errors import Forbidden, RequestError, Unauthorized, forget_frames
from ..secret import LiveSecret, Secret
from ..serving.counters import CANCELLED, INTERNAL
from .accounting import Accounting
from .auth import BearerToken, Keys, not_accepted, shown_secret
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
from .exchange import Exchange
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
from .status import answer_alive, answer_health, answer_readiness

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Answer = Callable[[web.Request, Exchange], Awaitable[web.StreamResponse]]
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
    executor: Executor,
    token: Secret | LiveSecret | None = None,
    gateway: GatewayPlan | None = None,
    keys: Keys | None = None,
) -> web.Application:
    """The gateway in front of `executor`, which has started.

    token: the bearer token that may ask for everything. keys: those of clients; where there is neither,
    everyone may call. gateway: its settings, where they are not those of the plan.
    """
    gateway = gateway or executor.plan.gateway
    app = web.Application()
    accounting = Accounting()
    door = Door(gateway, token, keys)
    app[DOOR] = door
    app[BODIES] = Bodies(gateway)
    app[RULES] = _rules(gateway)
    app.on_response_prepare.append(door.tell)
    metrics = Metrics(executor, accounting)
    shown = (
        ("GET", "/metrics", metrics.answer),
        ("GET", "/livez", answer_alive),
        ("GET", "/readyz", door.answer_ready),
        ("GET", "/healthz", door.answer_health),
    )
    guard = partial(_guarded, executor, door, accounting, metrics.refused)
    for routes, in_error, protocol in (
        (_OPENAI, error_answer, ClientProtocol.OPENAI),
        (_MESSAGES, messages_error_answer, ClientProtocol.ANTHROPIC),
        (_COHERE, cohere_error_answer, ClientProtocol.COHERE),
        (_TEI, tei_error_answer, ClientProtocol.TEI),
        (_INFERENCE, inference_error_answer, ClientProtocol.OPEN_INFERENCE),
        (shown, error_answer, None),
    ):
        for path in dict.fromkeys(path for _, path, _ in routes):
            resource = app.router.add_resource(path)
            answers = {method: answer for method, its_path, answer in routes if its_path == path}
            if "GET" in answers:
                answers = {"HEAD": answers["GET"], **answers}
            for method, answer in answers.items():
                access = Access.EVERYONE if path in _OPEN else Access.KEYS if protocol else Access.OPERATOR
                guarded = guard(answer, in_error, access, protocol)
                resource.add_route(method, guarded, expect_handler=_expect_nothing)
            refuse = guard(_wrong_method(tuple(answers)), in_error, Access.EVERYONE, None)
            resource.add_route("*", refuse, expect_handler=_expect_nothing)
    for prefix, in_error in (("/v2", inference_error_answer), ("", error_answer)):
        lost = guard(_no_such_path, in_error, Access.EVERYONE, None)
        app.router.add_route("*", f"{prefix}/{{path:.*}}", lost, expect_handler=_expect_nothing)
    return app


def take_over(
    app: web.Application, gateway: GatewayPlan, token: Secret | LiveSecret | None, keys: Keys | None
) -> ConnectionRules:
    """Let these settings hold for requests that come from now on; gives those of connections."""
    app[DOOR].take_over(gateway, token, keys)
    app[BODIES].take_over(gateway)
    return _rules(gateway)


def _rules(gateway: GatewayPlan) -> ConnectionRules:
    return ConnectionRules(
        header=gateway.timeouts.header,
        write=gateway.timeouts.write,
        idle=gateway.timeouts.idle,
        refuse=error_answer,
        unpack=False,
    )


class Access(Enum):
    """Who may ask at a path: everyone, who has a key, or who may see how everybody's requests are."""

    EVERYONE, KEYS, OPERATOR = range(3)


class Door:
    """Who may come in: clients with the token or a key, and web pages that `cors` names."""

    def __init__(self, gateway: GatewayPlan, token: Secret | LiveSecret | None, keys: Keys | None) -> None:
        self.take_over(gateway, token, keys)
        self.is_closing = False
        """Whether the server is about to stop: clients are asked to come back elsewhere."""

    def take_over(self, gateway: GatewayPlan, token: Secret | LiveSecret | None, keys: Keys | None) -> None:
        """These may come in from now on."""
        self.token = BearerToken(token) if token else None
        self.keys = keys
        self.browsers = BrowserRules(gateway, token is not None or keys is not None)

    def admit(self, request: web.Request, access: Access) -> str | None:
        """The name of the key that the request comes with; None: it may ask for everything that `access` lets
        it ask. Raises Forbidden, Unauthorized.
        """
        self.browsers.admit(request)
        if access is Access.EVERYONE or (self.token is None and self.keys is None):
            return None
        shown = shown_secret(request)
        if self.token is not None and self.token.fits(shown):
            return None
        name = self.keys.find(shown) if self.keys is not None else None
        if name is None:
            raise not_accepted(shown)
        if access is Access.OPERATOR:
            raise Forbidden(
                "this shows the requests of all keys: it needs the token of `gateway { auth = … }`"
            )
        return name

    async def answer_ready(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        """`GET /readyz`: whether requests may be sent here: not while it starts, nor before it stops."""
        return answer_readiness(request, exchange.executor, is_closing=self.is_closing)

    async def answer_health(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        """Everyone may ask whether all is well; how each deployment is, only who may see that."""
        try:
            self.admit(request, Access.OPERATOR)
        except (Unauthorized, Forbidden):
            return answer_health(request, exchange.executor, detailed=False)
        return answer_health(request, exchange.executor, detailed=True)

    async def tell(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add to `response` what lets a page read it, and whether another request may follow."""
        if self.browsers.lets_pages_call:
            response.headers.update(self.browsers.answer_headers(request))
        if self.is_closing:
            response.headers["Connection"] = "close"
            response.force_close()


DOOR: web.AppKey[Door] = web.AppKey("door", Door)


def _guarded(
    executor: Executor,
    door: Door,
    accounting: Accounting,
    refused: Refused,
    answer: Answer,
    in_error: InError,
    access: Access,
    protocol: ClientProtocol | None,
) -> Handler:
    """`answer` for those who may ask, with errors as the clients of its protocol expect them.

    refused: told each error. protocol: None where nobody is asked.
    """

    as_anthropic = in_error is messages_error_answer

    async def handle(request: web.Request) -> web.StreamResponse:
        ids = name_request(request, as_anthropic=as_anthropic)
        exchange = Exchange(executor)
        outcome = "ok"
        try:
            if request.method == "OPTIONS" and (preflight := door.browsers.preflight(request)) is not None:
                return preflight
            name = door.admit(request, access)
            if name is not None and protocol is not None:
                exchange.key = exchange.plan.keys[name]
                exchange.check_protocol(protocol)
            response = await answer(request, exchange)
            if not response.prepared:
                response.headers.update(ids)
            return response
        except RequestError as error:
            log_failure(error)
            refused(error)
            outcome = type(error).code
            response = in_error(error, ids)
            forget_frames(error)
            if isinstance(error, BrokenBody | BodyTimeout):
                response.force_close()
            elif isinstance(error, WrongMethod):
                response.headers["Allow"] = error.allowed
            return response
        except ConnectionError:
            outcome = CANCELLED
            return web.Response()  # to nobody: the client is gone
        except Exception:
            outcome = INTERNAL
            return in_error(internal_error(), ids)
        except BaseException:
            outcome = CANCELLED
            raise
        finally:
            request.app[BODIES].release(request)
            exchange.end()
            if protocol is not None:
                accounting.end(exchange, outcome)

    return handle


async def _expect_nothing(request: web.Request) -> None:
    """`100 Continue` is said when the body is wanted, which may be never."""


async def _no_such_path(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    paths = dict.fromkeys(path for _, path, _ in (*_OPENAI, *_MESSAGES, *_COHERE, *_TEI, *_INFERENCE))
    served = ", ".join((*paths, "/livez", "/readyz", "/healthz", "/metrics"))
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
_OPEN = ("/v2/health/live", "/v2/health/ready", "/livez", "/readyz", "/healthz")
"""What probes ask for: no token is needed."""


def _wrong_method(allowed: tuple[str, ...]) -> Answer:
    async def refuse(request: web.Request, exchange: Exchange) -> web.StreamResponse:
        raise WrongMethod(request, allowed)

    return refuse
