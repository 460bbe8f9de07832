"""BAML's clients and their retry policies."""

from __future__ import annotations

from functools import partial

from attrs import field

from ....dsl.record import define
from ....dsl.units import Duration
from ..baml_file import read_baml
from ..bedrock import SECRETS, aim_at_bedrock
from ..draft import Block, Deployment, Draft, Route
from ..foreign import Node
from ..literals import Code, env, text as quoted
from ..origin import Origin
from ..providers import COMPATIBLE, aim_at, expected_key
from ..requests import DEFAULTS, header, put_body
from ..secrets import is_placeholder, left_out, variable_for
from ..strategy import Strategy
from ..tables import Kept, Lost, Table, To, follow, milliseconds, number, positive, texts, whole

_NOWHERE = "inferc has no runtime for this provider: ask it from BAML"
_GONE = "some of its members cannot be here"
_FIRST = "here of whole answers, too, which begin when they are done: raise it for clients that do not stream"
_ROLES = "conversations come as clients write them: BAML itself goes on doing this"
_CODE = "functions and types go on in BAML: let its client ask inferc, with `provider openai-generic`"

_PROVIDERS: dict[str, str] = {
    "openai-responses": "openai",
    "google-ai": "gemini",
    "azure-openai": "azure",
    "vertex-ai": "vertex",
    "aws-bedrock": "bedrock",
}
"""BAML's names of providers that others call otherwise."""

_KEYS: dict[str, str] = {"gemini": "GOOGLE_API_KEY"}
"""Where BAML looks for keys, when that is not where others do."""

_GENERATION: Table = {
    "temperature": To("request.defaults.temperature", number),
    "topP": To("request.defaults.top_p", number),
    "topK": To("request.defaults.top_k", positive),
    "maxOutputTokens": To("request.defaults.max_tokens", positive),
    "stopSequences": To("request.defaults.stop", texts),
}

_INFERENCE: Table = {
    "max_tokens": To("request.defaults.max_tokens", positive),
    "temperature": To("request.defaults.temperature", number),
    "top_p": To("request.defaults.top_p", number),
    "stop_sequences": To("request.defaults.stop", texts),
}
"""What Bedrock's models are asked with."""


def _body(draft: Draft, block: Block, node: Node) -> None:
    """An option that BAML passes on as it is."""
    put_body(draft, block, ("request", "defaults", "extra_body", node.key), node)


_OPTIONS: Table = {
    "http.connect_timeout_ms": Lost("connecting is a part of `timeouts { request = … }`"),
    "http.time_to_first_token_timeout_ms": To("runtime.timeouts.request", milliseconds, _FIRST),
    "http.idle_timeout_ms": To("runtime.timeouts.read", milliseconds),
    "http.request_timeout_ms": To("runtime.timeouts.total", milliseconds),
    "http.*": Lost("there is no such limit here"),
    "headers.*": header,
    "default_role": Lost(_ROLES),
    "allowed_roles": Lost(_ROLES),
    "remap_roles.**": Lost(_ROLES),
    "allowed_role_metadata": Lost(_ROLES),
    "supports_streaming": Lost("clients say whether an answer is streamed"),
    "finish_reason_allow_list": Lost("answers say why they end; clients decide"),
    "finish_reason_deny_list": Lost("answers say why they end; clients decide"),
    "media_url_handler.**": Lost("pictures are passed on, or fetched by the provider"),
    "query_params.**": Lost("addresses have no query here"),
    **{f"generationConfig.{name}": rule for name, rule in _GENERATION.items()},
    **{f"generation_config.{name}": rule for name, rule in _GENERATION.items()},
    **{f"inference_configuration.{name}": rule for name, rule in _INFERENCE.items()},
    **DEFAULTS,
    "*": _body,
}

_RETRY: Table = {
    "max_retries": To("runtime.retry.max_retries", whole),
    "strategy.type": Kept(),
    "strategy.delay_ms": To("runtime.retry.initial_backoff", milliseconds),
    "strategy.multiplier": To("runtime.retry.backoff_multiplier", number),
    "strategy.max_delay_ms": To("runtime.retry.max_backoff", milliseconds),
}


def parse(text: str) -> Node:
    """A file as values. Raises ImportFailed."""
    return read_baml(text)


