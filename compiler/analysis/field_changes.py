"""What else a change of a file changes: each field of a plan that no sentence of its own tells.

A field that is new in plans is told here by its name and values until somebody says it better.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs

from ...dsl.record import frozen
from ...dsl.wording import shorten
from ..plan import Node, Plan
from ..plan.codec import plan_converter
from ..plan.dataflow import step_of
from .change import BREAKING, INFO, RISK, Change, Severity, listed

NO_MATTER = frozenset({"source", "line", "column", "compiler", "schema"})
"""Where something was written, and by whom: nothing that requests meet."""

_MOST_STEPS = 6

Grave = Callable[[Any, Any], Severity]


@frozen
class Leaf:
    """A field that is not what it was; `before` and `after` are None where it was, or is, not there."""

    path: str
    before: Any
    after: Any


def field_changes(old: Plan, new: Plan) -> Iterator[Change]:
    """All that differs in parts that both plans have, but for what is told elsewhere."""
    for kind, by in _PARTS.items():
        before = {getattr(each, by): each for each in getattr(old, kind)}
        for part in getattr(new, kind):
            name = getattr(part, by)
            if name in before and not getattr(part, "inner", False):
                yield from _of_part(kind, name, before[name], part)
    yield from _of_part("gateway", "gateway", old.gateway, new.gateway)
    for kind, about in (("keys", "key"), ("guards", "guard")):
        before = {each.name: each for each in getattr(old.gateway, kind)}
        for part in getattr(new.gateway, kind):
            if part.name in before:
                yield from _of_part(kind, f"{about} {part.name}", before[part.name], part)
    yield from _of_part("state", "state", old.state, new.state)
    yield from _inner_routes(old, new)


def _inner_routes(old: Plan, new: Plan) -> Iterator[Change]:
    """Routes that stand inside others have the names of their places: those are told of the outer one."""
    before = {each.route: each for each in old.routes if each.inner}
    for part in new.routes:
        if part.inner and part.route in before:
            yield from _of_part("routes", part.route.rpartition(".")[0], before[part.route], part)


def _of_part(kind: str, about: str, old: Any, new: Any) -> Iterator[Change]:
    if type(old) is not type(new):
        yield Change(RISK, about, f"is {_kind_of(new)}, no longer {_kind_of(old)}")
        return
    steps: dict[str, None] = {}
    facts: list[str] = []
    for leaf in leaves(old, new):
        if leaf.path.startswith(("nodes", "condition")):
            steps |= dict.fromkeys(_steps_of(leaf))
        elif leaf.path.startswith("capabilities."):
            facts.append(leaf.path.removeprefix("capabilities."))
        elif not _is_told(kind, leaf.path):
            grave = _graver(kind, leaf.path)
            severity = grave(leaf.before, leaf.after) if callable(grave) else grave
            shown = f"`{leaf.path}` is {_shown(leaf.after)}, {_shown(leaf.before)} before"
            yield Change(severity, about, shown)
    if facts and getattr(old, "model", None) == getattr(new, "model", None):
        yield Change(INFO, about, f"other things are known of its model: {listed(facts)}")
    if steps and kind == "pipelines":
        more = f" and {len(steps) - _MOST_STEPS} more" if len(steps) > _MOST_STEPS else ""
        yield Change(RISK, about, f"does something else in {listed(list(steps)[:_MOST_STEPS])}{more}")
    elif steps:
        yield Change(RISK, about, "accepts other answers")


def leaves(old: Any, new: Any, path: str = "") -> Iterator[Leaf]:
    """The smallest parts that differ."""
    if old is new:
        return
    if type(old) is type(new) and attrs.has(type(old)) and not isinstance(old, Node):
        for each in attrs.fields(type(old)):
            if each.name not in NO_MATTER:
                below = f"{path}.{each.name}" if path else each.name
                yield from leaves(getattr(old, each.name), getattr(new, each.name), below)
    elif isinstance(old, tuple) and isinstance(new, tuple) and _is_of_nodes(old, new):
        before, after = ({node.name: node for node in each} for each in (old, new))
        for name in {**before, **after}:
            if _plain(before.get(name)) != _plain(after.get(name)):
                yield Leaf(path, before.get(name), after.get(name))
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in {**old, **new}:
            yield from leaves(old.get(name), new.get(name), f"{path}.{name}")
    elif old != new:
        yield Leaf(path, old, new)


def _is_of_nodes(*several: tuple[Any, ...]) -> bool:
    return any(isinstance(each, Node) for values in several for each in values)


def _plain(node: Node | None) -> Any:
    """A node without where it was written."""
    return None if node is None else attrs.evolve(node, line=0, column=0)


def _steps_of(leaf: Leaf) -> Iterable[str]:
    return {step_of(node): None for node in (leaf.before, leaf.after) if isinstance(node, Node)}


def _kind_of(part: Any) -> str:
    return f"a {getattr(part, 'kind', type(part).__name__)}"


def _shown(value: Any) -> str:
    """As a plan writes it; secrets are names of where they come from."""
    if value is None:
        return "not set"
    written = plan_converter().unstructure(value)
    text = written if isinstance(written, str) else json.dumps(written, ensure_ascii=False)
    return shorten(text or '""', 60)


# ---- what is told elsewhere, and how grave the rest is


_PARTS = {
    "deployments": "deployment",
    "routes": "route",
    "pipelines": "pipeline",
    "externs": "extern",
}

_LIMITS = (
    "rate_limits.concurrent_requests",
    "rate_limits.requests_per_minute",
    "rate_limits.tokens_per_minute",
)

_TOLD: dict[str, tuple[str, ...]] = {
    "deployments": (
        "allows",
        "budget.*",
        "endpoint",
        "model",
        "model.path",
        "price.input",
        "price.output",
        "provider",
        *_LIMITS,
        "serving.max_concurrent",
        "timeouts.*",
    ),
    "routes": ("budget.*", "carries"),
    "pipelines": ("carries", "parameters", "result.*"),
    "externs": ("carries",),
    "gateway": ("budget.*", "cors.origins", "guards", "keys", "port"),
    "keys": ("budget.*", "carries", "models", "protocols", *_LIMITS, "secret"),
    "guards": ("answer", "keys", "models", "on_failure", "request", "unreadable"),
}
"""Fields of which `differences` says more than their values; `.*`: and all that is in it."""


def _is_told(kind: str, path: str) -> bool:
    return any(
        path == each.removesuffix(".*") or (each.endswith(".*") and path.startswith(each[:-1]))
        for each in _TOLD.get(kind, ())
    )


def _less_is(grave: Severity, else_: Severity = INFO) -> Grave:
    """A smaller number, or one where there was none, is worse than all else."""

    def severity(before: Any, after: Any) -> Severity:
        return grave if after is not None and (before is None or after < before) else else_

    return severity


def _more_is(grave: Severity) -> Grave:
    def severity(before: Any, after: Any) -> Severity:
        return grave if before is None or (after is not None and after > before) else INFO

    return severity


def _proved(before: Any, after: Any) -> Severity:
    """Of the most that a request may take: more of it, or anything, may go unseen from now on."""
    return RISK if after is None or (before is not None and after > before) else INFO


def _promised(before: Any, after: Any) -> Severity:
    """Of what arrives, whoever answers: it may be lost unseen from now on."""
    is_less = isinstance(after, int) and isinstance(before, int) and after < before
    return RISK if not after or is_less else INFO


def _ends(before: str | None, after: str | None) -> Severity:
    """Of a key: who shows it is refused earlier, or may call for longer."""
    return BREAKING if after is not None and (before is None or after < before) else RISK


def _refuses(before: Any, after: Any) -> Severity:
    """Of what clients show or speak: what they did until now is refused, or something new is taken."""
    return RISK if before is None else BREAKING


def _in_order(before: tuple[str, ...], after: tuple[str, ...]) -> Severity:
    """Of members: who is new and who is gone is told with the ways."""
    return RISK if {*before} == {*after} else INFO


_GRAVE: dict[str, Severity | Grave] = {
    "deployments.batching": INFO,
    "deployments.cache": RISK,
    "deployments.capabilities": INFO,
    "deployments.price": _more_is(RISK),
    "deployments.replicas": INFO,
    "deployments.request.defaults": INFO,
    "deployments.request.defaults.max_tokens": _proved,
    "deployments.warm_up": INFO,
    "externs.workers": _less_is(RISK),
    "gateway.auth": _refuses,
    "gateway.bounds": _proved,
    "gateway.grpc": _refuses,
    "gateway.jwt": _refuses,
    "gateway.max_body": _less_is(BREAKING, else_=RISK),
    "gateway.workers": INFO,
    "guards.pieces": _less_is(RISK),
    "keys.bounds": _proved,
    "keys.expires": _ends,
    "keys.labels": INFO,
    "pipelines.bounds": _proved,
    "routes.bounds": _proved,
    "routes.members": _in_order,
    "routes.promise": _promised,
    "routes.task": BREAKING,
}
"""How grave a change of a field is; all others are risks: requests work, and may meet something else."""


def _graver(kind: str, path: str) -> Severity | Grave:
    parts = [kind, *path.split(".")]
    for count in range(len(parts), 1, -1):
        found = _GRAVE.get(".".join(parts[:count]))
        if found is not None:
            return found
    return RISK
