"""`/v1/pipelines`: what each takes and gives, and running one: JSON in; JSON, or events, out."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from ..errors import BadRequest, RequestError
from ..executor import Executor
from .answers import error_body, internal_error, json_answer, log_failure
from .body import priority_of, read_object
from .chat import SSE_HEADERS

if TYPE_CHECKING:
    from ..pipelines import Event, FinishedStep, Pipeline, Result

_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


async def list_pipelines(request: web.Request, executor: Executor) -> web.StreamResponse:
    """`GET /v1/pipelines`: all of them."""
    described = [_described(pipeline) for pipeline in executor.pipelines.values()]
    return json_answer({"object": "list", "data": described})


async def show_pipeline(request: web.Request, executor: Executor) -> web.StreamResponse:
    """`GET /v1/pipelines/{name}`: what it takes and gives, as JSON schemas."""
    return json_answer(_described(executor.pipeline(request.match_info["name"])))


async def answer_pipeline(request: web.Request, executor: Executor) -> web.StreamResponse:
    """`POST /v1/pipelines/{name}`: a JSON object of its parameters. Raises RequestError."""
    pipeline = executor.pipeline(request.match_info["name"])
    values = pipeline.read(await read_object(request))
    deadline, priority = executor.deadline(), priority_of(request)
    if not _wants_events(request):
        result = await pipeline.run(values, deadline, priority=priority, headers=request.headers)
        return web.Response(body=answer_of(pipeline, result), content_type="application/json")
    events = pipeline.stream(values, deadline, priority=priority, headers=request.headers)
    async with aclosing(events):
        first = await anext(events)  # errors up to here get a status of their own
        response = web.StreamResponse(headers=SSE_HEADERS)
        await response.prepare(request)
        await _send(response, pipeline, first, events)
        return response


async def _send(
    response: web.StreamResponse, pipeline: Pipeline, event: Event, others: AsyncGenerator[Event, None]
) -> None:
    """Send all events; an error is the last one, where there is one."""
    from ..pipelines import FinishedStep

    following: Event | None = event
    try:
        while following is not None:
            match following:
                case str():
                    data = _event("text", orjson.dumps({"delta": following}))
                case FinishedStep():
                    data = _event("step", orjson.dumps(_step(following)))
                case _:
                    data = _event("result", answer_of(pipeline, following))
            await response.write(data)
            following = await anext(others, None)
    except RequestError as error:
        log_failure(error)
        await response.write(_event("error", orjson.dumps(error_body(error))))
    except ConnectionError:  # the client is gone
        raise
    except Exception:
        await response.write(_event("error", orjson.dumps(error_body(internal_error()))))
    await response.write_eof()


def answer_of(pipeline: Pipeline, result: Result) -> bytes:
    """The result as JSON, with what it took."""
    from ..pipelines import json_of, total

    usage = total(result.spans)
    head = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "cost": result.spent.cost,
    }
    name = orjson.dumps(pipeline.name)
    value = json_of(result.value)
    return b"".join((b'{"pipeline":', name, b',"result":', value, b',"usage":', orjson.dumps(head), b"}"))


def _described(pipeline: Pipeline) -> dict[str, Any]:
    from ..pipelines import schema_of, schema_of_parameters

    plan = pipeline.plan
    parameters = ", ".join(f"{each.name}: {each.type}" for each in plan.parameters)
    return {
        "name": pipeline.name,
        "object": "pipeline",
        "signature": f"{pipeline.name}({parameters}) -> {plan.result}",
        "chats": pipeline.chats,
        "parameters": schema_of_parameters(plan.parameters),
        "result": schema_of(plan.result),
    }


def _step(step: FinishedStep) -> dict[str, Any]:
    return {
        "name": step.name,
        "deployment": step.deployment,
        "seconds": round(step.ended - step.began, 6),
        "tokens": step.spent.tokens,
        "cost": step.spent.cost,
    }


def _event(name: str, data: bytes) -> bytes:
    return b"".join((b"event: ", name.encode(), b"\ndata: ", data, b"\n\n"))


def _wants_events(request: web.Request) -> bool:
    """By `?stream=true`, or else by what the client accepts."""
    asked = request.query.get("stream")
    if asked is None:
        return "text/event-stream" in request.headers.get("Accept", "")
    if asked not in _TRUTHS:
        raise BadRequest("`stream` must be true or false", param="stream")
    return _TRUTHS[asked]
