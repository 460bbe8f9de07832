"""What a change of the gateway means: who may reach it, its keys, guards and budgets."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from ...dsl.kinds import BudgetAction, GuardAction
from ..plan import (
    Budget,
    GatewayPlan,
    GuardPlan,
    Plan,
    is_loopback,
)
from ..plan.guards import Meant
from ..plan.reach import names_of
from .change import BREAKING, INFO, RISK, Change, both, limit_change, listed

_LOOSER = (BudgetAction.REJECT, BudgetAction.THROTTLE, BudgetAction.WARN)
"""What a spent budget does, from what stops requests to what does not."""


def gateway_changes(old: GatewayPlan, new: GatewayPlan) -> Iterator[Change]:
    """Who may reach it, and where."""
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
    yield from budget_changes(about, old.budget, new.budget)


def budget_changes(about: str, old: Budget | None, new: Budget | None) -> Iterator[Change]:
    """What may be spent, and what happens then."""
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


def guard_changes(old: Plan, new: Plan) -> Iterator[Change]:
    """What guards see, for whom, and what happens where they cannot."""
    before = {each.name: each for each in old.gateway.guards}
    after = {each.name: each for each in new.gateway.guards}
    for name in before:
        if name not in after:
            yield Change(RISK, "gateway", f"the guard `{name}` is gone")
    for name in after:
        if name not in before:
            yield Change(INFO, "gateway", f"the guard `{name}` is new: it may refuse")
    if [name for name in before if name in after] != [name for name in after if name in before]:
        yield Change(RISK, "gateway", f"its guards see in another order: {listed(after)}")
    for name, left, right in both(before, after):
        about = f"guard {name}"
        saw, sees = Meant(left.models), Meant(right.models)
        unseen = [each for each in names_of(new) if _is_more(saw, sees, each)]
        if unseen:
            yield Change(RISK, about, f"no longer sees {listed(unseen)}")
        seen = [each for each in names_of(new) if _is_more(sees, saw, each)]
        if seen:
            yield Change(INFO, about, f"sees {listed(seen)}, too: it may refuse")
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
    return f"the keys {listed(guard.keys)}" if guard.keys else "everyone"


def _is_shut(gateway: GatewayPlan) -> bool:
    return bool(gateway.auth or gateway.keys or gateway.jwt)


def _is_more(one: Meant, other: Meant, name: str) -> bool:
    """Whether `one` means something that clients may ask of a name, and `other` does not."""
    return name not in other and any(each not in other for each in one.parts(name))


def key_changes(old: Plan, new: Plan) -> Iterator[Change]:
    """Who may ask what, and how much."""
    before = {each.name: each for each in old.gateway.keys}
    after = {each.name: each for each in new.gateway.keys}
    for name in before:
        if name not in after:
            yield Change(BREAKING, f"key {name}", "is gone: who shows it is refused")
    for name in after:
        if name not in before:
            yield Change(RISK, f"key {name}", "is new: who shows it may call")
    for name, left, right in both(before, after):
        could, can = Meant(left.models), Meant(right.models)
        gone = [each for each in names_of(old) if _is_more(could, can, each)]
        more = [each for each in names_of(new) if _is_more(can, could, each)]
        if gone:
            yield Change(BREAKING, f"key {name}", f"may ask {listed(gone)} no longer")
        if more:
            yield Change(RISK, f"key {name}", f"may ask {listed(more)}")
        for limit in ("requests_per_minute", "tokens_per_minute", "concurrent_requests"):
            less, more = (getattr(each.rate_limits, limit) for each in (left, right))
            severity = BREAKING if more is not None and (less is None or more < less) else RISK
            for each in limit_change(f"key {name}", limit, less, more):
                yield evolve(each, severity=severity)
        yield from budget_changes(f"key {name}", left.budget, right.budget)
        if left.protocols != right.protocols:
            fewer = right.protocols and (not left.protocols or {*left.protocols} - {*right.protocols})
            shown = listed(right.protocols) or "every protocol"
            yield Change(BREAKING if fewer else RISK, f"key {name}", f"may speak {shown}")
        if left.secret != right.secret:
            yield Change(RISK, f"key {name}", "is shown with another secret")
