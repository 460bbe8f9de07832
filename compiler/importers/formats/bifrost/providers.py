"""Providers with their keys: a deployment for each of their models."""

from __future__ import annotations

from attrs import field

from .....dsl.record import define
from ...bedrock import aim_at_bedrock
from ...draft import Block, Deployment, Draft, Route
from ...foreign import Node
from ...literals import Code, env
from ...providers import ANY_OF_VERTEX, COMPATIBLE, aim_at, azure_address, expected_key
from ...requests import header
from ...secrets import left_out, variable_for
from ...strategy import Strategy
from ...tables import Lost, Table, To, is_false, milliseconds, positive, seconds, share, weight, whole

_NOWHERE = "inferc has no runtime for this provider: leave it to Bifrost, `runtime openai_compatible`"
_OFF = "it is switched off"
_EMPTY = "all models, as in Bifrost 1.4; since 1.5, an empty list is none, where `version` is not 1"
_AZURE = "Azure is asked with a key here: put it into the variable of `api_key`"
_AWS = {
    "region": "region",
    "access_key_id": "access_key",
    "secret_access_key": "secret_key",
    "session_token": "session_token",
}
_CHAT = "/chat/completions"

_NETWORK: Table = {
    "default_request_timeout_in_seconds": To(
        "runtime.timeouts.total", seconds, "here from sending to the last byte"
    ),
    "max_retries": To("runtime.retry.max_retries", whole),
    "retry_backoff_initial": To("runtime.retry.initial_backoff", milliseconds),
    "retry_backoff_max": To("runtime.retry.max_backoff", milliseconds),
    "retry_backoff_initial_ms": To("runtime.retry.initial_backoff", milliseconds),
    "retry_backoff_max_ms": To("runtime.retry.max_backoff", milliseconds),
    "extra_headers.*": header,
    "stream_idle_timeout_in_seconds": To("runtime.timeouts.read", seconds),
    "insecure_skip_verify": Lost(
        "certificates are always checked: `tls { ca = file(…) }` of a runtime names your own"
    ),
    "ca_cert_pem": Lost("write it to a file: `tls { ca = file(…) }`"),
}

_PROVIDER: Table = {
    "concurrency_and_buffer_size.concurrency": To("serving.max_concurrent", positive),
    "concurrency_and_buffer_size.buffer_size": Lost("a queue has no length of its own here"),
    "custom_provider_config.request_path_overrides.*": Lost(
        "an operation has OpenAI's path, below `endpoint`"
    ),
    "custom_provider_config.allowed_requests.**": Lost("what may be asked is the `task` of a deployment"),
    **{
        f"keys.*.azure_key_config.{each}": Lost(_AZURE)
        for each in ("client_id", "client_secret", "tenant_id", "scopes")
    },
    "keys.*.blacklisted_models": Lost("`models` of a key name what it is for, and nothing else is"),
    "keys.*.use_for_batch_api": Lost("inferc asks no batches"),
    "proxy_config.**": Lost("`proxy = …` of a runtime names it, `proxy_login` what it wants to know"),
    "send_back_raw_request": Lost("answers come as the provider gave them"),
    "send_back_raw_response": Lost("answers come as the provider gave them"),
}


@define(eq=False)
class _Key:
    node: Node
    models: list[str]
    secret: Code | None
    weight: float = 1.0


