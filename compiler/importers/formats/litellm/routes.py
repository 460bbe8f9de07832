"""Groups of models with one name, and what stands behind them, as routes."""

from __future__ import annotations

from functools import cached_property
from math import inf

from ...draft import Deployment, Draft, Route
from ...foreign import Node
from ...report import Outcome, Remark
from ...strategy import Strategy, split
from ...tables import number, weight
from .groups import Files, Group

_BY: dict[str, str] = {
    "simple-shuffle": "",
    "least-busy": "by least_busy",
    "usage-based-routing": "by usage",
    "usage-based-routing-v2": "by usage",
    "latency-based-routing": "by least_latency",
    "cost-based-routing": "by least_cost",
}


ANY = "*"
"""The name that fits all."""

_NO_ORDER = inf
_LAST = "LiteLLM asks none without `order` where others have one: here it is asked last"


class Routing:
    """Makes the routes of a file."""

    def __init__(self, draft: Draft, files: Files) -> None:
        self._draft = draft
        self._files = files

    def fallbacks(self, group: str) -> list[tuple[str, Node]]:
        """The groups that are asked when `group` fails, in order, with the setting that says so: its own, or
        else that of all."""
        node = self._own(group)
        node = self._of_all() if node is None else node
        if node is None:
            return []
        return [(name, node) for item in node.items if (name := _asked(item)) not in ("", group)]

    @cached_property
    def _rules(self) -> list[tuple[str, Node]]:
        """What stands behind whom. Those of the router count before LiteLLM's own."""
        for section in ("router_settings", "litellm_settings"):
            said = [
                rule for each in self._files.all_of(section, "fallbacks") for rule in each.entries.items()
            ]
            if said:
                return said
        return []

    @cached_property
    def _first_rules(self) -> dict[str, Node]:
        """Of several for one group, the first counts."""
        return dict(reversed(self._rules))

    def _own(self, group: str) -> Node | None:
        rules = self._first_rules
        names = (group, group.partition("/")[2]) if "*" not in group else (group,)
        return next((rules[name] for name in names if name in rules), None)

    def _of_all(self) -> Node | None:
        """What stands behind all that have nothing of their own; the last that says so counts."""
        default = self._default()
        if default is not None and default.items:
            return default
        return next((node for name, node in reversed(self._rules) if name == "*"), None)

    def _default(self) -> Node | None:
        sections = ("router_settings", "litellm_settings")
        found = (self._files.setting(section, "default_fallbacks") for section in sections)
        return next((node for node in found if node is not None), None)

    def chain(self, group: str) -> list[str]:
        """The groups that stand behind one, with what stands behind those, each once."""
        chain: list[str] = []

        def follow_on(name: str, depth: int) -> None:
            for target, _ in self.fallbacks(name):
                if target in chain or target == group or target not in self._files.groups:
                    continue
                if self._files.groups[target].members:
                    chain.append(target)
                if depth < 5:
                    follow_on(target, depth + 1)

        follow_on(group, 1)
        return chain

    def put(self) -> None:
        draft = self._draft
        self._speak_of_strategy()
        for group in self._files.groups.values():
            said = self.fallbacks(group.name)
            chain = self.chain(group.name)
            others = [self._members(self._files.groups[each]) for each in chain]
            if not group.members and (not others or self._own(group.name) is None):
                continue
            if not chain and len(group.members) == 1 and not self._is_repeated(group):
                self._speak_of(said, group, group.members[0].remarks)
                continue
            base = self._members(group) if group.members else ""
            first = base.members if isinstance(base, Strategy) and base.kind == "fallback" else (base,)
            every = (*first, *others) if group.members else tuple(others)
            strategy = (
                Strategy("fallback", every) if chain and len(every) > 1 else every[0] if others else base
            )
            entries = [node for entry in group.entries if (node := entry.get("model_name")) is not None]
            targets = list(dict.fromkeys(node for _, node in said))
            route = Route(self._files.called(group.name), strategy, (*entries, *targets))
            draft.routes.append(route)
            self._speak_of(said, group, route.remarks)
        self._speak_of_default()
        self._aliases()
        for section in ("router_settings", "litellm_settings"):
            for rule in self._files.all_of(section, "fallbacks"):
                for name, node in rule.entries.items():
                    if not node.items:
                        draft.kept(node)
                    elif not draft.report.is_marked(node):
                        is_known = name == "*" or name in self._files.groups
                        here = "others count before it" if is_known else f"nothing here is called `{name}`"
                        draft.lost(node, here)

    def _is_repeated(self, group: Group) -> bool:
        """Whether its one member is called like another group, which it is of, too."""
        (made,) = group.members
        return made.name != self._files.called(group.name) and any(
            made in each.members for each in self._files.groups.values() if each is not group
        )

    def _speak_of(self, said: list[tuple[str, Node]], group: Group, remarks: list[Remark]) -> None:
        """Say what became of the settings that name what stands behind a group."""
        draft = self._draft
        for node in dict.fromkeys(node for _, node in said):
            for item in node.items:
                for name, inner in item.entries.items():
                    if name != "model":
                        draft.lost(inner, "a fallback is asked what the client asked", remarks)
            targets = dict.fromkeys(target for target, each in said if each is node)
            gone = [
                each
                for each in targets
                if each not in self._files.groups or not self._files.groups[each].members
            ]
            if gone:
                says = f"nothing here is called {', '.join(f'`{each}`' for each in gone)}"
                outcome = Outcome.LOST if len(gone) == len(targets) else Outcome.CHANGED
                draft.overrule(outcome, node, says, remarks)
            elif not group.members:
                draft.changed(node, f"`{group.name}` itself is not here: these answer alone", remarks)
            else:
                draft.kept(node)

    def _speak_of_default(self) -> None:
        """LiteLLM asks them for names that no model has, too (https://github.com/BerriAI/litellm/pull/16419)."""
        node, draft = self._default(), self._draft
        here = [_asked(item) for item in node.items if self._is_group(item)] if node is not None else []
        if here and ANY not in self._files.groups:
            members = tuple(self._members(self._files.groups[each]) for each in dict.fromkeys(here))
            strategy = Strategy("fallback", members) if len(members) > 1 else members[0]
            draft.routes.append(Route(ANY, strategy, (node,) if node is not None else ()))

    def _is_group(self, item: Node) -> bool:
        group = self._files.groups.get(_asked(item))
        return group is not None and bool(group.members)

    def _speak_of_strategy(self) -> None:
        node = self._files.setting("router_settings", "routing_strategy")
        if node is None:
            return
        pooled = any(len(group.members) > 1 for group in self._files.groups.values())
        if str(node.value) not in _BY:
            self._draft.lost(node, "`balance` has no such rule: write a route for each group")
        elif node.value == "simple-shuffle" and pooled:
            self._draft.changed(node, "here one after the other, or by the shares that the file names")
        else:
            self._draft.kept(node)

    def _members(self, group: Group) -> Strategy | str:
        """The deployments of a group as one: by shares, in order, or balanced."""
        by_order: dict[float, list[tuple[Deployment, Node]]] = {}
        for made, entry in zip(group.members, group.entries, strict=True):
            by_order.setdefault(_order(entry), []).append((made, entry))
        unordered = by_order.get(_NO_ORDER, []) if len(by_order) > 1 else []
        for made, entry in unordered:
            named = [node for node in (entry.get("model_name"),) if node is not None]
            self._draft.report.overrule(Outcome.CHANGED, named, _LAST)
            if named and not any(each.node is named[0] for each in made.remarks):
                made.remarks.append(Remark(Outcome.CHANGED, named[0], _LAST))
        levels = [self._level(by_order[place]) for place in sorted(by_order)]
        if len(levels) == 1:
            return levels[0]
        flat: list[Strategy | str] = []
        for level in levels:
            is_list = isinstance(level, Strategy) and level.kind == "fallback"
            flat += level.members if is_list and isinstance(level, Strategy) else [level]
        return Strategy("fallback", tuple(flat))

    def _level(self, members: list[tuple[Deployment, Node]]) -> Strategy | str:
        names = tuple(made.name for made, _ in members)
        if len(names) == 1:
            return names[0]
        strategy = self._files.setting("router_settings", "routing_strategy")
        rule = _BY.get(str(strategy.value), "") if strategy is not None else ""
        shares = () if rule else self._shares(members)
        if not shares:
            return Strategy("balance", names, option=rule or "by round_robin")
        shared = split(names, shares)
        by_share = sorted(zip(shares, names, strict=True), key=lambda each: each[0] == 0)
        return Strategy("fallback", (shared, *(each for _, each in by_share if each != shared)))

    def _shares(self, members: list[tuple[Deployment, Node]]) -> tuple[float, ...]:
        """What each gets of the requests; nothing where all get the same.

        Source: LiteLLM's `simple_shuffle`: by `weight`, or else by `rpm`, or else by `tpm`, where any of a
        group has one; whoever has none gets nothing, as long as others are there.
        """
        for metric in ("weight", "rpm", "tpm"):
            nodes = [entry.get("litellm_params", metric) for _, entry in members]
            shares = tuple(weight(node) if node is not None else 0.0 for node in nodes)
            if max(shares) > 0:
                for node, (made, _) in zip(nodes, members, strict=True):
                    if node is not None and metric == "weight":
                        self._draft.overrule(Outcome.KEPT, node, "", made.remarks)
                is_even = len(set(shares)) == 1 and (metric != "weight" or shares[0] == 1)
                return () if is_even else shares
        return ()

    def _aliases(self) -> None:
        draft = self._draft
        aliases = self._files.setting("router_settings", "model_group_alias")
        for name, node in (aliases.entries if aliases is not None else {}).items():
            model = node.get("model") or node
            target = model.value if isinstance(model.value, str) else ""
            if target not in self._files.groups or not self._is_here(target):
                draft.lost(model, f"nothing here is called `{target}`")
            elif ANY in name:
                draft.lost(model, "an alias is one name, and a `*` here stands for others")
            elif name in self._files.groups:
                draft.lost(model, f"`{name}` is a model of its own")
            else:
                draft.routes.append(Route(name, self._files.called(target), (model,)))
                draft.kept(model)

    def _is_here(self, group: str) -> bool:
        """Whether anything answers under the name of a group."""
        return self._files.called(group) in self._draft.names_taken()


def _asked(fallback: Node) -> str:
    """The model that a fallback names, alone or beside parameters of its own; empty where it names none."""
    named = fallback.get("model") if fallback.entries else fallback
    return str(named.value) if named is not None and not named.entries and not named.items else ""


def _order(entry: Node) -> float:
    """In which turn a deployment of a group is asked; those that say nothing are last."""
    said = (entry.get(key, "order") for key in ("litellm_params", "model_info"))
    node = next((each for each in said if each is not None), None)
    return float(number(node)) if node is not None and isinstance(node.value, int) else _NO_ORDER
