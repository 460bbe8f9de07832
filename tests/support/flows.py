"""Pipelines over fake deployments, run in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from random import Random
from typing import Any

from inferc.compiler.plan import ExternPlan, PipelinePlan, RoutePlan
from inferc.runtime.requests.pipeline_call import PipelineCall
from inferc.runtime.serving.model import Model
from inferc.runtime.serving.pipelines.build import build_pipelines
from inferc.runtime.serving.pipelines.externs import Extern
from inferc.runtime.serving.pipelines.pipeline import Event, Pipeline
from inferc.runtime.serving.pipelines.workers.workers import Workers
from inferc.runtime.serving.routes.build import build_route

from .members import Speaker, member
from .pipelines import plan_with


def echo(**fields: Any) -> Speaker:
    """Says the last message that it was sent, in brackets, after a second."""
    return Speaker(says=lambda body: f"[{body['messages'][-1]['content']}]", **fields)


def pipelines_of(
    *parts: PipelinePlan | RoutePlan | ExternPlan,
    members: Iterable[Model] = (),
    workers: Workers | None = None,
    externs: Mapping[str, Extern] | None = None,
    **speakers: Speaker,
) -> dict[str, Pipeline]:
    """The pipelines of a plan, over deployments of `speakers`."""
    plan = plan_with(*parts)
    served: dict[str, Model] = {name: member(name, speaker) for name, speaker in speakers.items()}
    served |= {each.name: each for each in members}
    workers = workers or Workers()
    for route in plan.routes:
        served[route.route] = build_route(route, served, Random(1), workers)
    return build_pipelines(plan, served, externs or {}, workers, Random(1))


def pipeline_of(
    *parts: PipelinePlan | RoutePlan | ExternPlan,
    members: Iterable[Model] = (),
    workers: Workers | None = None,
    externs: Mapping[str, Extern] | None = None,
    **speakers: Speaker,
) -> Pipeline:
    """The last pipeline of a plan."""
    made = pipelines_of(*parts, members=members, workers=workers, externs=externs, **speakers)
    return list(made.values())[-1]


async def value_of(pipeline: Pipeline, deadline: float | None = None, **given: Any) -> Any:
    """What the pipeline gives for these parameters, as a client sends them; `message` is `hi`."""
    return (await pipeline.run(PipelineCall(pipeline.read(given or {"message": "hi"}), deadline))).value


async def events_of(pipeline: Pipeline, given: Mapping[str, Any] | None = None) -> list[Event]:
    """All that a client hears that listens to the steps."""
    async with aclosing(pipeline.stream(PipelineCall(pipeline.read(given or {"message": "hi"})))) as events:
        return [event async for event in events]


def now() -> float:
    return asyncio.get_running_loop().time()
