"""Routes as what LiteLLM's router has: groups of entries, fallbacks and aliases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...plan.open_names import is_pattern
from ...plan.routes import BalanceKind, RouteKind
from ...scope import Symbol
from ..values import Lost

if TYPE_CHECKING:
    from ...routes.typed import Member, TypedRoute

_STRATEGIES = {
    BalanceKind.LEAST_BUSY: "least-busy",
    BalanceKind.LEAST_COST: "cost-based-routing",
    BalanceKind.LEAST_LATENCY: "latency-based-routing",
    BalanceKind.USAGE: "usage-based-routing-v2",
}

_ONE_RULE = "one rule counts for all groups there"

_Entry = tuple[str, float | None]
"""The name of an entry, and its share of a group."""


class Router:
    """Puts routes into settings of the router. entries: those of the deployments, by their names."""

    def __init__(self, routes: Sequence[TypedRoute], entries: Mapping[str, Any], lost: list[Lost]) -> None:
        self._routes = routes
        self._known = {route.name: route for route in routes}
        self._entries = entries
        self._lost = lost

    def settings(self, models: list[dict[str, Any]]) -> dict[str, Any]:
        """Fallbacks, aliases and the rule; the entries of groups are added to `models`."""
        router: dict[str, Any] = {}
        fallbacks: list[dict[str, list[str]]] = []
        aliases: dict[str, str] = {}
        shuffled: dict[str, list[dict[str, Any]]] = {}
        known = self._known
        for route in self._routes:
            alias = route.members[0].name if len(route.members) == 1 else ""
            if alias in known and alias != route.name:
                aliases[route.name] = alias
                continue
            names = [name for name in _flat(route, known) if name in self._entries]
            if route.kind in (RouteKind.HEDGE, RouteKind.CASCADE) or not names:
                self._lose(route.name, "LiteLLM has groups and fallbacks, and no such route")
                continue
            if route.budget is not None:
                self._lose(f"{route.name}.budget", "routes have no budgets there")
            is_open = any(is_pattern(self._entries[name]["litellm_params"]["model"]) for name in names)
            called = f"{route.name}/*" if is_open and not is_pattern(route.name) else route.name
            is_open = is_open or is_pattern(route.name)
            if len(names) == 1 and not is_open:
                aliases[route.name] = names[0]
                continue
            first = route.members[0] if route.kind is RouteKind.FALLBACK else route
            group = self._group(first)
            for name, weight in group:
                entry = self._entries[name]
                params = dict(entry["litellm_params"])
                if weight is not None:
                    params["weight"] = weight
                info = {**entry.get("model_info", {}), "id": f"{route.name}/{name}"}
                models.append({"model_name": called, "litellm_params": params, "model_info": info})
            inner = _inner(first, known)
            by = _STRATEGIES.get(inner.by) if inner is not None else None
            if by is None and len(group) > 1:
                shuffled[route.name] = [each["litellm_params"] for each in models[-len(group) :]]
            if by is not None and router.setdefault("routing_strategy", by) != by:
                self._lose(route.name, _ONE_RULE)
            behind = [name for name in names if name not in {each for each, _ in group}]
            if behind and any(self._shares(each) for each in route.members[1:]):
                self._lose(route.name, "those behind the first are asked in their order there")
            if behind and is_open:
                self._lose(route.name, "fallbacks name models there, and none that clients complete")
            elif behind:
                fallbacks.append({route.name: behind})
        for name, members in shuffled.items():
            if "routing_strategy" in router:
                self._lose(name, _ONE_RULE)
            elif not any("weight" in each for each in members) and _is_uneven(members):
                for each in members:
                    each["weight"] = 1
        if fallbacks:
            router["fallbacks"] = fallbacks
        if aliases:
            router["model_group_alias"] = aliases
        return router

    def _group(self, member: Member | TypedRoute) -> list[_Entry]:
        """The entries that share the name of a route, with their shares."""
        inner = _inner(member, self._known)
        if inner is None:
            return [(member.name, None)] if member.name in self._entries else []
        found: list[_Entry] = []
        for each in inner.members:
            share = round(float(each.share) * 100, 4) if each.share is not None else None
            found += [(name, weight if share is None else share) for name, weight in self._group(each)]
        return found

    def _shares(self, member: Member) -> bool:
        """Whether a member is several that share the work."""
        inner = _inner(member, self._known)
        return inner is not None and inner.kind is not RouteKind.FALLBACK and len(inner.members) > 1

    def _lose(self, where: str, says: str) -> None:
        self._lost.append(Lost(where, says))


def _flat(route: TypedRoute, known: Mapping[str, TypedRoute]) -> Iterator[str]:
    """The deployments in a route, each once, in order."""
    seen: dict[str, None] = {}
    for member in route.members:
        inner = known.get(member.name) if isinstance(member.target, Symbol) else member.target
        if inner is None:
            seen.setdefault(member.name)
        else:
            seen |= dict.fromkeys(_flat(inner, known))
    yield from seen


def _inner(member: Member | TypedRoute, known: Mapping[str, TypedRoute]) -> TypedRoute | None:
    """The route that a member is, None for a deployment."""
    if not hasattr(member, "target"):
        return member
    return known.get(member.name) if isinstance(member.target, Symbol) else member.target


def _is_uneven(members: list[dict[str, Any]]) -> bool:
    """Whether LiteLLM would give one of these more than another, by what each may be asked in a minute."""
    return any(len({each.get(limit) for each in members}) > 1 for limit in ("rpm", "tpm"))