def recognises(root: Node) -> bool:
    """Whether there are clients of BAML."""
    clients = root.get("client")
    return clients is not None and all("provider" in each.entries for each in clients.entries.values())


def read(root: Node, draft: Draft, origin: Origin) -> None:
    """Put all clients into the draft."""
    _Reading(draft, root).read()


@define(eq=False)
class _Reading:
    _draft: Draft
    _root: Node
    _here: set[str] = field(factory=set)

    def read(self) -> None:
        clients = self._root.get("client")
        entries = clients.entries if clients is not None else {}
        for name, node in entries.items():
            if self._kind(node) not in ("fallback", "round-robin"):
                self._client(name, node)
        pending = {k: v for k, v in entries.items() if self._kind(v) in ("fallback", "round-robin")}
        while ready := [k for k, v in pending.items() if not self._names(v) & pending.keys() - {k}]:
            for name in ready:
                self._strategy(name, pending.pop(name))
        for node in pending.values():
            self._draft.lost(node, "these strategies name each other in a circle")
        for kind in self._root.entries:
            if kind not in ("client", "retry_policy"):
                self._draft.lost(self._root.entries[kind], _CODE)

    def _kind(self, node: Node) -> str:
        return node.text("provider") or ""

    def _names(self, node: Node) -> set[str]:
        listed = node.get("options", "strategy")
        return {str(item.value) for item in listed.items} if listed is not None else set()

    def _strategy(self, name: str, node: Node) -> None:
        draft, listed = self._draft, node.get("options", "strategy")
        items = listed.items if listed is not None else ()
        for item in items:
            if str(item.value) not in self._here:
                self._shorthand(item)
        members = tuple(dict.fromkeys(str(item.value) for item in items if str(item.value) in self._here))
        if not members:
            draft.lost(node, "none of its members can be here")
            return
        is_balance = self._kind(node) == "round-robin"
        kind, option = ("balance", "by round_robin") if is_balance else ("fallback", "")
        strategy = Strategy(kind, members, option=option) if len(members) > 1 else members[0]
        route = Route(draft.free_name(name), strategy, (node,))
        draft.routes.append(route)
        self._here.add(name)
        draft.kept(node.get("provider"))
        is_repeated = len({str(item.value) for item in items}) < len(items)
        if len(members) < len(items):
            says = "each member is asked once, and again by its `retry`" if is_repeated else _GONE
            draft.changed(listed, says, route.remarks)
        draft.kept(listed)
        says = "routes have no retries of their own: their members do"
        draft.lost(node.get("retry_policy"), says, route.remarks)
        draft.lost(node.get("options", "start"), "it begins with the first", route.remarks)

    def _shorthand(self, item: Node) -> None:
        """A member that no client declares, such as `"openai/gpt-4o"`: a provider, and its model."""
        name = str(item.value)
        kind, _, model = name.partition("/")
        made = Deployment(name=self._draft.free_name(name), nodes=())
        if model and aim_at(made, _PROVIDERS.get(kind, kind), model):
            expected_key(self._draft, made, _PROVIDERS.get(kind, kind), _KEYS)
            self._draft.deployments.append(made)
            self._here.add(name)

    def _client(self, name: str, node: Node) -> None:
        draft = self._draft
        made = Deployment(name=draft.free_name(name), nodes=(node,))
        options = node.get("options") or Node(f"{node.path}.options", node.line, {})
        kind = self._kind(node)
        before = draft.said()
        if not self._aim(made, options, kind):
            draft.lost_whole(node, _NOWHERE, before)
            return
        draft.deployments.append(made)
        self._here.add(name)
        draft.kept(node.get("provider"))
        self._key(made, options, kind)
        policy = node.get("retry_policy")
        if policy is not None:
            self._retry(made, policy)
        follow(_OPTIONS, options, draft, made)
        total = made.value("runtime.timeouts.total")
        if total is not None and not made.has("runtime.timeouts.request"):
            made.put("runtime.timeouts.request", total)

    def _aim(self, made: Deployment, options: Node, kind: str) -> bool:
        draft, base = self._draft, options.get("base_url")
        model = options.get("model") or options.get("model_id")
        named = str(model.value) if model is not None else made.name
        theirs = _PROVIDERS.get(kind, kind)
        if theirs == "vertex":
            return self._vertex(made, options, named, model)
        if theirs == "bedrock":
            given = {name: options.get(name) for name in ("region", "profile", "api_key", *SECRETS)}
            given["endpoint"] = options.get("endpoint_url")
            draft.kept(model)
            return aim_at_bedrock(made, named, given, self._text, partial(self._secret, made), draft)
        if theirs == "azure":
            resource, deployment = options.get("resource_name"), options.get("deployment_id")
            if resource is not None and deployment is not None:
                made.put("model", str(deployment.value))
                block = made.runtime("openai")
                block.put("azure_resource", self._text(resource), resource)
                block.put("azure_deployment", self._text(deployment), deployment)
                if (version := options.get("api_version")) is not None:
                    block.put("api_version", self._text(version), version)
                    draft.kept(version)
                draft.kept(resource, deployment, model)
                return True
        address = self._text(base) if base is not None else None
        if not aim_at(made, theirs, named, address):
            return False
        if isinstance(model, Node) and isinstance(self._text(model), Code):
            made.put("model", self._text(model), model)
        if made.label_of("runtime") == COMPATIBLE and not made.has("runtime.endpoint"):
            made.put("runtime.endpoint", env(variable_for(made.name, "endpoint"), "http://127.0.0.1:8000/v1"))
        draft.kept(model, base)
        return True

    def _vertex(self, made: Deployment, options: Node, named: str, model: Node | None) -> bool:
        draft = self._draft
        if not named.startswith(("gemini", "claude")):
            return False
        made.put("model", named)
        block = made.runtime("gemini" if named.startswith("gemini") else "anthropic")
        for theirs, ours in (("project_id", "project"), ("location", "region")):
            if (node := options.get(theirs)) is not None:
                block.put(ours, self._text(node), node)
                draft.kept(node)
        for theirs in ("credentials", "credentials_content"):
            account = options.get(theirs)
            if account is None:
                continue
            written = self._text(account)
            if isinstance(written, Code):
                block.put("credentials", written, account)
                draft.kept(account)
            elif str(written).lstrip().startswith("{"):
                block.put("credentials", left_out(draft, account, "VERTEX_CREDENTIALS", made), account)
            else:
                block.put("credentials", Code(f"file({quoted(str(written))})"), account)
                draft.kept(account)
        draft.kept(model)
        return True

    def _secret(self, made: Deployment, node: Node, variable: str) -> object:
        written = self._text(node)
        if isinstance(written, Code):
            return written
        return left_out(self._draft, node, variable_for(made.name, variable), made)

    def _text(self, node: Node) -> object:
        """A text, or `env.NAME`."""
        written = str(node.value)
        return env(written.removeprefix("env.")) if written.startswith("env.") else written

    def _key(self, made: Deployment, options: Node, kind: str) -> None:
        key = options.get("api_key")
        if key is not None and not made.has("runtime.api_key"):
            written = self._text(key)
            if isinstance(written, Code):
                made.put("runtime.api_key", written, key)
                self._draft.kept(key)
            elif is_placeholder(str(written)):
                self._draft.lost(key, "it is no key: none is sent", made.remarks)
            else:
                variable = variable_for(made.name, "api_key")
                made.put("runtime.api_key", left_out(self._draft, key, variable, made), key)
        theirs = _PROVIDERS.get(kind, kind)
        if theirs not in ("vertex", "bedrock"):
            expected_key(self._draft, made, theirs, _KEYS, options.get("base_url"))

    def _retry(self, made: Deployment, named: Node) -> None:
        """A policy, put into each client that names it."""
        draft, policy = self._draft, self._root.get("retry_policy", str(named.value))
        if policy is None:
            draft.lost(named, "there is no such policy in this file", made.remarks)
            return
        draft.kept(named)
        made.put("runtime.retry.jitter", Code("none"))
        if policy.text("strategy", "type") != "exponential_backoff":
            made.put("runtime.retry.backoff_multiplier", 1)
        scratch = Draft("") if draft.report.is_marked(policy) else draft
        follow(_RETRY, Node(policy.path, policy.line, policy.entries), scratch, made)
        delay, most = made.value("runtime.retry.initial_backoff"), made.value("runtime.retry.max_backoff")
        if delay is None:
            made.put("runtime.retry.initial_backoff", Duration(0.2))
        elif most is None and isinstance(delay, Duration) and delay > 60:
            made.put("runtime.retry.max_backoff", delay)
