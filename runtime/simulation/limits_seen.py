"""How full everything is while a load is played: slots, limits, budgets, and what providers let through."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator

from ...compiler.plan import BudgetAction, DeploymentPlan, OnnxServingPlan, Plan, RemotePoolPlan
from ...compiler.plan.record import frozen
from ..serving.deployment import Deployment
from .simulation import EPOCH, Simulation

LOOKS = 20
"""How often everything is looked at in each window."""


@frozen
class Looked:
    """One limit. kind: what it is. of: the deployment. peak, mean: how much of it was used, as a share.
    shares: its mean in each window. waited: the most that waited for it. advice: what to change.
    """

    kind: str
    of: str
    peak: float
    mean: float
    shares: tuple[float, ...]
    waited: int
    advice: str


class Watch:
    """Looks at a simulation."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._seen: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
        self._waited: dict[str, int] = defaultdict(int)

    async def go(self, windows: Iterable[Iterable[float]]) -> None:
        """Look at the moments of each of the windows."""
        loop = asyncio.get_running_loop()
        for moments in windows:
            for shares in self._seen.values():
                shares.append([])
            for moment in moments:
                await asyncio.sleep(moment - loop.time())
                self._look(loop.time())

    def _look(self, now: float) -> None:
        for name, deployment in self._simulation.executor.deployments.items():
            self._waited[name] = max(self._waited[name], deployment.waiting)
            for kind, share in _shares(deployment, now):
                self._note(kind, name, share)
        for owner, spent, ceiling in self._budgets(now):
            self._note("budget", owner, spent / ceiling if ceiling else 0.0)

    def _note(self, kind: str, of: str, share: float) -> None:
        shares = self._seen[kind, of]
        if not shares:
            shares.append([])
        shares[-1].append(share)

    def _budgets(self, now: float) -> Iterator[tuple[str, float, float]]:
        for name, deployment in self._simulation.executor.deployments.items():
            plan = deployment.plan
            policies = next((each for each in deployment.policies if each is not None), None)
            if not isinstance(plan, RemotePoolPlan) or plan.budget is None or policies is None:
                continue
            if policies.budget is None or plan.budget.on_exceeded is BudgetAction.WARN:
                continue
            spent = policies.budget.spent(now + EPOCH)
            for window, ceiling in (
                ("hour", plan.budget.max_spend_per_hour),
                ("day", plan.budget.max_spend_per_day),
            ):
                if ceiling is not None:
                    yield name, spent.get(window, 0.0), float(ceiling)

    def end(self, plan: Plan, scale: float) -> list[Looked]:
        """What was seen, the fullest first. plan: without what a sample makes smaller."""
        plans = {each.deployment: each for each in plan.deployments}
        found = [
            self._looked(kind, of, parts, plans.get(of), scale) for (kind, of), parts in self._seen.items()
        ]
        return sorted(found, key=lambda each: (-round(each.peak, 2), -each.mean))

    def _looked(
        self, kind: str, of: str, parts: list[list[float]], plan: DeploymentPlan | None, scale: float
    ) -> Looked:
        flat = [share for part in parts for share in part]
        means = tuple(sum(part) / len(part) if part else 0.0 for part in parts)
        waited = round(self._waited.get(of, 0) * scale) if kind == "slots" else 0
        return Looked(
            kind,
            of,
            max(flat, default=0.0),
            sum(flat) / len(flat) if flat else 0.0,
            means,
            waited,
            _advice(kind, of, plan),
        )


def _shares(deployment: Deployment, now: float) -> Iterator[tuple[str, float]]:
    """How much is used of what a deployment has."""
    plan = deployment.plan
    copies = len(plan.replicas) if isinstance(plan, RemotePoolPlan) else 1
    yield "slots", deployment.running / (plan.serving.max_concurrent * copies)
    policies = [each for each in deployment.policies if each is not None]
    if not policies:
        return
    used = [share for each in policies if (share := each.limiter.used(now)) is not None]
    if used:
        yield "rate limit", max(used)
    yield "circuit", float(not policies[0].breaker.is_closed)
    yield "hold", float(max(deployment.held_for(now), default=0.0) > 0)


def _advice(kind: str, of: str, plan: object) -> str:
    match kind:
        case "slots" if isinstance(plan, RemotePoolPlan | OnnxServingPlan):
            most = plan.serving.max_concurrent
            return f"raise `serving {{ max_concurrent = {most} }}` of `{of}`, or send less there"
        case "rate limit":
            return f"raise `rate_limits` of `{of}` if its account has more, add a key, or another member"
        case "budget":
            return f"raise the budget of `{of}`, or route what is cheap elsewhere"
        case "hold":
            return f"the provider of `{of}` asks to be left alone: say its `rate_limits`, or add a key"
        case "circuit":
            return f"the provider of `{of}` fails: what counts is who answers in its place"
    return ""
