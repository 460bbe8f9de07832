"""Rules as routes, and the keys of clients with their models, budgets and limits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from .....dsl.record import define
from ...budgets import budget
from ...draft import Block, Draft, Route
from ...foreign import Node
from ...literals import env
from ...secrets import variable_for
from ...strategy import Strategy, split
from ...tables import Unfit, is_false, number, span, weight
from .providers import secret

_RULE = "routes do not look into requests: give each case a name of its own"


@define(eq=False)
class Governance:
    """Puts rules and keys into the draft. made: the deployments by provider and model."""

    _draft: Draft
    _root: Node
    _made: Mapping[str, str]

    def put(self) -> None:
        for rule in self._governance("routing_rules"):
            self._rule(rule)
        for key in self._governance("virtual_keys"):
            self._virtual_key(key)

    def _governance(self, name: str) -> Iterator[Node]:
        node = self._root.get("governance", name)
        yield from node.items if node is not None else ()

    def _rule(self, rule: Node) -> None:
        draft = self._draft
        condition = rule.text("cel_expression") or ""
        match = re.fullmatch(r"""\s*(?:request\.)?model\s*==\s*(["'])([^"']+)\1\s*""", condition)
        targets = rule.get("targets")
        if match is None or targets is None or is_false(rule.get("enabled")):
            draft.lost(rule, _RULE)
            return
        members: list[tuple[str, float]] = []
        for target in targets.items:
            name = self._made.get(f"{target.text('provider')}/{target.text('model') or match[2]}")
            if name is None:
                draft.lost(target, "there is no such provider, or no such model of it, in this file")
                continue
            part = weight(target.get("weight"))
            members.append((name, part))
            draft.kept(target)
        backs: list[str] = []
        fallbacks = rule.get("fallbacks")
        for item in fallbacks.items if fallbacks is not None else ():
            name = self._made.get(str(item.value))
            if name is not None and name not in backs:
                backs.append(name)
        if not members:
            draft.lost(rule, _RULE)
            return
        first = split([name for name, _ in members], [part for _, part in members])
        strategy = Strategy("fallback", (first, *backs)) if backs else first
        route = Route(draft.free_name(match[2]), strategy, (rule,))
        draft.routes.append(route)
        if fallbacks is not None and len(backs) < len(fallbacks.items):
            draft.changed(fallbacks, "some of these are not in this file", route.remarks)
        draft.kept(rule.get("name"), rule.get("cel_expression"), fallbacks)
        for name in ("id", "enabled", "scope", "priority", "description"):
            draft.kept(rule.get(name))

    def _virtual_key(self, key: Node) -> None:
        draft = self._draft
        identity = key.text("id") or ""
        name = re.sub(r"\W+", "_", key.text("name") or identity or "key")
        if is_false(key.get("is_active")):
            draft.lost(key, "it is not active")
            return
        block = draft.gateway.block(f"key {name}")
        block.head = f"key {name}"
        value = key.get("value")
        variable = variable_for(name, "key")
        block.put("secret", secret(value, variable, draft) or env(variable), *([value] if value else []))
        draft.kept(value, key.get("id"), key.get("name"), key.get("is_active"))
        self._allowed(key, block)
        for entry in self._governance("budgets"):
            if entry.get("id") is not None and self._belongs(entry, key, "budget"):
                self._budget(entry, block)
        for entry in self._governance("rate_limits"):
            if self._belongs(entry, key, "rate_limit"):
                self._limits(entry, block)
                draft.kept(key.get("rate_limit_id"))

    def _belongs(self, entry: Node, key: Node, kind: str) -> bool:
        identity = entry.text("id")
        return identity is not None and (
            key.text(f"{kind}_id") == identity or (entry.text("virtual_key_id") or "") == key.text("id")
        )

    def _allowed(self, key: Node, block: Block) -> None:
        """The models that a key may ask for, as names and patterns."""
        draft = self._draft
        configs = key.get("provider_configs")
        allowed: list[object] = []
        nodes: list[Node] = []
        for config in configs.items if configs is not None else ():
            provider, models = config.text("provider") or "", config.get("allowed_models")
            named = [str(item.value) for item in models.items] if models is not None else ["*"]
            for model in named:
                allowed.append(f"{provider}/*" if model == "*" else f"{provider}/{model}")
            nodes += [each for each in (config.get("provider"), models) if each is not None]
            draft.kept(config.get("provider"), models)
            for other in ("key_ids", "weight", "id"):
                draft.lost(
                    config.get(other), "a key of clients says nothing of those of providers", block.remarks
                )
        if allowed:
            block.put("models", allowed, *nodes)

    def _budget(self, entry: Node, block: Block) -> None:
        budget(block, entry.get("max_limit"), entry.get("reset_duration"), self._draft)
        if "budget" in block.items:
            self._draft.kept(entry.get("id"), entry.get("virtual_key_id"))

    def _limits(self, entry: Node, block: Block) -> None:
        draft = self._draft
        for kind, ours in (("request", "requests_per_minute"), ("token", "tokens_per_minute")):
            most, period = entry.get(f"{kind}_max_limit"), entry.get(f"{kind}_reset_duration")
            if most is None:
                continue
            try:
                if period is None or float(span(period)) != 60:
                    raise Unfit("limits of keys count minutes")
                block.put(f"rate_limits.{ours}", number(most), most, period)
                draft.kept(most, period)
            except Unfit as unfit:
                for node in (most, period):
                    draft.lost(node, str(unfit), block.remarks)
        draft.kept(entry.get("id"))
