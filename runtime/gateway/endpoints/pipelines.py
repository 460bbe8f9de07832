"""`/v1/pipelines`: what each takes and gives, and running one: JSON in; JSON, or events, out."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from ...dialects.openai_chat import write_error
from ...requests.errors import BadRequest
from ...requests.pipeline_call import PipelineCall
from ...requests.trace import Trace
from ..exchange import Exchange
from ..incoming.bodies import read_object
from ..incoming.head import priority_of
from ..outgoing.answers import answered_by, json_answer
from ..outgoing.event_stream import EventStream, event

if TYPE_CHECKING:
    from ...serving.pipelines.pipeline import Event, Pipeline, Result
    from ...serving.pipelines.run import FinishedStep

_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


async def list_pipelines(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v1/pipelines`: all of them."""
    described = [_described(pipeline) for pipeline in exchange.pipelines.values()]
    return json_answer({"object": "list", "data": described})


async def show_pipeline(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`GET /v1/pipelines/{name}`: what it takes and gives, as JSON schemas."""
    return json_answer(_described(exchange.pipeline(request.match_info["name"])))


async def answer_pipeline(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """`POST /v1/pipelines/{name}`: a JSON object of its parameters. Raises RequestError."""
    pipeline = exchange.pipeline(request.match_info["name"])
    values = await pipeline.take(await read_object(request))
    call = PipelineCall(values, exchange.deadline(), priority_of(request), request.headers)
    if not _wants_events(request):
        result = await exchange.run(pipeline, call)
        headers = answered_by(Trace(pipeline.name, 1, spans=result.spans), pipeline.name)
        return web.Response(
            body=answer_of(pipeline, result), headers=headers, content_type="application/json"
        )
    events = exchange.events(pipeline, call)
    async with EventStream(request, exchange) as out, aclosing(events):
        try:
            async for each in events:
                await out.send(_event(pipeline, each))
        except Exception as error:
            await out.send(event(orjson.dumps(write_error(out.failed(error))), "error"))
        return await out.end()


def _event(pipeline: Pipeline, said: Event) -> bytes:
    from ...serving.pipelines.run import FinishedStep

    match said:
        case str():
            return event(orjson.dumps({"delta": said}), "text")
        case FinishedStep():
            return event(orjson.dumps(_step(said)), "step")
        case _:
            return event(answer_of(pipeline, said), "result")


def answer_of(pipeline: Pipeline, result: Result) -> bytes:
    """The result as JSON, with what it took."""
    from ...serving.pipelines.model import total
    from ...serving.pipelines.values.texts import json_of

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
    from ...serving.pipelines.values.schema import schema_of, schema_of_parameters

    plan = pipeline.plan
    parameters = ", ".join(f"{each.name}: {each.type}" for each in plan.parameters)
    return {
        "name": pipeline.name,
        "object": "pipeline",
        "signature": f"{pipeline.name}({parameters}) -> {plan.result}",
        "chats": pipeline.plan.chats,
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


def _wants_events(request: web.Request) -> bool:
    """By `?stream=true`, or else by what the client accepts."""
    asked = request.query.get("stream")
    if asked is None:
        return "text/event-stream" in request.headers.get("Accept", "")
    if asked not in _TRUTHS:
        raise BadRequest("`stream` must be true or false", param="stream")
    return _TRUTHS[asked]