@define(eq=False)
class Providers:
    """Puts providers into the draft. made: the deployments by provider and model."""

    _draft: Draft
    _is_old: bool = False
    made: dict[str, str] = field(factory=dict)

    def put(self, name: str, node: Node) -> None:
        draft = self._draft
        keys, before = node.get("keys"), draft.said()
        listed = keys.items if keys is not None else ()
        found = [self._key(name, item) for item in listed if not is_false(item.get("enabled"))]
        if listed and not found:
            draft.lost(node, _OFF)
            return
        models = list(dict.fromkeys(model for key in found for model in key.models)) or ["*"]
        made = [each for model in models for each in self._deployments(name, model, node, found)]
        here = [each for each in made if each is not None]
        if not here:
            draft.lost_whole(node, _NOWHERE, before)
            return
        for key in found:
            identity, models_node = key.node.get("name"), key.node.get("models")
            if models_node is not None and models_node.value == [] and not self._is_old:
                draft.changed(models_node, _EMPTY, here[0].remarks)
            draft.kept(key.node.get("value"), models_node, key.node.get("enabled"))
            draft.lost(identity, "keys have no names of their own", here[0].remarks)
            self._weights(found, key, here[0])
        for item in listed:
            if is_false(item.get("enabled")):
                draft.lost(item, _OFF, here[0].remarks)
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
        aliases = node.get("aliases")
        if aliases is not None:
            models = list(dict.fromkeys([*(models or ["*"]), *aliases.entries]))
        value = node.get("value")
        return _Key(
            node,
            models,
            secret(value, variable_for(provider, "api_key"), self._draft),
            weight(node.get("weight")),
        )

    def _deployments(
        self, provider: str, model: str, node: Node, keys: list[_Key]
    ) -> list[Deployment | None]:
        """One for the keys of each address, and a route over them where there are several."""
        places: dict[tuple[object, ...], list[_Key]] = {}
        for key in keys:
            if model in key.models or "*" in key.models or not key.models:
                named = _named(key.node, model)
                place = (*_place(key.node), named.value if named is not None else None)
                places.setdefault(place, []).append(key)
        called = provider if model == "*" else f"{provider}/{model}"
        if len(places) < 2:
            return [self._deployment(called, provider, model, node, [*places.values(), []][0])]
        made = [
            self._deployment(f"{called}-{number}", provider, model, node, mine)
            for number, mine in enumerate(places.values(), 1)
        ]
        members = tuple(each.name for each in made if each is not None)
        if len(members) > 1:
            route = Route(self._draft.free_name(called), Strategy("balance", members))
            self._draft.routes.append(route)
            self.made[f"{provider}/{model}"] = route.name
        return [*made]

    def _deployment(
        self, called: str, provider: str, model: str, node: Node, mine: list[_Key]
    ) -> Deployment | None:
        draft = self._draft
        made = Deployment(name=draft.free_name(called), nodes=(node,))
        base = node.get("custom_provider_config", "base_provider_type")
        theirs = str(base.value) if base is not None else provider
        url = node.get("network_config", "base_url")
        first = mine[0] if mine else None
        named = _named(first.node, model) if first is not None else None
        asked = str(named.value) if named is not None else model
        if first is not None and first.node.get("azure_key_config") is not None:
            self._azure(made, model, first.node, named)
        elif first is not None and first.node.get("vertex_key_config") is not None:
            if not self._vertex(made, asked, first.node):
                return None
        elif first is not None and first.node.get("bedrock_key_config") is not None:
            if not self._bedrock(made, asked, first.node):
                return None
        elif not aim_at(made, theirs, asked, self._address(url, theirs, node)):
            return None
        draft.kept(*(each for key in mine if (each := _named(key.node, model)) is not None))
        if model == "*" and made.label_of("runtime") != "gemini":
            made.put("model", "*" if made.label_of("runtime") == COMPATIBLE else f"{theirs}/*")
        draft.kept(url, base)
        secrets = [key.secret for key in mine if key.secret is not None]
        nodes = [value for key in mine if (value := key.node.get("value")) is not None]
        if len(secrets) == 1:
            made.put("runtime.api_key", secrets[0], *nodes)
        elif secrets:
            made.put("runtime.api_key", secrets, *nodes)
            made.put("replicas", len(secrets))
        if made.label_of("runtime") != "bedrock":
            expected_key(draft, made, theirs, url=url)
        draft.deployments.append(made)
        self.made[f"{provider}/{model}"] = made.name
        return made

    def _address(self, url: Node | None, provider: str, node: Node) -> str | None:
        """Bifrost puts the path of OpenAI's API behind the address itself, or the one that the file says."""
        if url is None:
            return None
        address = str(url.value).rstrip("/")
        paths = node.get("custom_provider_config", "request_path_overrides")
        own = paths.text("chat_completion") if paths is not None else None
        if paths is not None and own is not None and own.startswith("/") and own.endswith(_CHAT):
            self._draft.kept(*(each for each in paths.entries.values() if each.value == own))
            return address + own.removesuffix(_CHAT)
        return address if provider in ("anthropic", "gemini") or address.endswith("/v1") else f"{address}/v1"

    def _azure(self, made: Deployment, model: str, key: Node, named: Node | None) -> None:
        draft, config = self._draft, key.get("azure_key_config")
        assert config is not None
        endpoint, version = config.get("endpoint"), config.get("api_version")
        address = self._text(endpoint) if endpoint is not None else None
        host = azure_address(str(address)) if address is not None else None
        own = [named] if named is not None else []
        made.put("model", model)
        if host is not None and host[1:] == (None, None) and endpoint is not None and model != "*":
            block = made.runtime("openai")
            block.put("azure_resource", host[0], endpoint)
            block.put("azure_deployment", str(named.value) if named is not None else model, *own)
            if version is not None:
                block.put("api_version", str(version.value), version)
            draft.kept(endpoint, version, named)
        else:
            block = made.runtime("azure")
            made.put("model", str(named.value) if named is not None else model, *own)
            if endpoint is not None and isinstance(address, Code):
                block.put("endpoint", draft.behind(address, "/openai/v1"), endpoint)
            elif endpoint is not None:
                block.put("endpoint", str(address).rstrip("/") + "/openai/v1", endpoint)
            draft.kept(endpoint, named)
            draft.changed(version, "here by Azure's v1 API, which has no dated versions", made.remarks)

    def _vertex(self, made: Deployment, model: str, key: Node) -> bool:
        config = key.get("vertex_key_config")
        model = model.removeprefix("google/").removeprefix("anthropic/")
        if config is None or not model.startswith(("gemini", "claude", "*")):
            return False
        if model == "*":
            self._draft.changed(key.get("models"), ANY_OF_VERTEX, made.remarks)
        made.put("model", model)
        block = made.runtime("anthropic" if model.startswith("claude") else "gemini")
        for theirs, ours in (("project_id", "project"), ("region", "region")):
            if (node := config.get(theirs)) is not None:
                block.put(ours, self._text(node), node)
                self._draft.kept(node)
        account = config.get("auth_credentials")
        if (found := secret(account, "VERTEX_CREDENTIALS", self._draft)) is not None and account is not None:
            block.put("credentials", found, account)
            self._draft.kept(account)
        return True

    def _bedrock(self, made: Deployment, model: str, key: Node) -> bool:
        config = key.get("bedrock_key_config")
        assert config is not None
        given = {name: config.get(theirs) for name, theirs in _AWS.items()}
        return aim_at_bedrock(
            made,
            model,
            given,
            self._text,
            lambda node, variable: secret(node, variable_for(made.name, variable), self._draft),
            self._draft,
        )

    def _text(self, node: Node) -> object:
        named = node.text("env_var")
        written = str(node.value if not node.entries else node.text("value") or "")
        named = named or (written.removeprefix("env.") if written.startswith("env.") else None)
        return env(named) if named else written


