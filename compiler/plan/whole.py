"""Whether a plan that was read hangs together: all that follows names in it counts on that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from .dataflow import blocks_of, taken_by
from .model import Plan
from .pipelines import PipelinePlan
from .reach import needs_of


def faults_of(plan: Plan) -> Iterator[str]:
    """What is named and not there, and what leads back to itself; nothing for what `inferc compile` wrote."""
    needs = needs_of(plan)
    known = {*needs, *(f"extern {each.extern}" for each in plan.externs)}
    for name, wanted in needs.items():
        yield from (f"`{name}` needs `{each}`, which is not there" for each in wanted if each not in known)
    for guard in plan.gateway.guards:
        for extern in (guard.request, guard.answer):
            if extern is not None and f"extern {extern}" not in known:
                yield f"a guard needs `extern {extern}`, which is not there"
    yield from _circles(needs)
    for pipeline in plan.pipelines:
        yield from (f"the pipeline `{pipeline.pipeline}`: {fault}" for fault in _of_pipeline(pipeline))


def _of_pipeline(plan: PipelinePlan) -> Iterator[str]:
    blocks = {"", *(block for node in plan.nodes for block in blocks_of(node))}
    nodes = {node.name for node in plan.nodes}
    needs: dict[str, list[str]] = {}
    for node in plan.nodes:
        if node.block not in blocks:
            yield f"the node `{node.name}` is in a block that is not there"
        taken = [name for name in taken_by(node).values() if name in nodes]
        needs.setdefault(node.name, []).extend([*taken, *(f"block {block}" for block in blocks_of(node))])
        needs.setdefault(f"block {node.block}", []).append(node.name)
    yield from _circles(needs)


def _circles(needs: Mapping[str, Iterable[str]]) -> Iterator[str]:
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        yield f"`{error.args[1][0]}` leads back to itself"
