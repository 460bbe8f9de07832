"""What may not go where it goes."""

from __future__ import annotations

from ...dsl.diagnostics import Diagnostics
from ...dsl.source import Span
from ...dsl.suggest import did_you_mean
from ..blocks.shape import span_in
from ..plan import Plan
from ..program import Program
from .flows import Flow, flows_of, said
from .labels import EXTERN, KEY, PARAMETER, ROUTE, Source

_MOST_WAYS = 4
"""How many ways a message shows."""


def check_flows(plan: Plan, program: Program, found: Diagnostics) -> None:
    """Nothing that is carried comes to who does not allow it. Of programs without errors."""
    wrong: dict[tuple[str, Source], list[Flow]] = {}
    for flow in flows_of(plan):
        if flow.allowed is False:
            wrong.setdefault((flow.kind, flow.source), []).append(flow)
    allowed = {kind for each in plan.deployments for kind in each.allows or ()}
    for (kind, source), flows in wrong.items():
        names = [f"`{each.deployment}`" for each in flows]
        others = len(names) - 1
        where = f"{names[0]} and {others} more, which do" if others else f"{names[0]}, which does"
        notes = [said(each, plan) for each in flows[:_MOST_WAYS]]
        if len(flows) > _MOST_WAYS:
            notes.append(f"and {len(flows) - _MOST_WAYS} more")
        near = did_you_mean(kind, sorted(allowed - {kind})) if kind not in allowed else None
        found.error(
            "E0440",
            f"`{kind}` comes to {where} not allow it",
            _written(program, source),
            "carried from here",
            notes=notes,
            help=near
            or f"add `{kind}` to its `allows` if it may go there, leave it out of the way, or take it out "
            f"before, by an extern `with {{ removes = [{kind}] }}`",
        )


def _written(program: Program, source: Source) -> Span:
    """Where `source` says what it carries."""
    if source.what == KEY:
        [key] = [each for each in program.gateway.keys if each.name == source.name]
        return key.written("carries")
    assert program.graph is not None
    if source.what == ROUTE:
        every = [inner for route in program.graph.routes for inner in route.routes()]
        [route] = [each for each in every if each.name == source.name]
        return span_in(route.options.paths, ("carries",))
    if source.what == EXTERN:
        [extern] = [each for each in program.graph.externs if each.symbol.name.text == source.name]
        return extern.symbol.span
    [pipeline] = [each for each in program.graph.pipelines if each.symbol.name.text == source.name]
    if source.what == PARAMETER:
        [node] = [each.node for each in pipeline.parameters if each.node.name.text == source.parameter]
        return pipeline.scope.span(node.options or node.name)
    return span_in(pipeline.options.paths, ("carries",))
