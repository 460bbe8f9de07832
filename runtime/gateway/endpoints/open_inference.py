"""The Open Inference Protocol, version 2, over HTTP."""

from __future__ import annotations

import asyncio
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from aiohttp import web

from ...replicas.replica import ReplicaStatus
from ...requests.answer import TensorChunk
from ...requests.errors import RequestError, UnknownModel, Unsupported
from ...requests.health import Health
from ...requests.tensor import TensorInfo
from ...requests.trace import Trace
from ...serving.deployment import Deployment
from ...serving.model import Model
from ...serving.routes.route import Route
from ..bodies import BODIES, priority_of, read_body
from ..exchange import Exchange
from ..health import findings
from ..responses import answered_by, json_answer

HEADER = "Inference-Header-Content-Length"


VERSION = "1"
"""The version that every model has: the one that is served."""


class NotReady(RequestError):
    """The server, or the model, does not answer requests now."""

    status, code, retryable = 503, "not_ready", True


async def answer_server(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v2`: what this server is."""
    return json_answer({"name": "inferc", "version": _version(), "extensions": ["binary_tensor_data"]})


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
    model = exchange.model(_name(request))
    status = local_status(model)
    if status is None:
        raise Unsupported(f"`{model.name}` is no local model: it takes no tensors")
    return json_answer(
        {
            "name": model.name,
            "versions": [VERSION],
            "platform": "onnxruntime_onnx",
            "inputs": [_described(info) for info in status.inputs],
            "outputs": [_described(info) for info in status.outputs],
        }
    )


async def answer_model_ready(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v2/models/{name}/ready`."""
    model = exchange.model(_name(request))
    if not model.is_ready():
        raise NotReady(f"not ready: {model.name}")
    return json_answer({"name": model.name, "ready": True})


async def answer_infer(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`POST /v2/models/{name}/infer`. Raises RequestError."""
    from ...dialects.open_inference.bodies import read_request, write_answer

    name = _name(request)
    exchange.model(name)
    asked = read_request(await read_body(request), request.headers.get(HEADER))
    trace = Trace(spans=[])
    chunk = await exchange.answer(
        name,
        asked.request,
        _deadline(exchange, asked.timeout),
        trace,
        priority=priority_of(request, asked.priority),
        headers=request.headers,
    )
    assert isinstance(chunk, TensorChunk)
    answer = write_answer(asked, name, chunk.outputs)
    headers = answered_by(trace, name)
    if answer.json_size is None:
        return web.Response(body=answer.data, headers=headers, content_type="application/json")
    headers[HEADER] = str(answer.json_size)
    return web.Response(body=answer.data, headers=headers, content_type="application/octet-stream")


def _deadline(exchange: Exchange, timeout: float | None) -> float | None:
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
        return status if status.inputs else None
    if isinstance(model, Route):
        return next(filter(None, map(local_status, model.members)), None)
    return None


def _name(request: web.Request) -> str:
    """The name of the model in the path. Raises UnknownModel for a version that it does not have."""
    name, version = request.match_info["name"], request.match_info.get("version", VERSION)
    if version != VERSION:
        raise UnknownModel(
            f"`{name}` has no version `{version}`; the only one is `{VERSION}`", param="version"
        )
    return name


def _described(info: TensorInfo) -> dict[str, object]:
    shape = [-1 if size is None else size for size in info.shape or ()]
    return {"name": info.name, "datatype": info.datatype, "shape": shape}


@cache
def _version() -> str:
    try:
        return version("inferc")
    except PackageNotFoundError:
        return "unknown"
