"""Externs of an executor: modules of users, written for a test, and the pipelines that call them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

from inferc.compiler.plan import TEXT, ExternPlan, PipelinePlan, Type
from inferc.runtime.serving.pipelines.build import load_externs
from inferc.runtime.serving.pipelines.pipeline import Pipeline
from inferc.runtime.serving.pipelines.threads import Threads
from inferc.runtime.serving.pipelines.workers.pool import PoolStatus
from inferc.runtime.serving.pipelines.workers.workers import Workers

from .flows import pipelines_of
from .members import Speaker
from .pipelines import Graph, extern, plan_with

Write = Callable[[str], str]
"""Writes a module beside the plan; gives its name."""


class Externs:
    """Externs of one executor. base_dir: where their modules are."""

    def __init__(self, base_dir: Path) -> None:
        self.base_dir = base_dir
        self.workers = Workers()
        self.threads = Threads()

    async def calling(
        self,
        target: str,
        result: Type = TEXT,
        *,
        given: Type = TEXT,
        limits: Mapping[str, Any] | None = None,
        name: str = "f",
        **options: object,
    ) -> Pipeline:
        """A pipeline of one step, which calls the function with `x`."""
        graph = Graph()
        graph.extern("step", name, x="x", options=options)
        plans = extern(name, target, result, limits=limits, x=given), graph.pipeline("step", result, x=given)
        return await self.pipeline(*plans)

    async def pipeline(self, *plans: ExternPlan | PipelinePlan, **speakers: Speaker) -> Pipeline:
        """The last one of a plan."""
        return list((await self.pipelines(*plans, **speakers)).values())[-1]

    async def pipelines(self, *plans: ExternPlan | PipelinePlan, **speakers: Speaker) -> dict[str, Pipeline]:
        externs = await load_externs(plan_with(*plans), self.base_dir, self.workers, self.threads, Random(1))
        return pipelines_of(*plans, workers=self.workers, externs=externs, **speakers)

    def status(self, name: str = "f") -> PoolStatus:
        return next(each for each in self.workers.status if each.name == name)
