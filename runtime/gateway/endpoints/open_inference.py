"""The Open Inference Protocol, version 2, over HTTP."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from aiohttp import web

from ....compiler.plan import ClassifySpec, OnnxServingPlan
from ....compiler.plan.late_pattern import late_pattern
from ...dialects.open_inference.descriptions import (
    VERSION,
    Counted,
    Served,
    config,
    metadata,
    state,
    statistics,
)
from ...replicas.replica import ReplicaStatus
from ...requests.answer import TensorChunk
from ...requests.errors import BadRequest, RequestError, StartError, UnknownModel, Unsupported
from ...requests.foreign_text import short_name
from ...requests.health import Health
from ...requests.tensor import Tensor
from ...requests.trace import Trace
from ...serving.counters import OK
from ...serving.deployment import Deployment
from ...serving.model import Model
from ...serving.routes.route import Route
from ..exchange import Exchange
from ..health import findings
from ..incoming.bodies import BODIES, MAX_CONTAINERS, Bodies, check_counts, read_object
from ..incoming.head import priority_of
from ..outgoing.answers import in_turns, json_answer, json_response, octets_response

if TYPE_CHECKING:
    from ...dialects.open_inference.asked import Asked
    from ...dialects.open_inference.bodies import Answer

HEADER = "Inference-Header-Content-Length"
_HEADER_LINE = b"%b: %%d\r\n" % HEADER.encode()
_SIZE = late_pattern(r"[0-9]{1,12}")

_EXTENSIONS = (
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "model_repository",
    "statistics",
)


class NotReady(RequestError):
    """The server, or the model, does not answer requests now."""

    status, code, retryable = 503, "not_ready", True


async def answer_server(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v2`: what this server is."""
    return json_answer(server_metadata())


def server_metadata() -> dict[str, Any]:
    """What this server is."""
    return {"name": "inferc", "version": _version(), "extensions": list(_EXTENSIONS)}


