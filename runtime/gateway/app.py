"""The paths of the gateway and what holds for all of them: who may ask, and how errors are told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Set
from difflib import get_close_matches
from functools import partial

from aiohttp import web

from ...compiler.plan import ClientProtocol, GatewayPlan
from ..executor import Executor
from ..http.connection_rules import RULES, ConnectionRules
from ..http.late_resources import LateResources, by_beginning
from ..http.whole_answer import WholeAnswer
from ..requests.errors import RequestError, forget_frames
from ..requests.trace_context import PARENT, parent_now
from ..secrets.secret import LiveSecret, Secret
from ..serving.counters import CANCELLED, INTERNAL, OK
from .auth.callers import Keys
from .door import DOOR, Audience, Door
from .exchange import EXCHANGE, Exchange
from .foreign_paths import told_of_path
from .incoming.bodies import BODIES, Bodies, BodyTimeout, BrokenBody
from .incoming.head import REQUEST_ID_HEADER, head_of, patience_of
from .kept.background import BACKGROUND, Background
from .openapi import describing
from .outgoing.answers import add_ids, name_request
from .outgoing.errors import error_answer, internal_error, log_failure, messages_error_answer
from .paths import DECLARED, OPEN, PATHS, SERVED, Answer, Path, Shape, by_path, is_geminis, shape_meant
from .status import answer_alive
from .telemetry.metrics import METRICS, Metrics
from .telemetry.request_records import RECORDS, Records, Told
from .ui.pages import Pages, Sources

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Guard = Callable[[Answer, Shape, Audience, bool], Handler]
Refused = Callable[[RequestError], None]


_SERVED = by_beginning(by_path(PATHS).items())

_LONGEST_PATH = 200
"""Characters of a path that is not served which are looked at and said."""

_ALIKE = 0.85
"""How alike a path that is served must be to be what was meant: `/v1/threads` is no `/v2/health/ready`."""


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
    records: Records | None = None,
    sources: Sources = dict,
) -> web.Application:
    """The gateway in front of `executor`, which has started.

    token: the bearer token that may ask for everything. keys: those of clients; where there is neither,
    everyone may call. gateway: its settings, where they are not those of the plan. records: where requests
    are written down. sources: the files that say the plan.
    """
    gateway = gateway or executor.plan.gateway
    app = web.Application()
    records = records or Records()
    app[RECORDS] = records
    door = Door(gateway, token, keys)
    app[DOOR] = door
    app[BODIES] = Bodies(gateway)
    app[RULES] = _rules(gateway)
    app[BACKGROUND] = Background()
    app.on_shutdown.append(_end_background)
    app.on_response_prepare.append(door.tell_stream)
    metrics = app[METRICS] = Metrics(executor, records.accounting, records.lag)
    declared = [(each.method, each.path, each.protocol) for each in DECLARED]
    shown = (
        Path("GET", "/openapi.json", describing(declared), ClientProtocol.OPENAI),
        Path("GET", "/metrics", metrics.answer, None),
        Path("GET", "/livez", answer_alive, None),
        Path("GET", "/readyz", door.answer_ready, None),
        Path("GET", "/healthz", door.answer_health, None),
    )
    pages = Pages(executor, metrics, records, sources, door.admit_operator, lambda: door.is_closing)
    page = [Path("GET", path, answer, None) for path, answer in pages.files()]
    open_to_all = OPEN | {each.path for each in page}
    page += [Path("GET", path, answer, None) for path, answer in pages.shown()]
    guard = partial(_guarded, executor, door, app[BODIES], records, metrics.refused)
    own = by_beginning([*by_path((*shown, *page)).items(), ("/{path:.*}", [])])
    resources = LateResources(partial(_add, guard, open_to_all), _SERVED, own)
    app.router.register_resource(resources)
    return app


def _add(guard: Guard, open_to_all: Set[str], router: web.UrlDispatcher, path: str, at: list[Path]) -> None:
    """Add what is served at `path`, method by method, for those who may ask. at: empty where nothing is."""
    resource = router.add_resource(path)
    if not at:
        _add_route(resource, "*", guard(_no_such_path, shape_meant, Audience.EVERYONE, False))
        return
    shape, protocol = at[0].shape, at[0].protocol
    answers = {each.method: each.answer for each in at}
    if "GET" in answers:
        answers = {"HEAD": answers["GET"], **answers}
    audience = Audience.KEYS if protocol else Audience.OPERATOR
    if f"/{path.strip('/')}" in open_to_all:
        audience = Audience.EVERYONE
    for method, answer in answers.items():
        _add_route(resource, method, guard(answer, shape, audience, protocol is not None))
    _add_route(resource, "*", guard(_other_method(tuple(answers)), shape, Audience.EVERYONE, False))


def _add_route(resource: web.Resource, method: str, handler: Handler) -> None:
    resource.add_route(method, handler, expect_handler=_expect_nothing)


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
        max_body=int(gateway.max_body),
        plain=True,
    )


def _guarded(
    executor: Executor,
    door: Door,
    bodies: Bodies,
    records: Records,
    refused: Refused,
    answer: Answer,
    shape: Shape,
    audience: Audience,
    asks: bool,
) -> Handler:
    """`answer` for those who may ask, with errors as the clients of its protocol expect them.

    refused: told each error. asks: whether it is a request to a model.
    """

    tell = door.tell

    def end(exchange: Exchange, told: Told | None) -> None:
        exchange.end()
        if told is not None:
            records.end_soon(exchange, told, asks)

    async def handle(request: web.Request) -> web.StreamResponse:
        in_error, protocol = shape(request)
        head = head_of(request)
        ids = name_request(head.id, as_anthropic=in_error is messages_error_answer)
        exchange = Exchange(executor, ids[REQUEST_ID_HEADER], ids)
        request._state[EXCHANGE] = exchange  # fields of aiohttp's own: its properties keep a cache beside
        exchange.tell = tell
        method = request._method
        if records.traces is not None:
            exchange.traceparent = head.traceparent
            exchange.own_trace = records.traces.begin(head.traceparent)
            PARENT.set(exchange.own_trace.header)
        elif parent_now() != head.parent:
            PARENT.set(head.parent)
        outcome, failed = OK, None
        response: web.StreamResponse | None = None
        try:
            if method == "OPTIONS":
                response = door.browsers.preflight(request)
            if response is None:
                held = door.admit(request, audience, head)
                if head.patience is not None:
                    exchange.until = exchange.began + patience_of(head.patience)
                if held is not None and asks:
                    exchange.key = exchange.plan.keys[held.name]
                    exchange.person = held.person
                    exchange.check_protocol(protocol)
                response = await answer(request, exchange)
                if type(response) is not WholeAnswer and response.prepared:
                    return response
                add_ids(response, ids)
        except RequestError as error:
            log_failure(error)
            refused(error)
            outcome, failed = type(error).code, error
            response = in_error(error, ids)
            forget_frames(error)
            if isinstance(error, BrokenBody | BodyTimeout):
                response.force_close()
            elif isinstance(error, WrongMethod):
                response.headers["Allow"] = error.allowed
        except ConnectionError:
            outcome = CANCELLED
            return web.Response()  # to nobody: the client is gone
        except Exception:
            outcome = INTERNAL
            response = in_error(internal_error(), ids)
        except BaseException:
            outcome = CANCELLED
            raise
        finally:
            bodies.release(request)
            is_told = asks or (records.access is not None and request.path not in OPEN)
            status = 0 if response is None else response._status
            told = (method, request._rel_url.path, status, outcome, failed) if is_told else None
            if exchange.background is None:
                end(exchange, told)
            else:
                exchange.background.add_done_callback(lambda _: end(exchange, told))
        tell(request, response, exchange)
        return response

    return handle


async def _end_background(app: web.Application) -> None:
    await app[BACKGROUND].end()


async def _expect_nothing(request: web.Request) -> None:
    """`100 Continue` is said when the body is wanted, which may be never."""


async def _no_such_path(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    path = request.path[:_LONGEST_PATH]
    if (told := told_of_path(path)) is not None:
        raise NoSuchPath(f"there is nothing at {path}: {told}")
    near = get_close_matches(path, SERVED, n=1, cutoff=_ALIKE)
    nearest = f" (did you mean {near[0]}?)" if near else ""
    raise NoSuchPath(f"there is nothing at {path}{nearest}; served here: {', '.join(SERVED)}")


def _other_method(allowed: tuple[str, ...]) -> Answer:
    """Answers who asks what may be asked, and refuses all else."""

    async def refuse(request: web.Request, exchange: Exchange) -> web.StreamResponse:
        if request.method == "OPTIONS":
            return web.Response(status=204, headers={"Allow": ", ".join(sorted({*allowed, "OPTIONS"}))})
        if is_geminis(request.path):  # below the name of a model
            return await _no_such_path(request, exchange)
        raise WrongMethod(request, allowed)

    return refuse
