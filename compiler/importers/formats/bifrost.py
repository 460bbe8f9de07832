"""Bifrost's `config.json`: providers with keys, rules that route, and keys of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import define, field

from ..budgets import budget
from ..draft import Block, Deployment, Draft, Route, Strategy, split
from ..foreign import Node
from ..literals import Code, env
from ..origin import Origin
from ..providers import COMPATIBLE, aim_at, expected_key
from ..requests import header
from ..secrets import left_out, variable_for
from ..tables import (
    Kept,
    Lost,
    Table,
    To,
    Unfit,
    follow,
    mebibytes,
    milliseconds,
    number,
    positive,
    seconds,
    share,
    span,
    texts,
    weight,
    whole,
)

_NOWHERE = "inferc has no runtime for this provider: leave it to Bifrost, `runtime openai_compatible`"
_RULE = "routes do not look into requests: give each case a name of its own"
_STORE = "inferc keeps nothing in a database: `inferc run --state` says where spend and limits are kept"
_LOGS = "inferc logs no requests: it has metrics at `/metrics`"
_PLUGINS = "there is no such plug-in here: a proxy in front, or a pipeline, may do it"

_AZURE = re.compile(r"https://([a-z0-9-]+)\.openai\.azure\.com/?")

_NETWORK: Table = {
    "default_request_timeout_in_seconds": To(
        "runtime.timeouts.total", seconds, "here from sending to the last byte"
    ),
    "max_retries": To("runtime.retry.max_retries", whole),
    "retry_backoff_initial": To("runtime.retry.initial_backoff", milliseconds),
    "retry_backoff_max": To("runtime.retry.max_backoff", milliseconds),
    "extra_headers.*": header,
    "stream_idle_timeout_in_seconds": To("runtime.timeouts.read", seconds),
    "insecure_skip_verify": Lost("certificates are always checked: add yours to those of the system"),
    "ca_cert_pem": Lost("add the certificate to those of the system"),
}

_PROVIDER: Table = {
    "concurrency_and_buffer_size.concurrency": To("serving.max_concurrent", positive),
    "concurrency_and_buffer_size.buffer_size": Lost("a queue has no length of its own here"),
    "custom_provider_config.allowed_requests.**": Lost("what may be asked is the `task` of a deployment"),
    "proxy_config.**": Lost("set HTTPS_PROXY in the environment"),
    "send_back_raw_request": Lost("answers come as the provider gave them"),
    "send_back_raw_response": Lost("answers come as the provider gave them"),
}

_TOP: Table = {
    "$schema": Kept(),
    "version": Kept(),
    "client.initial_pool_size": Lost("connections are opened as they are needed"),
    "client.enable_logging": Lost(_LOGS),
    "client.disable_content_logging": Lost(_LOGS),
    "client.log_retention_days": Lost(_LOGS),
    "client.allowed_origins": To("cors.origins", texts),
    "client.max_request_body_size_mb": To("max_body", mebibytes),
    "client.enforce_governance_header": Kept(),
    "client.enforce_auth_on_inference": Kept(),
    "client.prometheus_labels": Lost("labels of metrics are those of the documentation"),
    "encryption_key": Lost("nothing is stored that would be encrypted"),
    "config_store.**": Lost(_STORE),
    "logs_store.**": Lost(_STORE),
    "vector_store.**": Lost("inferc has no vector store"),
    "plugins": Lost(_PLUGINS),
    "mcp.**": Lost("inferc calls no tools by itself: clients and agents do"),
    "governance.customers": Lost("`gateway { key name { labels { … } } }` says whose key it is"),
    "governance.teams": Lost("`gateway { key name { labels { … } } }` says whose key it is"),
}


def recognises(root: Node) -> bool:
    """Whether this is a configuration of Bifrost."""
    providers = root.get("providers")
    return providers is not None and any("keys" in each.entries for each in providers.entries.values())


def read(root: Node, draft: Draft, origin: Origin) -> None:
    """Put a whole file into the draft."""
    draft.report.form(root.get("$schema"))
    _Reading(draft, root).read()


@define(eq=False)
class _Key:
    node: Node
    models: list[str]
    secret: Code | None
    weight: float = 1.0


@define(eq=False)
class _Reading:
    _draft: Draft
    _root: Node
    _made: dict[str, str] = field(factory=dict)

    def read(self) -> None:
        providers = self._root.get("providers")
        for name, node in (providers.entries if providers is not None else {}).items():
            self._provider(name, node)
        self._client()
        for rule in self._governance("routing_rules"):
            self._rule(rule)
        for key in self._governance("virtual_keys"):
            self._virtual_key(key)
        follow(_TOP, self._root, self._draft, self._draft.gateway)

    def _governance(self, name: str) -> Iterator[Node]:
        node = self._root.get("governance", name)
        yield from node.items if node is not None else ()

    # ---- providers

    def _provider(self, name: str, node: Node) -> None:
        draft = self._draft
        keys = node.get("keys")
        found = [self._key(name, item) for item in (keys.items if keys is not None else ())]
        models = list(dict.fromkeys(model for key in found for model in key.models)) or ["*"]
        made = [self._deployment(name, model, node, found) for model in models]
        here = [each for each in made if each is not None]
        if not here:
            draft.lost(node, _NOWHERE)
            return
        for key in found:
            identity, models_node = key.node.get("name"), key.node.get("models")
            draft.kept(key.node.get("value"), models_node)
            draft.lost(identity, "keys have no names of their own", here[0].remarks)
            self._weights(found, key, here[0])
        network = node.get("network_config")
        if network is not None:
            share(_NETWORK, network, draft, here)
        share(_PROVIDER, node, draft, here)
        for deployment in here:
            total = deployment.value("runtime.timeouts.total")
            if total is not None:
                deployment.put("runtime.timeouts.request", total)

    def _weights(self, keys: list[_Key], key: _Key, deployment: Deployment) -> None:
        node = key.node.get("weight")
        if node is not None and len(keys) > 1 and len({each.weight for each in keys}) > 1:
            says = "each key has as many requests at once as the others"
            self._draft.changed(node, says, deployment.remarks)
        else:
            self._draft.kept(node)

    def _key(self, provider: str, node: Node) -> _Key:
        listed = node.get("models")
        models = [str(item.value) for item in listed.items] if listed is not None else []
        value = node.get("value")
        return _Key(
            node, models, self._secret(value, variable_for(provider, "api_key")), weight(node.get("weight"))
        )

    def _secret(self, node: Node | None, variable: str) -> Code | None:
        """`env.NAME`, or the object that stands for it; a key itself is left out."""
        if node is None:
            return None
        named = node.text("env_var")
        written = str(node.value) if isinstance(node.value, str) else ""
        if named or written.startswith("env."):
            return env((named or written).removeprefix("env."))
        if not node.entries and not written:
            return None
        return left_out(self._draft, node, variable, Block(remarks=self._draft.remarks))

    def _deployment(self, provider: str, model: str, node: Node, keys: list[_Key]) -> Deployment | None:
        draft = self._draft
        called = provider if model == "*" else f"{provider}/{model}"
        made = Deployment(name=draft.free_name(called), nodes=(node,))
        base = node.get("custom_provider_config", "base_provider_type")
        theirs = str(base.value) if base is not None else provider
        url = node.get("network_config", "base_url")
        mine = [key for key in keys if model in key.models or "*" in key.models or not key.models]
        first = mine[0] if mine else None
        if first is not None and first.node.get("azure_key_config") is not None:
            self._azure(made, model, first.node)
        elif first is not None and first.node.get("vertex_key_config") is not None:
            if not self._vertex(made, model, first.node):
                return None
        elif not aim_at(made, theirs, model, self._address(url, theirs)):
            return None
        if model == "*" and made.label_of("runtime") not in ("gemini", "anthropic"):
            made.put("model", "*" if made.label_of("runtime") == COMPATIBLE else f"{theirs}/*")
        draft.kept(url, base)
        secrets = [key.secret for key in mine if key.secret is not None]
        nodes = [value for key in mine if (value := key.node.get("value")) is not None]
        if len(secrets) == 1:
            made.put("runtime.api_key", secrets[0], *nodes)
        elif secrets:
            made.put("runtime.api_key", secrets, *nodes)
            made.put("replicas", len(secrets))
        expected_key(made, theirs)
        draft.deployments.append(made)
        self._made[f"{provider}/{model}"] = made.name
        return made

    def _address(self, url: Node | None, provider: str) -> str | None:
        """Bifrost puts the path of OpenAI's API behind the address itself."""
        if url is None:
            return None
        address = str(url.value).rstrip("/")
        return address if provider in ("anthropic", "gemini") or address.endswith("/v1") else f"{address}/v1"

    def _azure(self, made: Deployment, model: str, key: Node) -> None:
        draft, config = self._draft, key.get("azure_key_config")
        assert config is not None
        endpoint, version = config.get("endpoint"), config.get("api_version")
        deployments = config.get("deployments")
        named = deployments.get(model) if deployments is not None else None
        host = _AZURE.fullmatch(str(endpoint.value)) if endpoint is not None else None
        own = [named] if named is not None else []
        made.put("model", model)
        if host is not None and endpoint is not None:
            block = made.runtime("openai")
            block.put("azure_resource", host[1], endpoint)
            block.put("azure_deployment", str(named.value) if named is not None else model, *own)
            if version is not None:
                block.put("api_version", str(version.value), version)
            draft.kept(endpoint, version, named)
        else:
            block = made.runtime("azure")
            made.put("model", str(named.value) if named is not None else model, *own)
            if endpoint is not None:
                block.put("endpoint", str(endpoint.value).rstrip("/") + "/openai/v1", endpoint)
            draft.kept(endpoint, named)
            draft.changed(version, "here by Azure's v1 API, which has no dated versions", made.remarks)

    def _vertex(self, made: Deployment, model: str, key: Node) -> bool:
        config = key.get("vertex_key_config")
        if config is None or not model.startswith("gemini"):
            return False
        made.put("model", model)
        block = made.runtime("gemini")
        for theirs, ours in (("project_id", "project"), ("region", "region")):
            if (node := config.get(theirs)) is not None:
                block.put(ours, self._text(node), node)
                self._draft.kept(node)
        account = config.get("auth_credentials")
        if (secret := self._secret(account, "VERTEX_CREDENTIALS")) is not None and account is not None:
            block.put("credentials", secret, account)
            self._draft.kept(account)
        return True

    def _text(self, node: Node) -> object:
        written = str(node.value)
        return env(written.removeprefix("env.")) if written.startswith("env.") else written

    # ---- the client, rules and keys

    def _client(self) -> None:
        draft = self._draft
        drop = self._root.get("client", "drop_excess_requests")
        params = self._root.get("client", "compat", "should_drop_params")
        for made in draft.deployments:
            if drop is not None and drop.value is True:
                made.put("serving.on_capacity_exhausted", Code("reject"), drop)
            if params is not None and params.value is True:
                made.put("request.unsupported", Code("drop"), params)
        draft.kept(drop, params)

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
        block.put("secret", self._secret(value, variable) or env(variable), *([value] if value else []))
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


def is_false(node: Node | None) -> bool:
    """Whether a setting is there, and `false`."""
    return node is not None and node.value is False
