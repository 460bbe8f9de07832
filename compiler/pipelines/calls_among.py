"""Pipelines in the order of their calls: each after those that it calls, and none that calls itself."""

from __future__ import annotations

from collections.abc import Iterator

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics
from ...dsl.wording import show_circle
from .typed import Call, Tool, TypedPipeline, walk


def callees_first(pipelines: list[TypedPipeline], found: Diagnostics) -> tuple[TypedPipeline, ...]:
    """The pipelines, each after those that it calls; one that leads back to itself is reported."""
    by_node = {id(pipeline.symbol.node): pipeline for pipeline in pipelines}
    ordered: list[TypedPipeline] = []
    done: set[int] = set()
    reported: set[int] = set()
    for start in pipelines:
        path: dict[int, tuple[TypedPipeline, Iterator[Call | Tool]]] = {}
        following: TypedPipeline | None = start if id(start.symbol.node) not in done else None
        while following is not None or path:
            if following is not None:
                path[id(following.symbol.node)] = (following, calls_of(following))
                following = None
            key, (pipeline, calls) = next(reversed(path.items()))
            call = next(calls, None)
            if call is None:
                del path[key]
                done.add(key)
                ordered.append(pipeline)
                continue
            target = id(call.callee.symbol.node)
            if target in path:
                circle = list(path)[list(path).index(target) :]
                if reported.isdisjoint(circle):
                    reported.update(circle)
                    _report([path[each][0] for each in circle], pipeline, call, found)
            elif target not in done:
                following = by_node.get(target)
    return tuple(ordered)


def calls_of(pipeline: TypedPipeline) -> Iterator[Call | Tool]:
    """The calls of other pipelines, also by models, in the order of the steps."""
    for step in pipeline.steps:
        for each in walk(step.value):
            if isinstance(each, Call | Tool) and isinstance(each.callee.symbol.node, s.PipelineDeclaration):
                yield each


def _report(circle: list[TypedPipeline], last: TypedPipeline, call: Call | Tool, found: Diagnostics) -> None:
    names = [pipeline.symbol.name.text for pipeline in circle]
    found.error(
        "E0208",
        f"the pipeline `{names[0]}` calls itself",
        last.scope.span(call.node),
        "this call closes the circle",
        notes=[show_circle(names)],
        help="pipelines always end, so none leads back to itself; go through a list with `[… for x in xs]`",
    )
