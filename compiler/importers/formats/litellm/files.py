"""LiteLLM's `config.yaml`: groups of models with one name, and what its router does with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from attrs import define, field

from .....dsl.units import Duration
from ...budgets import budget
from ...draft import Block, Constant, Deployment, Draft, Route, Strategy
from ...foreign import ImportFailed, Node
from ...literals import Code
from ...origin import Origin
from ...providers import COMPATIBLE
from ...report import Outcome
from ...requests import cache
from ...tables import (
    Unfit,
    follow,
    mebibytes,
    number,
    positive,
    seconds,
    weight,
    whole,
)
from ...yaml_file import read_yaml
from .elsewhere import ELSEWHERE
from .models import deployment_of
from .parameters import IN_ALL
from .targets import Surroundings

_KEPT_FOR = Duration(600)
"""How long LiteLLM keeps an answer in memory where the file does not say."""

_BY: dict[str, str] = {
    "simple-shuffle": "",
    "least-busy": "by least_busy",
    "usage-based-routing": "by usage",
    "usage-based-routing-v2": "by usage",
    "latency-based-routing": "by least_latency",
    "cost-based-routing": "by least_cost",
}


def recognises(root: Node) -> bool:
    """Whether this is a file of LiteLLM's proxy."""
    return any(
        key in root.entries for key in ("model_list", "router_settings", "litellm_settings", "include")
    )


def read(root: Node, draft: Draft, origin: Origin) -> None:
    """Put a whole file into the draft."""
    _Reading(draft, root, origin).read()


@define(eq=False)
class _Group:
    """The deployments that share a name."""

    name: str
    members: list[Deployment] = field(factory=list)
    entries: list[Node] = field(factory=list)


