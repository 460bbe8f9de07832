"""Which ways of a plan were gone: edges of routes, policies of deployments, steps of pipelines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import frozen

from ...compiler.plan import (
    CallNode,
    CapacityKind,
    CascadePlan,
    ExternNode,
    FallbackPlan,
    HedgePlan,
    IfNode,
    MatchNode,
    PipelinePlan,
    Plan,
    RemotePoolPlan,
)
from ...compiler.plan.reach import members_of
from ..requests.errors import BudgetExceeded, CircuitOpen, RateLimited
from ..serving.counters import DIVERTED
from .simulation import Simulation


@frozen(order=True)
class Way:
    """owner: a route, a deployment or a pipeline. what: that may happen there."""

    owner: str
    what: str


def ways(plan: Plan) -> list[Way]:
    """All that tests may reach, in the order of the plan."""
    return list(dict.fromkeys(_ways(plan)))


def _ways(plan: Plan) -> Iterator[Way]:
    for route in plan.routes:
        if isinstance(route, FallbackPlan | CascadePlan | HedgePlan):
            for before, after in zip(route.members, route.members[1:], strict=False):
                yield Way(route.route, f"{before} → {after}")
        for member in members_of(route):
            yield Way(route.route, f"{member} answers")
    for each in plan.deployments:
        if each.serving.on_capacity_exhausted.kind is CapacityKind.FALLBACK:
            yield Way(each.deployment, "is full: its fallback takes over")
        if isinstance(each, RemotePoolPlan):
            if each.idempotent and each.retry.max_retries:
                yield Way(each.deployment, "retries")
            yield Way(each.deployment, "its circuit opens")
            if each.budget is not None:
                yield Way(each.deployment, "its budget is spent")
            limits = each.rate_limits
            if limits.requests_per_minute or limits.tokens_per_minute or limits.concurrent_requests:
                yield Way(each.deployment, "its rate limit is reached")
    for pipeline in plan.pipelines:
        arms = _arms(pipeline)
        for node in pipeline.nodes:
            if isinstance(node, CallNode | ExternNode):
                yield Way(pipeline.pipeline, _call(node, arms))


def reached(simulation: Simulation, retried: set[str]) -> set[Way]:
    """The ways that were gone in a simulation. retried: deployments that were asked again."""
    executor = simulation.executor
    found: set[Way] = {Way(name, "retries") for name in retried}
    for name, route in executor.routes.items():
        names = [member.name for member in route.members]
        for (member, _), count in route.counters.moves.items():
            index = names.index(member) if member in names else -1
            if count and 0 <= index < len(names) - 1:
                found.add(Way(name, f"{member} → {names[index + 1]}"))
        found |= {Way(name, f"{each} answers") for each, count in route.counters.answers.items() if count}
    for name, deployment in executor.deployments.items():
        outcomes = deployment.counters.outcomes
        if outcomes[DIVERTED]:
            found.add(Way(name, "is full: its fallback takes over"))
        if outcomes[CircuitOpen.code] or any(
            policies is not None and not policies.breaker.is_closed for policies in deployment.policies
        ):
            found.add(Way(name, "its circuit opens"))
        if outcomes[BudgetExceeded.code]:
            found.add(Way(name, "its budget is spent"))
        if outcomes[RateLimited.code]:
            found.add(Way(name, "its rate limit is reached"))
    for name, pipeline in executor.pipelines.items():
        arms = _arms(pipeline.plan)
        found |= {
            Way(name, _call(node, arms))
            for node in pipeline.plan.nodes
            if isinstance(node, CallNode | ExternNode) and node.name in pipeline.counters.steps
        }
    return found


def _arms(pipeline: PipelinePlan) -> dict[str, str]:
    """The cases by the blocks that they run."""
    arms: dict[str, str] = {}
    for node in pipeline.nodes:
        if isinstance(node, MatchNode):
            arms |= {each.block: " | ".join(map(str, each.values)) or "_" for each in node.arms}
        elif isinstance(node, IfNode):
            arms |= {node.then: "if", node.otherwise: "else"}
    return arms


def _call(node: CallNode | ExternNode, arms: Mapping[str, str]) -> str:
    target = node.target if isinstance(node, CallNode) else node.extern
    arm = f", arm {arms[node.block]}" if node.block in arms else ""
    return f"line {node.line}{arm}: calls {target}"
