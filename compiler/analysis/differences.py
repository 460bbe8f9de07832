"""What a change of a file means for requests: what goes elsewhere, gets dearer, slower, narrower, less safe.

Both files are looked at as plans, by the same analyses that check a single one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from attrs import evolve, fields

from ...dsl.kinds import BudgetAction, GuardAction
from ..plan import (
    Budget,
    DeploymentPlan,
    GatewayPlan,
    GuardPlan,
    PipelinePlan,
    Plan,
    Price,
    RemotePoolPlan,
    RoutePlan,
    is_loopback,
)
from ..plan.features import YES_OR_NO
from ..plan.guards import Meant
from ..plan.reach import names_of
from .bound import QUANTITIES, Part, spoken, way_to
from .bounds import bounds_of
from .change import Change, Severity
from .features import Arrival, arrivals_of
from .field_changes import field_changes
from .flows import Flow, flows_of
from .guards import Ways
from .kind_changes import kind_changes

T = TypeVar("T")


BREAKING, RISK, INFO = Severity.BREAKING, Severity.RISK, Severity.INFO

_LOOSER = (BudgetAction.REJECT, BudgetAction.THROTTLE, BudgetAction.WARN)
"""What a spent budget does, from what stops requests to what does not."""

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
        *(c for name, a, b in _both(_routes(old), _routes(new)) for c in _budgets(name, a.budget, b.budget)),
        *_gateway(old.gateway, new.gateway),
        *_guards(old, new),
        *_keys(old, new),
        *kind_changes(old, new),
        *field_changes(old, new),
    ]
    order = list(Severity)
    return tuple(sorted(found, key=lambda each: order.index(each.severity)))


def _both(old: Mapping[str, T], new: Mapping[str, T]) -> Iterator[tuple[str, T, T]]:
    for name, before in old.items():
        if name in new:
            yield name, before, new[name]


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
            yield Change(INFO, name, f"is no longer answered by {_listed(gone)}")
        if added:
            models = {each.deployment: _model(each) for each in new.deployments}
            why = tuple(f"{_arrows(after.to(name, each))}: {models[each]}" for each in added)
            yield Change(RISK, name, f"may also be answered by {_listed(added)}", why)
    for each in new.deployments:
        other = known.get(each.deployment)
        if other is not None and _model(other) != _model(each):
            yield Change(RISK, each.deployment, f"asks {_model(each)}, no longer {_model(other)}")


def _pipelines(old: Plan, new: Plan) -> Iterator[Change]:
    before = {each.pipeline: each for each in old.pipelines}
    for name, left, right in _both(before, {each.pipeline: each for each in new.pipelines}):
        if _taken(left) != _taken(right):
            yield Change(BREAKING, name, f"takes ({_taken(right)}), no longer ({_taken(left)})")
        if left.result != right.result:
            yield Change(BREAKING, name, f"gives {right.result}, no longer {left.result}")


def _taken(plan: PipelinePlan) -> str:
    return ", ".join(f"{each.name}: {each.type}" for each in plan.parameters)


def _bounds(old: Plan, new: Plan) -> Iterator[Change]:
    for name, left, right in _both(bounds_of(old), bounds_of(new)):
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
    for name, left, right in _both(arrivals_of(old), arrivals_of(new)):
        yield from _arrivals(name, left, right)


def _arrivals(name: str, left: Arrival, right: Arrival) -> Iterator[Change]:
    if left.features is None or right.features is None:
        return
    lost = [each for each in YES_OR_NO if getattr(left.features, each) and not getattr(right.features, each)]
    won = [each for each in YES_OR_NO if getattr(right.features, each) and not getattr(left.features, each)]
    if lost:
        yield Change(BREAKING, name, f"{_listed(lost)} are no longer sure to arrive")
    if won:
        yield Change(INFO, name, f"{_listed(won)} arrive, whoever answers")
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
    for name, left, right in _both(before, {each.deployment: each for each in new.deployments}):
        if len(left.replicas) != len(right.replicas):
            severity = RISK if len(right.replicas) < len(left.replicas) else INFO
            yield Change(severity, name, f"has {len(right.replicas)} replicas, {len(left.replicas)} before")
        if (left.scaling or right.scaling) and left.max_replicas != right.max_replicas:
            severity = RISK if right.max_replicas < left.max_replicas else INFO
            what = f"has at most {right.max_replicas} replicas, {left.max_replicas} before"
            yield Change(severity, name, what)
        yield from _less(name, "max_concurrent", left.serving.max_concurrent, right.serving.max_concurrent)
        if isinstance(left, RemotePoolPlan) and isinstance(right, RemotePoolPlan):
            yield from _pool(name, left, right)


def _routes(plan: Plan) -> dict[str, RoutePlan]:
    return {each.route: each for each in plan.routes if not each.inner}


def _pool(name: str, left: RemotePoolPlan, right: RemotePoolPlan) -> Iterator[Change]:
    yield from _price(name, left.price, right.price)
    for limit in ("requests_per_minute", "tokens_per_minute", "concurrent_requests"):
        yield from _less(name, limit, getattr(left.rate_limits, limit), getattr(right.rate_limits, limit))
    if left.endpoint != right.endpoint:
        yield Change(RISK, name, f"is asked at {right.endpoint}, no longer at {left.endpoint}")
    for timeout in fields(type(left.timeouts)):
        before, after = (float(getattr(each.timeouts, timeout.name)) for each in (left, right))
        if before != after:
            what = f"`timeouts {{ {timeout.name} }}` is {after:g} s, {before:g} s before"
            yield Change(RISK, name, what)
    yield from _budgets(name, left.budget, right.budget)


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


def _less(name: str, what: str, before: int | None, after: int | None) -> Iterator[Change]:
    """A limit that is lower, or gone: requests are held up, or nothing holds them any more."""
    if before != after:
        is_worse = after is None or before is None or after < before
        shown = ("no limit" if each is None else f"{each:,}" for each in (after, before))
        yield Change(RISK if is_worse else INFO, name, "`{}` is {}, {} before".format(what, *shown))


def _gateway(old: GatewayPlan, new: GatewayPlan) -> Iterator[Change]:
    about = "gateway"
    if _is_shut(old) and not _is_shut(new):
        yield Change(RISK, about, "everyone may call it who reaches it: it asks for no token any more")
    if not _is_shut(old) and _is_shut(new):
        yield Change(BREAKING, about, "asks for a token, which it did not")
    if is_loopback(old.host) and not is_loopback(new.host):
        yield Change(RISK, about, f"is reached from other machines, at {new.host}")
    if old.port != new.port:
        yield Change(BREAKING, about, f"listens at port {new.port}, no longer at {old.port}")
    if (old.tls is None) != (new.tls is None):
        yield Change(BREAKING, about, f"speaks {'https' if new.tls else 'http'}, no longer the other")
    for origin in sorted({*new.cors.origins} - {*old.cors.origins}):
        yield Change(RISK, about, f"web pages of {origin} may call it")
    for origin in sorted({*old.cors.origins} - {*new.cors.origins}):
        yield Change(BREAKING, about, f"web pages of {origin} may call it no longer")
    yield from _budgets(about, old.budget, new.budget)


def _budgets(about: str, old: Budget | None, new: Budget | None) -> Iterator[Change]:
    before, after = (each.ceilings() if each is not None else {} for each in (old, new))
    for window in dict.fromkeys((*before, *after)):
        left, right = before.get(window), after.get(window)
        if left != right:
            looser = right is None or (left is not None and right > left)
            shown = ["no limit" if each is None else f"${each:g}" for each in (right, left)]
            what = f"may spend {shown[0]} a {window}, {shown[1]} before"
            yield Change(RISK if looser else INFO, about, what)
    if old is not None and new is not None and old.on_exceeded is not new.on_exceeded:
        looser = _LOOSER.index(new.on_exceeded) > _LOOSER.index(old.on_exceeded)
        what = f"`on_exceeded` is `{new.on_exceeded}`, `{old.on_exceeded}` before"
        yield Change(RISK if looser else INFO, about, what)


def _guards(old: Plan, new: Plan) -> Iterator[Change]:
    before = {each.name: each for each in old.gateway.guards}
    after = {each.name: each for each in new.gateway.guards}
    for name in before:
        if name not in after:
            yield Change(RISK, "gateway", f"the guard `{name}` is gone")
    for name in after:
        if name not in before:
            yield Change(INFO, "gateway", f"the guard `{name}` is new: it may refuse")
    if [name for name in before if name in after] != [name for name in after if name in before]:
        yield Change(RISK, "gateway", f"its guards see in another order: {_listed(after)}")
    for name, left, right in _both(before, after):
        about = f"guard {name}"
        unseen = [each for each in names_of(new) if left.sees(each) and not right.sees(each)]
        if unseen:
            yield Change(RISK, about, f"no longer sees {_listed(unseen)}")
        seen = [each for each in names_of(new) if right.sees(each) and not left.sees(each)]
        if seen:
            yield Change(INFO, about, f"sees {_listed(seen)}, too: it may refuse")
        if left.keys != right.keys:
            yield Change(RISK, about, f"holds for {_keys_of(right)}, for {_keys_of(left)} before")
        for what in ("request", "answer"):
            one, other = getattr(left, what), getattr(right, what)
            if one != other:
                said = "is no longer seen" if other is None else f"is seen by `{other}`"
                yield Change(INFO if one is None else RISK, about, f"`{what}` {said}")
        for what in ("on_failure", "unreadable"):
            one, other = getattr(left, what), getattr(right, what)
            if one is not other:
                severity = RISK if other is GuardAction.PASS else INFO
                yield Change(severity, about, f"`{what}` is `{other}`, `{one}` before")


def _keys_of(guard: GuardPlan) -> str:
    return f"the keys {_listed(guard.keys)}" if guard.keys else "everyone"


def _is_shut(gateway: GatewayPlan) -> bool:
    return bool(gateway.auth or gateway.keys or gateway.jwt)


def _keys(old: Plan, new: Plan) -> Iterator[Change]:
    before = {each.name: each for each in old.gateway.keys}
    after = {each.name: each for each in new.gateway.keys}
    for name in before:
        if name not in after:
            yield Change(BREAKING, f"key {name}", "is gone: who shows it is refused")
    for name in after:
        if name not in before:
            yield Change(RISK, f"key {name}", "is new: who shows it may call")
    for name, left, right in _both(before, after):
        could, can = Meant(left.models), Meant(right.models)
        gone = [each for each in names_of(old) if each in could and each not in can]
        more = [each for each in names_of(new) if each in can and each not in could]
        if gone:
            yield Change(BREAKING, f"key {name}", f"may ask {_listed(gone)} no longer")
        if more:
            yield Change(RISK, f"key {name}", f"may ask {_listed(more)}")
        for limit in ("requests_per_minute", "tokens_per_minute", "concurrent_requests"):
            less, more = (getattr(each.rate_limits, limit) for each in (left, right))
            severity = BREAKING if more is not None and (less is None or more < less) else RISK
            for each in _less(f"key {name}", limit, less, more):
                yield evolve(each, severity=severity)
        yield from _budgets(f"key {name}", left.budget, right.budget)
        if left.protocols != right.protocols:
            fewer = right.protocols and (not left.protocols or {*left.protocols} - {*right.protocols})
            shown = _listed(right.protocols) or "every protocol"
            yield Change(BREAKING if fewer else RISK, f"key {name}", f"may speak {shown}")
        if left.secret != right.secret:
            yield Change(RISK, f"key {name}", "is shown with another secret")


def _model(plan: DeploymentPlan) -> str:
    if isinstance(plan, RemotePoolPlan):
        return f"`{plan.model}` of {plan.provider}"
    return f"the model in `{plan.model.path}`"  # type: ignore[attr-defined]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{each}`" for each in names)


def _arrows(way: Iterable[str]) -> str:
    return " → ".join(each if each.startswith("step ") else f"`{each}`" for each in way)
