"""What is different in another plan, in words for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from ..compiler.plan import DeploymentPlan, Node, OnnxServingPlan, Plan, RemotePoolPlan
from ..compiler.plan.reach import differ_in_model_alone

_NO_DIFFERENCE = ("source", "compiler", "schema", "bounds", "promise")
"""Where something was written, by whom, and what was proved of it, is no difference in what is served."""


def changes(old: Plan, new: Plan) -> list[str]:
    """One line for each part that is new, gone, or changed, which says in what."""
    return [
        *_named("deployment", old.deployments, new.deployments, "deployment"),
        *_named("route", old.routes, new.routes, "route"),
        *_named("pipeline", old.pipelines, new.pipelines, "pipeline"),
        *_named("extern", old.externs, new.externs, "extern"),
        *_named("key", old.gateway.keys, new.gateway.keys, "name"),
        *_changed("the gateway", old.gateway, new.gateway, hidden=("keys",)),
        *_changed("the state", old.state, new.state),
    ]


def effects(old: Plan, new: Plan) -> list[str]:
    """What a running server starts, stops, exchanges and loses when it takes `new` over."""
    if not changes(old, new):
        return []
    before = {each.deployment: each for each in old.deployments}
    after = {each.deployment: each for each in new.deployments}
    lines = [f"starts `{name}`{_begun(after[name])}" for name in after if name not in before]
    lines += [f"stops `{name}` after its last request" for name in before if name not in after]
    for name, plan in after.items():
        was = before.get(name)
        if was is not None and attrs.evolve(was, source=plan.source) != plan:
            lines += _anew(name, was, plan)
    if old.externs or new.externs:
        lines.append("loads all externs anew, in new processes")
    gone = {each.name for each in old.gateway.keys} - {each.name for each in new.gateway.keys}
    lines += [f"refuses the key `{each.name}`" for each in old.gateway.keys if each.name in gone]
    here, there = ((each.gateway.host, each.gateway.port) for each in (old, new))
    if here != there:
        lines.append(f"listens at {there[0]}:{there[1]}, no longer at {here[0]}:{here[1]}")
    if old.state.name != new.state.name:
        lines.append("counts spend under another name, from nothing, once it is started again")
    return lines


def _begun(plan: DeploymentPlan) -> str:
    """What it takes to start a deployment."""
    count = len(plan.replicas)
    often = f", {count} times" if count > 1 else ""
    if isinstance(plan, OnnxServingPlan):
        return f": loads `{plan.model.path}`{often}"
    return f": launches its server{often}" if isinstance(plan, RemotePoolPlan) and plan.is_launched else ""


def _anew(name: str, old: DeploymentPlan, new: DeploymentPlan) -> Iterator[str]:
    is_local = isinstance(old, OnnxServingPlan) and isinstance(new, OnnxServingPlan)
    if is_local and differ_in_model_alone(old, new):
        yield f"exchanges the model of `{name}` in its place, one replica after the other"
        return
    yield f"starts `{name}` anew beside the old one, which ends with its last request{_begun(new)}"
    if old.cache is not None:
        yield f"loses the cached answers of `{name}`"
    if isinstance(old, RemotePoolPlan) and isinstance(new, RemotePoolPlan):
        if old.circuit_breaker != new.circuit_breaker or old.endpoint != new.endpoint:
            yield f"closes the circuit of `{name}`, whatever it was"
        if old.rate_limits != new.rate_limits:
            yield f"counts the rate limits of `{name}` anew"


def _named(what: str, old: Iterable[Any], new: Iterable[Any], by: str) -> Iterator[str]:
    before: Mapping[str, Any] = {getattr(each, by): each for each in old}
    after: Mapping[str, Any] = {getattr(each, by): each for each in new}
    for name in {**before, **after}:
        if name not in after:
            yield f"{what} `{name}` is gone"
        elif name not in before:
            yield f"{what} `{name}` is new"
        else:
            yield from _changed(f"{what} `{name}`", before[name], after[name])


def _changed(what: str, old: Any, new: Any, hidden: tuple[str, ...] = ()) -> Iterator[str]:
    if type(old) is not type(new):
        yield f"{what} is of another kind"
        return
    names = [
        attribute.name
        for attribute in attrs.fields(type(new))
        if attribute.name not in (*_NO_DIFFERENCE, *hidden)
        and _unplaced(getattr(old, attribute.name)) != _unplaced(getattr(new, attribute.name))
    ]
    if names:
        yield f"{what} has changed: {', '.join(names)}"


def _unplaced(value: Any) -> Any:
    """`value`, nodes of pipelines without the places where they were written."""
    if isinstance(value, tuple):
        return tuple(map(_unplaced, value))
    return attrs.evolve(value, line=0, column=0) if isinstance(value, Node) else value