async def answer_live(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v2/health/live`."""
    return json_answer({"live": True})


async def answer_ready(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v2/health/ready`: whether requests are taken, as `/healthz` says it."""
    found = findings(exchange.executor, request.app[BODIES])
    if waiting := [each.part for each in found if each.health is Health.NOT_READY]:
        raise NotReady(f"not ready: {', '.join(waiting)}")
    return json_answer({"ready": True})


async def answer_model(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v2/models/{name}`: what the model takes and gives."""
    return json_answer(metadata(served(exchange.model(_name(request)))))


async def answer_config(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v2/models/{name}/config`."""
    return json_answer(config(served(exchange.model(_name(request)))))


async def answer_statistics(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v2/models/{name}/stats`, or of all models."""
    names = [_name(request)] if "name" in request.match_info else None
    return json_answer({"model_stats": all_statistics(exchange, names)})


async def answer_index(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`POST /v2/repository/index`: all local models."""
    body = await read_object(request) if request.can_read_body else {}
    return json_answer(index(exchange, ready=body.get("ready") is True))


async def answer_load(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`POST /v2/repository/models/{name}/load`: read it anew, or again after it was unloaded."""
    body = await read_object(request) if request.can_read_body else {}
    await load(exchange, request.match_info["name"], body.get("parameters"))
    return json_answer({})


async def answer_unload(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`POST /v2/repository/models/{name}/unload`: give its memory back, and answer no more."""
    await local(exchange.model(request.match_info["name"])).unload()
    return json_answer({})


async def answer_model_ready(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v2/models/{name}/ready`."""
    model = exchange.model(_name(request))
    if not model.is_ready():
        raise NotReady(f"not ready: {model.name}")
    return json_answer({"name": model.name, "ready": True})


async def answer_infer(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`POST /v2/models/{name}/infer`. Raises RequestError."""
    read_request, write_answer = _reader_and_writer()
    name = _name(request)
    exchange.model(name)
    matched: Any = request._match_info  # past aiohttp's properties, as in `read_object`
    bodies: Bodies = matched._current_app._state[BODIES]
    headers = request._headers
    body, header = bodies.read_at_once(request), headers.get(HEADER)
    if body is None:
        body = await bodies.read(request)
    if len(body) > MAX_CONTAINERS:  # or else there is nothing to count, however much of it is JSON
        described = int(header) if header is not None and _SIZE.fullmatch(header) else len(body)
        check_counts(body, min(described, len(body)), ": send its tensors as bytes")
    asked = read_request(body, header)
    trace = Trace(spans=[])
    until = None if asked.timeout is None else deadline_of(exchange, asked.timeout)
    call = exchange.call(asked.request, priority_of(request, asked.priority), headers, until=until)
    chunk = await exchange.answer(name, call, trace)
    assert isinstance(chunk, TensorChunk)
    outputs = with_classes(asked, chunk.outputs, exchange.model(name)) if asked.classes else chunk.outputs
    answer = write_answer(asked, name, outputs)
    pieces = answer.described
    told = pieces if isinstance(pieces, tuple) else tuple(await in_turns(pieces))
    if not answer.attached:
        return json_response(told, trace, name)
    return octets_response((*told, *answer.attached), _HEADER_LINE % sum(map(len, told)), trace, name)


@cache
def _reader_and_writer() -> tuple[
    Callable[[bytes, str | None], Asked], Callable[[Asked, str, tuple[Tensor, ...]], Answer]
]:
    """Of requests and of answers; they need numpy, so they come with the first request. Asking Python for
    them with each one takes as long as reading it."""
    from ...dialects.open_inference.bodies import read_request, write_answer

    return read_request, write_answer


def deadline_of(exchange: Exchange, timeout: float | None) -> float | None:
    """The earlier one of the server's and the client's."""
    deadline = exchange.deadline()
    if timeout is None:
        return deadline
    asked = asyncio.get_running_loop().time() + timeout
    return asked if deadline is None else min(deadline, asked)


def local_status(model: Model) -> ReplicaStatus | None:
    """How the local model behind a name is: of a route, that of the first member that has one."""
    if isinstance(model, Deployment):
        status = model.status()[0]
        return status if status.outputs else None  # it may take nothing
    if isinstance(model, Route):
        return next(filter(None, map(local_status, model.members)), None)
    return None


def local(model: Model) -> Deployment:
    """The deployment of a local model. Raises Unsupported for all else."""
    if isinstance(model, Deployment) and isinstance(model.plan, OnnxServingPlan):
        return model
    raise Unsupported(f"`{model.name}` is no local model")


def served(model: Model) -> Served:
    """What a local model takes and gives. Raises Unsupported for all else."""
    status = local_status(model)
    if status is None:
        if isinstance(model, Deployment) and isinstance(model.plan, OnnxServingPlan):
            raise NotReady(f"not ready: {model.name}")
        raise Unsupported(f"`{model.name}` is no local model: it takes no tensors")
    plan = model.plan if isinstance(model, Deployment) else None
    batching = plan.batching if isinstance(plan, OnnxServingPlan) else None
    everything = (*status.inputs, *status.outputs)
    is_open = all(info.shape and info.shape[0] is None for info in everything)
    size = batching.max_size if batching is not None and is_open else 0
    return Served(model.name, status.inputs, status.outputs, size)


def with_classes(asked: Asked, outputs: tuple[Tensor, ...], model: Model) -> tuple[Tensor, ...]:
    """The outputs, with the best classes in place of those of which they are wanted. Raises BadRequest."""
    if not asked.classes:
        return outputs
    from ...dialects.open_inference.classification import classified

    labels = labels_of(model)
    return tuple(
        classified(each, most, labels) if (most := asked.classes.get(each.name)) else each for each in outputs
    )


def labels_of(model: Model) -> tuple[str, ...]:
    """The names of the classes of a classifier; empty where it has none."""
    task = (
        model.plan.task if isinstance(model, Deployment) and isinstance(model.plan, OnnxServingPlan) else None
    )
    return task.labels if isinstance(task, ClassifySpec) else ()


def all_statistics(exchange: Exchange, names: Sequence[str] | None) -> list[dict[str, Any]]:
    """Those of the models called so, or of all local ones. Raises UnknownModel, Unsupported."""
    models = [local(exchange.model(name)) for name in names] if names is not None else _locals(exchange)
    return [statistics(model.name, _counted(model)) for model in models]


def index(exchange: Exchange, *, ready: bool) -> list[dict[str, str]]:
    """All local models; ready: those alone that answer."""
    found = [state(model.name, is_ready=model.is_ready()) for model in _locals(exchange)]
    return [each for each in found if not ready or each["state"] == "READY"]


async def load(exchange: Exchange, name: str, parameters: object) -> None:
    """Read a model anew. Raises RequestError."""
    if parameters:
        raise BadRequest("a model is loaded as the plan says: no `parameters` are taken", param="parameters")
    try:
        await local(exchange.model(name)).load()
    except StartError as error:
        raise BadRequest(f"failed to load `{name}`: {error}", param="name") from None


def _locals(exchange: Exchange) -> list[Deployment]:
    models = exchange.models.values()
    return [m for m in models if isinstance(m, Deployment) and isinstance(m.plan, OnnxServingPlan)]


def _counted(model: Deployment) -> Counted:
    counters = model.counters
    runs: Counter[int] = Counter()
    for status in model.status():
        runs.update(status.run_sizes)
    total = sum(counters.outcomes.values())
    succeeded = counters.outcomes[OK]
    return Counted(succeeded, total - succeeded, counters.durations.seconds, counters.waits.seconds, runs)


def _name(request: web.Request) -> str:
    """The name of the model in the path. Raises UnknownModel for a version that it does not have."""
    matched = request.match_info
    name, version = matched["name"], matched.get("version", VERSION)
    if version != VERSION:
        raise UnknownModel(
            f"`{short_name(name)}` has no version `{short_name(version)}`; the only one is `{VERSION}`",
            param="version",
        )
    return name


@cache
def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("inferc")
    except PackageNotFoundError:
        return "unknown"