class _Reading:
    def __init__(self, draft: Draft, root: Node, origin: Origin) -> None:
        self._draft = draft
        self._roots = [root, *self._included(root, origin)]
        self._groups: dict[str, _Group] = {}
        self._constants: dict[str, Constant] = {}

    def read(self) -> None:
        draft = self._draft
        for root in self._roots:
            draft.report.form(*(node for key, node in root.entries.items() if key.startswith("x-")))
        around = self._surroundings()
        for entry in self._all("model_list"):
            self._entry(entry, around)
        self._name()
        self._shared()
        self._routes()
        self._gateway(around)
        for root in self._roots:
            follow(ELSEWHERE, root, draft, Block(remarks=draft.remarks))

    def _included(self, root: Node, origin: Origin) -> list[Node]:
        node = root.get("include")
        if node is None:
            return []
        found = [self._included_file(str(item.value), item, origin) for item in node.items]
        self._draft.kept(node)
        for each in found:
            self._draft.report.add_root(each)
        return found

    def _included_file(self, written: str, node: Node, origin: Origin) -> Node:
        def read(text: str) -> Node:
            documents = read_yaml(text, f"{written}#")
            if len(documents) != 1:
                raise ImportFailed("it holds no settings")
            return documents[0]

        return origin.include(written, node, read)

    def _setting(self, *path: str) -> Node | None:
        """A setting, in whichever of the files it stands."""
        found = [root.get(*path) for root in self._roots]
        return next((node for node in found if node is not None and node.value is not None), None)

    def _all(self, *path: str) -> Iterator[Node]:
        for root in self._roots:
            node = root.get(*path)
            if node is not None:
                yield from node.items

    def _surroundings(self) -> Surroundings:
        credentials: dict[str, Node] = {}
        for item in self._all("credential_list"):
            values, name = item.get("credential_values"), item.get("credential_name")
            if values is not None and name is not None:
                credentials[str(name.value)] = values
        variables = self._setting("environment_variables")
        return Surroundings(credentials, variables.entries if variables is not None else {})

    def _entry(self, entry: Node, around: Surroundings) -> None:
        name = entry.get("model_name")
        if name is None or not isinstance(name.value, str) or not name.value.strip():
            self._draft.lost(entry, "it has no `model_name`")
            return
        made = deployment_of(entry, name.value, around, self._draft)
        group = self._groups.setdefault(name.value, _Group(name.value))
        if made is None:
            return
        for item in self._all("credential_list"):
            params = entry.get("litellm_params", "litellm_credential_name")
            if params is not None and item.text("credential_name") == params.value:
                self._draft.kept(item.get("credential_name"))
                about = item.get("credential_info")
                if about is not None:
                    self._draft.lost(about, "a credential has no description here", made.remarks)
        group.members.append(made)
        group.entries.append(entry)

    # ---- names

    def _name(self) -> None:
        """Deployments are called like their group, where nothing else must be."""
        for group in self._groups.values():
            alone = len(group.members) == 1 and not self._fallbacks(group.name)
            for place, (made, entry) in enumerate(zip(group.members, group.entries, strict=True), 1):
                identity = entry.get("model_info", "id")
                if alone:
                    wanted = _plain_name(group.name)
                elif (
                    identity is not None
                    and isinstance(identity.value, str)
                    and identity.value not in self._groups
                ):
                    wanted = identity.value
                else:
                    label = made.label_of("runtime").replace(COMPATIBLE, "server")
                    same = [
                        each for each in group.members if each.label_of("runtime") == made.label_of("runtime")
                    ]
                    wanted = f"{_plain_name(group.name)}-{label if len(same) == 1 else place}"
                made.name = self._draft.free_name(wanted)
                if identity is not None and made.name == identity.value:
                    self._draft.overrule(Outcome.KEPT, identity, "", made.remarks)
                elif identity is not None:
                    says = f"the deployment is called `{made.name}`"
                    self._draft.overrule(Outcome.LOST, identity, says, made.remarks)
                if "*" in group.name and group.name.removesuffix("/*") != made.name:
                    name = entry.get("model_name")
                    if name is not None:
                        says = f"clients ask for `{made.name}/…`"
                        self._draft.overrule(Outcome.CHANGED, name, says, made.remarks)
                self._draft.deployments.append(made)

    # ---- what the file says once for all

    def _shared(self) -> None:
        draft = self._draft
        timeout = self._one_of(("router_settings", "timeout"), ("litellm_settings", "request_timeout"))
        self._everywhere("default_timeout", timeout, seconds, ("timeouts.total", "timeouts.request"), IN_ALL)
        streamed = self._setting("router_settings", "stream_timeout")
        self._everywhere(
            "default_pause", streamed, seconds, ("timeouts.read",), "here between two pieces of any answer"
        )
        retries = self._one_of(("router_settings", "num_retries"), ("litellm_settings", "num_retries"))
        self._everywhere("default_retries", retries, whole, ("retry.max_retries",))
        wait = self._setting("router_settings", "retry_after")
        self._everywhere("default_backoff", wait, seconds, ("retry.initial_backoff",))
        fails = self._one_of(("router_settings", "allowed_fails"), ("litellm_settings", "allowed_fails"))
        self._everywhere(
            "default_failures",
            fails,
            lambda node: whole(node) + 1,
            ("circuit_breaker.failure_threshold",),
            "here failures in a row; in LiteLLM more than these in a minute",
        )
        rest = self._one_of(("router_settings", "cooldown_time"), ("litellm_settings", "cooldown_time"))
        self._everywhere("default_cooldown", rest, seconds, ("circuit_breaker.open_duration",))
        most = self._setting("general_settings", "max_parallel_requests")
        self._everywhere("default_concurrent", most, positive, ("serving.max_concurrent",))
        drop = self._setting("litellm_settings", "drop_params")
        if drop is not None:
            for made in self._chats() if drop.value is True else ():
                if not made.has("request.unsupported"):
                    made.put("request.unsupported", Code("drop"), drop)
            draft.kept(drop)
        self._cache()

    def _one_of(self, *paths: tuple[str, str]) -> Node | None:
        """The first of several settings that is there; the others count for nothing."""
        found = [node for path in paths if (node := self._setting(*path)) is not None]
        for other in found[1:]:
            self._draft.lost(other, f"{found[0].path} goes first")
        return found[0] if found else None

    def _everywhere(
        self,
        name: str,
        node: Node | None,
        read: Callable[[Node], object],
        paths: Iterable[str],
        changed: str = "",
    ) -> None:
        """A setting of all deployments that say nothing else: a `let`, and its name where it counts."""
        if node is None:
            return
        draft = self._draft
        try:
            value = read(node)
        except Unfit as unfit:
            draft.lost(node, str(unfit))
            return
        constant = Constant(name, value)
        is_used = False
        for made in self._groups_members():
            for path in paths:
                full = path if path.startswith("serving") else f"runtime.{path}"
                if not made.has(full):
                    made.put(full, Code(name), node)
                    is_used = True
        if not is_used:
            draft.lost(node, "every model says its own")
            return
        if changed:
            draft.changed(node, changed, constant.remarks)
        else:
            draft.kept(node)
        draft.constants.append(constant)

    def _groups_members(self) -> list[Deployment]:
        return [made for group in self._groups.values() for made in group.members]

    def _chats(self) -> list[Deployment]:
        return [made for made in self._groups_members() if "task" not in made.items]

    def _cache(self) -> None:
        switch = self._setting("litellm_settings", "cache")
        lasts = self._setting("litellm_settings", "cache_params", "ttl")
        if switch is None or switch.value is not True:
            self._draft.kept(switch)
            return
        try:
            time = seconds(lasts) if lasts is not None else _KEPT_FOR
        except Unfit as unfit:
            self._draft.lost(lasts, str(unfit))
            return
        for made in self._groups_members():
            kind = made.label_of("task")
            if kind in ("", "embed"):
                cache(made, time, *((switch, lasts) if lasts is not None else (switch,)))
        self._draft.kept(switch, lasts)

    # ---- routes

    def _fallbacks(self, group: str) -> list[tuple[str, Node]]:
        """The groups that are asked when `group` fails, in order, with the settings that say so."""
        out: list[tuple[str, Node]] = []
        for section in ("router_settings", "litellm_settings"):
            for rule in self._all(section, "fallbacks"):
                for name, targets in rule.entries.items():
                    if name in (group, "*"):
                        out += [(str(item.value), targets) for item in targets.items]
        if not out:
            for section in ("router_settings", "litellm_settings"):
                node = self._setting(section, "default_fallbacks")
                if node is not None:
                    out += [(str(item.value), node) for item in node.items if item.value != group]
        return out

    def _chain(self, group: str) -> list[str]:
        """The groups that stand behind one, with what stands behind those, each once."""
        chain: list[str] = []

        def follow_on(name: str, depth: int) -> None:
            for target, _ in self._fallbacks(name):
                if target in chain or target == group or target not in self._groups:
                    continue
                if self._groups[target].members:
                    chain.append(target)
                if depth < 5:
                    follow_on(target, depth + 1)

        follow_on(group, 1)
        return chain

    def _routes(self) -> None:
        draft = self._draft
        choice = self._strategy_setting()
        for group in self._groups.values():
            said = self._fallbacks(group.name)
            chain = self._chain(group.name)
            others = [self._members(self._groups[each]) for each in chain]
            if (not said and len(group.members) == 1) or not (group.members or others):
                continue
            base = self._members(group) if group.members else ""
            first = base.members if isinstance(base, Strategy) and base.kind == "fallback" else (base,)
            every = (*first, *others) if group.members else tuple(others)
            strategy = (
                Strategy("fallback", every) if chain and len(every) > 1 else every[0] if others else base
            )
            entries = [node for entry in group.entries if (node := entry.get("model_name")) is not None]
            targets = list(dict.fromkeys(node for _, node in said))
            route = Route(_plain_name(group.name), strategy, (*entries, *targets))
            has_rule = isinstance(base, Strategy) and bool(base.option)
            route.choice = (choice,) if choice is not None and has_rule else ()
            draft.routes.append(route)
            self._speak_of(said, group, route)
        self._aliases()
        for section in ("router_settings", "litellm_settings"):
            for rule in self._all(section, "fallbacks"):
                for name, node in rule.entries.items():
                    if not draft.report.is_marked(node):
                        draft.lost(node, f"nothing here is called `{name}`")

    def _speak_of(self, said: list[tuple[str, Node]], group: _Group, route: Route) -> None:
        """Say what became of the settings that name what stands behind a group."""
        draft = self._draft
        for node in dict.fromkeys(node for _, node in said):
            targets = dict.fromkeys(target for target, each in said if each is node)
            gone = [each for each in targets if each not in self._groups or not self._groups[each].members]
            if gone:
                says = f"nothing here is called {', '.join(f'`{each}`' for each in gone)}"
                outcome = Outcome.LOST if len(gone) == len(targets) else Outcome.CHANGED
                draft.overrule(outcome, node, says, route.remarks)
            elif not group.members:
                draft.changed(node, f"`{group.name}` itself is not here: these answer alone", route.remarks)
            else:
                draft.kept(node)

    def _strategy_setting(self) -> Node | None:
        node = self._setting("router_settings", "routing_strategy")
        if node is None:
            return None
        pooled = any(len(group.members) > 1 for group in self._groups.values())
        if str(node.value) not in _BY:
            self._draft.lost(node, "`balance` has no such rule: write a route for each group")
            return None
        if node.value == "simple-shuffle" and pooled:
            self._draft.changed(node, "here one after the other, or by the shares that the file names")
        else:
            self._draft.kept(node)
        return node

    def _members(self, group: _Group) -> Strategy | str:
        """The deployments of a group as one: by shares, in order, or balanced."""
        by_order: dict[float, list[tuple[Deployment, Node]]] = {}
        for made, entry in zip(group.members, group.entries, strict=True):
            order = entry.get("litellm_params", "order")
            place = float(number(order)) if order is not None and isinstance(order.value, int) else 1.0
            by_order.setdefault(place, []).append((made, entry))
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
        strategy = self._setting("router_settings", "routing_strategy")
        rule = _BY.get(str(strategy.value), "") if strategy is not None else ""
        weights = [entry.get("litellm_params", "weight") for _, entry in members]
        shares = [weight(node) for node in weights if node is not None]
        if not rule and len(shares) == len(names) and min(shares) > 0:
            for node, (made, _) in zip(weights, members, strict=True):
                if node is not None:
                    self._draft.overrule(Outcome.KEPT, node, "", made.remarks)
            return Strategy("fallback", (Strategy("split", names, tuple(shares)), *names))
        return Strategy("balance", names, option=rule or "by round_robin")

    def _aliases(self) -> None:
        draft = self._draft
        aliases = self._setting("router_settings", "model_group_alias")
        for name, node in (aliases.entries if aliases is not None else {}).items():
            model = node.get("model") or node
            target = model.value if isinstance(model.value, str) else ""
            if target not in self._groups or not self._is_here(target):
                draft.lost(model, f"nothing here is called `{target}`")
            elif name in self._groups:
                draft.lost(model, f"`{name}` is a model of its own")
            else:
                draft.routes.append(Route(name, _plain_name(target), (model,)))
                draft.kept(model)

    def _is_here(self, group: str) -> bool:
        """Whether anything answers under the name of a group."""
        name = _plain_name(group)
        draft = self._draft
        return name in {each.name for each in draft.deployments} | {each.name for each in draft.routes}

    # ---- the gateway

    def _gateway(self, around: Surroundings) -> None:
        draft, gateway = self._draft, self._draft.gateway
        key = self._setting("general_settings", "master_key")
        if key is not None:
            secret = around.secret(key, "LITELLM_MASTER_KEY", draft, gateway)
            gateway.put("auth", Code(f"bearer({secret})"), key)
        size = self._setting("general_settings", "max_request_size_mb")
        if size is not None:
            try:
                gateway.put("max_body", mebibytes(size), size)
                draft.kept(size)
            except Unfit as unfit:
                draft.lost(size, str(unfit))
        ceiling = self._setting("litellm_settings", "max_budget")
        budget(gateway, ceiling, self._setting("litellm_settings", "budget_duration"), draft)


def _plain_name(name: str) -> str:
    """The name of a group as one of the language: `openrouter/*` is `openrouter`."""
    return name.removesuffix("*").rstrip("/") or "any"
