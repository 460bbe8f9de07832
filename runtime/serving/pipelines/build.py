"""All pipelines of a plan, ready to run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from random import Random

from ....compiler.plan import CallNode, ExternNode, ExternPlan, PipelinePlan, Plan
from ...requests.errors import StartError
from ..model import Model
from .calls.steps import Targets
from .externs import Extern, load_extern
from .pipeline import Pipeline
from .steps import AllSteps
from .threads import Threads
from .workers.workers import Workers


async def load_externs(
    plan: Plan, base_dir: Path, workers: Workers, threads: Threads, random: Random
) -> dict[str, Extern]:
    """Those that pipelines call, or guards, imported. Raises StartError with all that is wrong."""
    needed = _needed(plan)
    loaded = await asyncio.gather(
        *(load_extern(extern, base_dir, workers, threads, random) for extern in needed),
        return_exceptions=True,
    )
    problems: list[str] = []
    externs: dict[str, Extern] = {}
    for extern, outcome in zip(needed, loaded, strict=True):
        if isinstance(outcome, StartError):
            problems += outcome.problems
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            externs[extern.extern] = outcome
    if problems:
        raise StartError(*problems)
    return externs


def build_pipelines(
    plan: Plan,
    models: Mapping[str, Model],
    externs: Mapping[str, Extern],
    workers: Workers,
    random: Random,
) -> dict[str, Pipeline]:
    """By name, in the order of the plan. Raises StartError with all that is wrong."""
    problems: list[str] = []
    pipelines: dict[str, Pipeline] = {}
    for each in plan.pipelines:
        steps = AllSteps(Targets(models, pipelines, externs, random), workers)
        try:
            pipelines[each.pipeline] = Pipeline(each, steps, _reached(each, models, pipelines))
        except StartError as error:
            problems += [f"pipeline `{each.pipeline}`: {problem}" for problem in error.problems]
    if problems:
        raise StartError(*dict.fromkeys(problems))
    return pipelines


def _needed(plan: Plan) -> list[ExternPlan]:
    """Those that a pipeline or a guard calls, or a model may: nothing else is imported."""
    nodes = [node for each in plan.pipelines for node in each.nodes]
    called = {node.extern for node in nodes if isinstance(node, ExternNode)}
    offered = (tool for node in nodes if isinstance(node, CallNode) for tool in node.tools)
    called |= {tool.target for tool in offered if tool.is_extern}
    guards = plan.gateway.guards
    called |= {name for each in guards for name in (each.request, each.answer) if name is not None}
    return [extern for extern in plan.externs if extern.extern in called]


def _reached(
    plan: PipelinePlan, models: Mapping[str, Model], pipelines: Mapping[str, Pipeline]
) -> dict[str, Model]:
    reached: dict[str, Model] = {}
    for node in plan.nodes:
        if isinstance(node, CallNode):
            if node.task is None:
                reached |= pipelines[node.target].reaches
            else:
                reached[node.target] = models[node.target]
            for tool in node.tools:
                reached |= {} if tool.is_extern else pipelines[tool.target].reaches
    return reached
