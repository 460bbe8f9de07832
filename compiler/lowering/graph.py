"""A typed graph → the routes, pipelines and externs of a plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...dsl.source import Span
from ..graph import Graph
from ..pipelines.lower import Lowerer
from ..pipelines.typed import TypedExtern, TypedParameter, TypedPipeline
from ..plan.pipelines import ExternPlan, ParameterPlan, PipelinePlan
from ..plan.source import SourceRef
from ..routes.lower import lower_route

Place = Callable[[Span], SourceRef]


def lower_graph(graph: Graph, place: Place) -> dict[str, Any]:
    """The fields of a plan that hold the graph. place: how a plan says where something was written."""
    return {
        "routes": tuple(lower_route(each, place) for route in graph.routes for each in route.routes()),
        "externs": tuple(_extern(each, place) for each in graph.externs),
        "pipelines": tuple(_pipeline(each, place) for each in graph.pipelines),
    }


def _parameters(parameters: tuple[TypedParameter, ...]) -> tuple[ParameterPlan, ...]:
    return tuple(ParameterPlan(each.node.name.text, each.type, each.carries) for each in parameters)


def _extern(extern: TypedExtern, place: Place) -> ExternPlan:
    return ExternPlan(
        extern=extern.symbol.name.text,
        source=place(extern.symbol.span),
        parameters=_parameters(extern.parameters),
        result=extern.result,
        target=extern.target,
        isolation=extern.options.isolation,
        workers=extern.options.workers,
        timeout=extern.options.timeout,
        memory=extern.options.memory,
        carries=extern.options.carries,
        removes=extern.options.removes,
    )


def _pipeline(pipeline: TypedPipeline, place: Place) -> PipelinePlan:
    lowerer = Lowerer(pipeline.scope.module.source)
    names = {id(step): lowerer.step(step) for step in pipeline.steps}
    [output] = [names[id(step)] for step in pipeline.steps if step.name is None]
    return PipelinePlan(
        pipeline=pipeline.symbol.name.text,
        source=place(pipeline.symbol.span),
        parameters=_parameters(pipeline.parameters),
        result=pipeline.result,
        nodes=tuple(lowerer.nodes),
        output=output,
        carries=pipeline.options.options.carries,
        bounds=pipeline.options.options.bounds,
    )
