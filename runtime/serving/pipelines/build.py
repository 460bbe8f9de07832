"""All pipelines of a plan, ready to run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random

from ....compiler.plan import CallNode, ExternNode, ExternPlan, PipelinePlan, Plan
from ...requests.errors import StartError
from ..model import Model
from .calls import Targets
from .externs import Extern, load_extern
from .pipeline import Pipeline
from .steps import AllSteps
from .workers import Workers


def load_externs(plan: Plan, base_dir: Path, workers: Workers, random: Random) -> dict[str, Extern]:
    """Those that pipelines call, imported. Blocks. Raises StartError with all that is wrong."""
    problems: list[str] = []
    externs: dict[str, Extern] = {}
    for extern in _needed(plan.externs, plan.pipelines):
        try:
            externs[extern.extern] = load_extern(extern, base_dir, workers, random)
        except StartError as error:
            problems += error.problems
    if problems:
        raise StartError(*problems)
    return externs


def build_pipelines(
    plan: Plan, models: Mapping[str, Model], externs: Mapping[str, Extern], random: Random
) -> dict[str, Pipeline]:
    """By name, in the order of the plan. Raises StartError with all that is wrong."""
    problems: list[str] = []
    pipelines: dict[str, Pipeline] = {}
    for each in plan.pipelines:
        steps = AllSteps(Targets(models, pipelines, random), externs)
        try:
            pipelines[each.pipeline] = Pipeline(each, steps, _reached(each, models, pipelines))
        except StartError as error:
            problems += [f"pipeline `{each.pipeline}`: {problem}" for problem in error.problems]
    if problems:
        raise StartError(*dict.fromkeys(problems))
    return pipelines


def _needed(externs: Iterable[ExternPlan], pipelines: Iterable[PipelinePlan]) -> list[ExternPlan]:
    """Those that a pipeline calls: nothing else is imported."""
    called = {node.extern for each in pipelines for node in each.nodes if isinstance(node, ExternNode)}
    return [extern for extern in externs if extern.extern in called]


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
    return reached
