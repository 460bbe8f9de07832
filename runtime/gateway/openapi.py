"""`GET /openapi.json`: what is served here, as OpenAPI 3.1 describes it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from ...compiler.plan import (
    ClientProtocol,
    EmbedSpec,
    OnnxServingPlan,
    RemotePoolPlan,
    TaskKind,
    VectorKind,
    WireFormat,
)
from ...compiler.plan.record import frozen
from ..serving.deployment import Deployment
from ..serving.model import Model
from .endpoints.open_inference import local_status
from .exchange import Exchange
from .outgoing.answers import json_answer

Json = dict[str, Any]


@frozen
class Operation:
    """What one method does at one path. takes, gives: names of schemas. streams: if asked to, as events.

    names: the schema of what it may name; without anything to name, it is not described. form: it takes a
    form with files. media: it gives sounds.
    """

    summary: str
    gives: str
    takes: str | None = None
    streams: bool = False
    names: str | None = None
    form: bool = False
    media: bool = False


_JSON, _FORM = "application/json", "multipart/form-data"
_TASKS = {
    "ChatModel": (TaskKind.CHAT, TaskKind.GENERATE),
    "TextModel": (TaskKind.GENERATE,),
    "EmbedModel": (TaskKind.EMBED,),
    "RerankModel": (TaskKind.RERANK,),
    "ClassifyModel": (TaskKind.CLASSIFY,),
}
_ERRORS = {
    ClientProtocol.OPENAI: "OpenAIError",
    ClientProtocol.ANTHROPIC: "AnthropicError",
    ClientProtocol.COHERE: "CohereError",
    ClientProtocol.TEI: "TeiError",
    ClientProtocol.OPEN_INFERENCE: "InferenceError",
}


_UNDESCRIBED = Operation("", "Passed")

Served = Iterable[tuple[str, str, ClientProtocol | None]]
"""Methods, paths, and the protocols of those who ask there."""


def describing(served: Served) -> Callable[[web.Request, Exchange], Awaitable[web.StreamResponse]]:
    """What answers `GET /openapi.json` where all this is served."""

    async def answer(request: web.Request, exchange: Exchange) -> web.StreamResponse:
        return json_answer(_document(served, _names(exchange)))

    return answer


def _document(served: Served, there: dict[str, list[str]]) -> Json:
    """there: what may be named, by the name of its schema."""
    paths: dict[str, Json] = {}
    for method, pattern, protocol in served:
        path = re.sub(r":[^}]*}", "}", pattern)
        operation = operations().get((method, path), _UNDESCRIBED)
        if operation.names is None or there[operation.names]:
            paths.setdefault(path, {})[method.lower()] = _described(path, operation, protocol, there)
    names = {name: {"enum": models} for name, models in there.items() if models}
    return {
        "openapi": "3.1.0",
        "info": {"title": "inferc", "version": "1"},
        "paths": paths,
        "components": {"schemas": _data()["schemas"] | names},
    }


def _names(exchange: Exchange) -> dict[str, list[str]]:
    """The models that operations may name, those of local tensors and pipelines, too."""
    models = exchange.models
    found = {
        name: [each.name for each in models.values() if each.task in tasks] for name, tasks in _TASKS.items()
    }
    tensors = [each.name for each in models.values() if local_status(each) is not None]
    found["OpenAIModel"] = [each.name for each in models.values() if _speaks_openai(each)]
    found["TextModel"] += found["OpenAIModel"]
    for name, kind in (("SparseModel", VectorKind.SPARSE), ("TokensModel", VectorKind.MULTI)):
        found[name] = [each.name for each in models.values() if _vectors_of(each) is kind]
    return {**found, "AnyModel": list(models), "LocalModel": tensors, "Runnable": list(exchange.pipelines)}


def _vectors_of(model: Model) -> VectorKind | None:
    """What a model on this machine makes of texts."""
    plan = model.plan if isinstance(model, Deployment) else None
    task = plan.task if isinstance(plan, OnnxServingPlan) else None
    return task.vectors if isinstance(task, EmbedSpec) else None


def _speaks_openai(model: Model) -> bool:
    """Whether its provider has all that OpenAI has."""
    plan = model.plan if isinstance(model, Deployment) else None
    is_openais = isinstance(plan, RemotePoolPlan) and plan.wire is WireFormat.OPENAI
    return is_openais and model.task is TaskKind.CHAT


def _described(
    path: str, operation: Operation, protocol: ClientProtocol | None, there: dict[str, list[str]]
) -> Json:
    gives: Json = {"application/json": {"schema": _ref(operation.gives)}}
    if operation.streams:
        gives["text/event-stream"] = {}
    if operation.media:
        gives["audio/*"] = {}
    error = {
        "description": "an error",
        "content": {"application/json": {"schema": _ref(_ERRORS[protocol or ClientProtocol.OPENAI])}},
    }
    said: Json = {
        "summary": operation.summary,
        "parameters": [
            _parameter(path, name, there.get(operation.names or "", []))
            for name in re.findall(r"{(\w+)}", path)
        ],
        "responses": {"200": {"description": "the answer", "content": gives}, "4XX": error, "5XX": error},
    }
    if operation.takes is not None:
        said["requestBody"] = {
            "required": True,
            "content": {_FORM if operation.form else _JSON: {"schema": _ref(operation.takes)}},
        }
    return said


def _parameter(path: str, name: str, names: list[str]) -> Json:
    schema: Json = {"enum": names}
    if name == "id":
        start = "conv" if path.startswith("/v1/conversations") else "resp"
        schema = {"type": "string", "pattern": f"^{start}_[0-9a-f]+$"}
    elif name == "item":
        schema = {"type": "string", "pattern": "^[0-9a-z_]+$"}
    elif name == "version":
        schema = {"enum": ["1"]}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


@cache
def operations() -> dict[tuple[str, str], Operation]:
    """What is described, by method and path."""
    found = {}
    for at, described in _data()["operations"].items():
        method, _, path = at.partition(" ")
        found[method, path] = Operation(**described)
    return found


@cache
def _data() -> Json:
    found: Json = orjson.loads(Path(__file__).with_name("openapi.json").read_bytes())
    return found
