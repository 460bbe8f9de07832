"""What a change of a file means for requests: what goes elsewhere, gets dearer, slower, narrower, less safe.

Both files are looked at as plans, by the same analyses that check a single one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import fields

from ..plan import (
    DeploymentPlan,
    PipelinePlan,
    Plan,
    Price,
    RemotePoolPlan,
    RoutePlan,
)
from ..plan.features import YES_OR_NO
from ..plan.reach import names_of
from .bound import QUANTITIES, Part, spoken, way_to
from .bounds import bounds_of
from .change import BREAKING, INFO, RISK, Change, Severity, both, limit_change, listed
from .features import Arrival, arrivals_of
from .field_changes import field_changes
from .flows import Flow, flows_of
from .gateway_differences import budget_changes, gateway_changes, guard_changes, key_changes
from .guards import Ways
from .kind_changes import kind_changes

_WORSE = {"calls": "makes", "tokens": "takes", "dollars": "costs", "seconds": "takes"}


def differences(old: Plan, new: Plan) -> tuple[Change, ...]:
    """What requests meet in `new` that is not as in `old`, the gravest first."""
    found = [
        *_names(old, new),
        *_ways(old, new),
        *_pipelines(old, new),
        *_bounds(old, new),
        *_features(old, new),
        *_flows(old, new),
        *_deployments(old, new),
        *(
            c
            for name, a, b in both(_routes(old), _routes(new))
            for c in budget_changes(name, a.budget, b.budget)
        ),
        *gateway_changes(old.gateway, new.gateway),
        *guard_changes(old, new),
        *key_changes(old, new),
        *kind_changes(old, new),
        *field_changes(old, new),
    ]
    order = list(Severity)
    return tuple(sorted(found, key=lambda each: order.index(each.severity)))


def _names(old: Plan, new: Plan) -> Iterator[Change]:
    before, after = names_of(old), names_of(new)
    for name in before:
        if name not in after:
            yield Change(BREAKING, name, "is gone: requests for it are answered with 404")
    for name in after:
        if name not in before:
            yield Change(INFO, name, "is new")


def _ways(old: Plan, new: Plan) -> Iterator[Change]:
    """Names that lead to other deployments than before."""
    before, after = Ways(old), Ways(new)
    known = {each.deployment: each for each in old.deployments}
    for name in names_of(new):
        if name not in names_of(old):
            continue
        left, right = before.reached(name), after.reached(name)
        gone = [each for each in left if each not in right and each != name]
        added = [each for each in right if each not in left and each != name]
        if gone:
            yield Change(INFO, name, f"is no longer answered by {listed(gone)}")
        if added:
            models = {each.deployment: _model(each) for each in new.deployments}
            why = tuple(f"{_arrows(after.to(name, each))}: {models[each]}" for each in added)
            yield Change(RISK, name, f"may also be answered by {listed(added)}", why)
    for each in new.deployments:
        other = known.get(each.deployment)
        if other is not None and _model(other) != _model(each):
            yield Change(RISK, each.deployment, f"asks {_model(each)}, no longer {_model(other)}")


def _pipelines(old: Plan, new: Plan) -> Iterator[Change]:
    before = {each.pipeline: each for each in old.pipelines}
    for name, left, right in both(before, {each.pipeline: each for each in new.pipelines}):
        if _taken(left) != _taken(right):
            yield Change(BREAKING, name, f"takes ({_taken(right)}), no longer ({_taken(left)})")
        if left.result != right.result:
            yield Change(BREAKING, name, f"gives {right.result}, no longer {left.result}")


def _taken(plan: PipelinePlan) -> str:
    return ", ".join(f"{each.name}: {each.type}" for each in plan.parameters)


def _bounds(old: Plan, new: Plan) -> Iterator[Change]:
    for name, left, right in both(bounds_of(old), bounds_of(new)):
        for quantity in QUANTITIES:
            before, after = (float(getattr(part.bound, quantity)) for part in (left, right))
            if before != after:
                yield _bound(name, quantity, before, after, right)


def _bound(name: str, quantity: str, before: float, after: float, part: Part) -> Change:
    what = (
        f"one request {_WORSE[quantity]} up to {_amount(quantity, after)}, {_amount(quantity, before)} before"
    )
    if after > before:
        return Change(RISK, name, what, tuple(way_to(part, quantity)))
    return Change(INFO, name, what)


def _amount(quantity: str, number: float) -> str:
    said = spoken(quantity, number)
    if said == "no limit":
        return f"any number of {quantity}" if quantity in ("calls", "tokens") else said
    return f"{said} {quantity}" if quantity in ("calls", "tokens") else said


def _features(old: Plan, new: Plan) -> Iterator[Change]:
    for name, left, right in both(arrivals_of(old), arrivals_of(new)):
        yield from _arrivals(name, left, right)


def _arrivals(name: str, left: Arrival, right: Arrival) -> Iterator[Change]:
    if left.features is None or right.features is None:
        return
    lost = [each for each in YES_OR_NO if getattr(left.features, each) and not getattr(right.features, each)]
    won = [each for each in YES_OR_NO if getattr(right.features, each) and not getattr(left.features, each)]
    if lost:
        yield Change(BREAKING, name, f"{listed(lost)} are no longer sure to arrive")
    if won:
        yield Change(INFO, name, f"{listed(won)} arrive, whoever answers")
    before, after = left.features.context, right.features.context
    if before != after:
        severity = BREAKING if before is not None and (after is None or after < before) else INFO
        yield Change(severity, name, f"the context is {_tokens(after)}, {_tokens(before)} before")


def _tokens(number: int | None) -> str:
    return "not known" if number is None else f"{number:,} tokens"


def _flows(old: Plan, new: Plan) -> Iterator[Change]:
    def by(flows: Iterable[Flow]) -> dict[tuple[str, str], Flow]:
        return {(each.kind, each.deployment): each for each in flows}

    before, after = by(flows_of(old)), by(flows_of(new))
    for (kind, deployment), flow in after.items():
        if (kind, deployment) not in before:
            what = f"`{kind}` goes there, from {flow.source}"
            yield Change(RISK, deployment, what, (_arrows(flow.way),))
    for kind, deployment in before:
        if (kind, deployment) not in after:
            yield Change(INFO, deployment, f"`{kind}` goes there no longer")


def _deployments(old: Plan, new: Plan) -> Iterator[Change]:
    before = {each.deployment: each for each in old.deployments}
    for name, left, right in both(before, {each.deployment: each for each in new.deployments}):
        if len(left.replicas) != len(right.replicas):
            severity = RISK if len(right.replicas) < len(left.replicas) else INFO
            yield Change(severity, name, f"has {len(right.replicas)} replicas, {len(left.replicas)} before")
        if (left.scaling or right.scaling) and left.max_replicas != right.max_replicas:
            severity = RISK if right.max_replicas < left.max_replicas else INFO
            what = f"has at most {right.max_replicas} replicas, {left.max_replicas} before"
            yield Change(severity, name, what)
        yield from limit_change(
            name, "max_concurrent", left.serving.max_concurrent, right.serving.max_concurrent
        )
        if isinstance(left, RemotePoolPlan) and isinstance(right, RemotePoolPlan):
            yield from _pool(name, left, right)


def _routes(plan: Plan) -> dict[str, RoutePlan]:
    return {each.route: each for each in plan.routes if not each.inner}


def _pool(name: str, left: RemotePoolPlan, right: RemotePoolPlan) -> Iterator[Change]:
    yield from _price(name, left.price, right.price)
    for limit in ("requests_per_minute", "tokens_per_minute", "concurrent_requests"):
        yield from limit_change(
            name, limit, getattr(left.rate_limits, limit), getattr(right.rate_limits, limit)
        )
    if left.endpoint != right.endpoint:
        yield Change(RISK, name, f"is asked at {right.endpoint}, no longer at {left.endpoint}")
    for timeout in fields(type(left.timeouts)):
        before, after = (float(getattr(each.timeouts, timeout.name)) for each in (left, right))
        if before != after:
            what = f"`timeouts {{ {timeout.name} }}` is {after:g} s, {before:g} s before"
            yield Change(RISK, name, what)
    yield from budget_changes(name, left.budget, right.budget)


def _price(name: str, before: Price | None, after: Price | None) -> Iterator[Change]:
    """What the price of words is; those of cached ones and of sound are told by their names."""
    if before is None or after is None:
        if before is not after:
            known = "known no longer" if after is None else "known now"
            yield Change(RISK, name, f"its price is {known}")
        return
    if (before.input, before.output) == (after.input, after.output):
        return
    dearer = after.input > before.input or after.output > before.output
    what = (
        f"a million tokens cost ${after.input:g} and ${after.output:g}, "
        f"${before.input:g} and ${before.output:g} before"
    )
    yield Change(RISK if dearer else INFO, name, what)


def _model(plan: DeploymentPlan) -> str:
    if isinstance(plan, RemotePoolPlan):
        return f"`{plan.model}` of {plan.provider}"
    return f"the model in `{plan.model.path}`"  # type: ignore[attr-defined]


def _arrows(way: Iterable[str]) -> str:
    return " → ".join(each if each.startswith("step ") else f"`{each}`" for each in way)