def _named(key: Node, model: str) -> Node | None:
    """What a key calls a model: by its aliases, or by the deployments of its cloud.

    Source: Bifrost's docs, "Aliasing Models": the provider is asked for what stands behind the alias.
    """
    clouds = (key.get(f"{cloud}_key_config", "deployments") for cloud in ("azure", "bedrock", "vertex"))
    found = (each.get(model) for each in (key.get("aliases"), *clouds) if each is not None)
    return next((each for each in found if each is not None and isinstance(each.value, str)), None)


def _place(key: Node) -> tuple[object, ...]:
    """Where a key is for: keys of one place stand for each other."""
    azure, vertex = key.get("azure_key_config", "endpoint"), key.get("vertex_key_config")
    at_vertex = (vertex.text("project_id"), vertex.text("region")) if vertex is not None else ()
    return (azure and str(azure.value), *at_vertex, key.text("bedrock_key_config", "region"))


def secret(node: Node | None, variable: str, draft: Draft) -> Code | None:
    """`env.NAME`, or the object that stands for it; a key itself is left out."""
    if node is None:
        return None
    named = node.text("env_var")
    written = str(node.value) if isinstance(node.value, str) else ""
    if named or written.startswith("env."):
        return env((named or written).removeprefix("env."))
    if not node.entries and not written:
        return None
    return left_out(draft, node, variable, Block(remarks=draft.remarks))
