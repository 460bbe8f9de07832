"""Kong's plugins `ai-proxy` and `ai-proxy-advanced`, in decK's files and as resources of Kubernetes.

Sources: the plugins' schemas in Kong Gateway; Kong's docs of their load balancing, and of vaults.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..bedrock import aim_at_bedrock
from ..draft import Block, Deployment, Draft, Route
from ..foreign import Node
from ..kubernetes import form, resources, rest
from ..literals import Code, env, text as quoted
from ..origin import Origin
from ..providers import COMPATIBLE, aim_at, expected_key
from ..proxies import MEANING, PATHS, WATCH, called, levels, put_key, secret, shared
from ..report import Outcome
from ..requests import FORCED
from ..strategy import Strategy
from ..tables import Kept, Lost, Table, To, follow, milliseconds, per_million, share, text, weight, whole

_NOWHERE = "inferc has no runtime for this provider: leave it to Kong, `runtime openai_compatible`"
_OTHER = (
    "other plugins stay with Kong: keys, limits and guards are those of `gateway`, a `cache` of deployments"
)
_ENV = re.compile(
    r'\{vault://env/([\w-]+)\}|\$\{\{\s*env\s+"(\w+)"\s*\}\}|\$\{(\w+)\}|\$\((\w+)\)|\$([A-Z]\w*)'
)
"""What names a variable: Kong's vault of them, decK, and what fills files in."""

_FROM_REQUESTS = re.compile(r"\$\((headers|uri_captures|query_params)\b")
"""What Kong takes from each request."""

_OPERATION = re.compile(r"/(chat/completions|completions|embeddings|responses|v1/messages)/?$")
_BY = {
    "lowest-usage": "by usage",
    "lowest-latency": "by least_latency",
    "least-connections": "by least_busy",
}
_UNWEIGHTED = "the rule of a `balance` alone counts there, and no shares"
_NOT_HERE = ("realtime/", "video/", "llm/v1/assistants", "llm/v1/batches", "llm/v1/files")
_NO_TASK = (
    "inferc serves chats, vectors, rankings, classes, pictures, sounds and moderations: leave it to Kong"
)
_AWS = {"access_key_id": "aws_access_key_id", "secret_access_key": "aws_secret_access_key"}


def _operation(draft: Draft, block: Block, node: Node) -> None:
    """Which of OpenAI's operations it is: each has its own path here, and vectors their task."""
    if str(node.value).endswith("/embeddings"):
        block.block("task").label = "embed"
    if node.value == "preserve":
        draft.lost(node, PATHS, block.remarks)
    draft.kept(node)


def _region(draft: Draft, block: Block, node: Node) -> None:
    """Where on Vertex AI it is."""
    block.put("runtime.region", "us-central1" if _named(node) else str(node.value), node)
    if _named(node):
        draft.changed(node, "the region of Vertex stands in the file: write yours", block.remarks)
    draft.kept(node)


_TABLE: Table = {
    "route_type": _operation,
    "weight": Kept(),
    "model.options.input_cost": To("price.input", per_million),
    "model.options.output_cost": To("price.output", per_million),
    "model.options.embeddings_dimensions": To("request.defaults.dimensions", whole),
    "model.model_alias": Kept(),
    "description": Lost(MEANING),
    "model.options.databricks.**": Lost("write it in place of WORKSPACE, in `endpoint`"),
    "model.options.anthropic_version": Kept(),
    "model.options.*_format": Kept(),
    "model.options.gemini.project_id": To("runtime.project", lambda node: _named(node) or text(node)),
    "model.options.gemini.location_id": _region,
    **{f"model.options.{key}": FORCED[key] for key in ("max_tokens", "temperature", "top_p", "top_k")},
    "auth.allow_override": Lost("clients have keys of the gateway, never of a provider"),
    "auth.param_*": Kept(),
    "auth.gcp_use_service_account": Kept(),
    "genai_category": Kept(),
    "auth.azure_*": Lost("Azure is asked with a key here: write `api_key = env(…)` in the runtime"),
    "balancer.algorithm": Kept(),
    "balancer.hash_on_header": Kept(),
    "balancer.retries": To("runtime.retry.max_retries", whole, "here how often each target is tried again"),
    "balancer.read_timeout": To(
        "runtime.timeouts.request", milliseconds, "here from sending to the first byte"
    ),
    "balancer.max_fails": To("runtime.circuit_breaker.failure_threshold", whole, "here failures in a row"),
    "balancer.fail_timeout": To("runtime.circuit_breaker.open_duration", milliseconds),
    "balancer.failover_criteria": Lost(
        "what another try, or another member, may help is known of each provider"
    ),
    "balancer.**": Lost("`balance`, `split` and `fallback` need no such setting"),
    "embeddings.**": Lost(MEANING),
    "vectordb.**": Lost(MEANING),
    "llm_format": Lost("clients may speak OpenAI's and Anthropic's protocols to any model"),
    "response_streaming": Lost("clients say whether they want a stream"),
    "max_request_body_size": Lost("write `gateway { max_body = … }`"),
    "model_name_header": Lost("the header `x-inferc-deployment` names who answered"),
    "logging.**": Lost(WATCH),
}


def recognises(root: Node) -> bool:
    """Whether such a plugin is configured in the file."""
    return any(_is_proxy(each) for each, _ in _plugins(root))


def _is_proxy(plugin: Node) -> bool:
    kind = plugin.text("plugin") or plugin.text("name")
    return kind in ("ai-proxy", "ai-proxy-advanced") and plugin.get("config") is not None


def _plugins(root: Node) -> Iterator[tuple[Node, Node | None]]:
    """All plugins, with the name of the route or service that each is for."""
    for each in resources(root):
        if each.kind in ("KongPlugin", "KongClusterPlugin"):
            yield each.node, each.node.get("metadata", "name")
    yield from _below(root, None) if "_format_version" in root.entries else ()


def _below(node: Node, owner: Node | None) -> Iterator[tuple[Node, Node | None]]:
    plugins = node.get("plugins")
    for plugin in plugins.items if plugins is not None else ():
        named = plugin.get("route") or plugin.get("service") or owner
        yield plugin, named if named is None or isinstance(named.value, str) else named.get("name")
    for key in ("services", "routes", "consumers", "consumer_groups"):
        inner = node.get(key)
        for each in inner.items if inner is not None else ():
            yield from _below(each, each.get("name") or owner)


def read(root: Node, draft: Draft, origin: Origin) -> None:
    """Put all plugins into the draft: each is a deployment, or a route over those of its targets."""
    form(resources(root), draft)
    draft.report.form(root.get("_format_version"), root.get("_transform"))
    for plugin, owner in _plugins(root):
        config, is_on = plugin.get("config"), plugin.get("enabled")
        if config is None or not _is_proxy(plugin) or (is_on is not None and is_on.value is False):
            draft.lost(plugin, _OTHER)
            continue
        draft.kept(plugin.get("name"), plugin.get("plugin"), is_on, owner)
        _proxy(config, str(owner.value) if owner is not None else origin.stem, owner, draft)
    rest(resources(root), draft)
    for name in ("services", "routes"):
        draft.lost(root.get(name), PATHS)
    draft.lost(root, _OTHER)


def _proxy(config: Node, name: str, owner: Node | None, draft: Draft) -> None:
    listed = config.get("targets")
    targets = listed.items if listed is not None else [config]
    found = [
        (made, target)
        for number, target in enumerate(targets, 1)
        if (made := _deployment(target, name if len(targets) == 1 else f"{name}-{number}", draft)) is not None
    ]
    _aliases(config, found, draft)
    if len(found) > 1:
        draft.routes.append(Route(draft.free_name(name), _strategy(config, found, draft)))
        called(draft, draft.routes[-1].name, name, owner, found[0][0])
    elif found and len(targets) == 1:
        called(draft, found[0][0].name, name, owner, found[0][0])
    if listed is not None:
        around = Node(config.path, config.line, {k: v for k, v in config.entries.items() if k != "targets"})
        share(_TABLE, around, draft, [made for made, _ in found])


def _strategy(config: Node, found: list[tuple[Deployment, Node]], draft: Draft) -> Strategy | str:
    """The targets by the balancer's algorithm; what fails is asked of another one."""
    names = tuple(made.name for made, _ in found)
    shares = (target.get("weight") for _, target in found)
    weights = [weight(each) if each is not None else 100.0 for each in shares]
    node = config.get("balancer", "algorithm")
    algorithm = str(node.value) if node is not None else "round-robin"
    if algorithm in ("least-connections", "consistent-hashing") and len({*weights}) > 1:
        for made, target in found:
            if (share := target.get("weight")) is not None:
                draft.overrule(Outcome.CHANGED, share, _UNWEIGHTED, made.remarks)
    if algorithm == "priority":
        found_at = [tuple(names[place] for place in level) for level in levels(names, weights)]
        parts = [each[0] if len(each) == 1 else Strategy("balance", each) for each in found_at]
        return Strategy("fallback", tuple(parts)) if len(parts) > 1 else parts[0]
    if algorithm == "consistent-hashing":
        header = config.text("balancer", "hash_on_header") or "X-Kong-LLM-Request-ID"
        return Strategy("balance", names, option=f"by header({quoted(header)})")
    if algorithm == "round-robin":
        return shared(names, weights)
    if algorithm not in _BY:
        draft.lost(node, MEANING, found[0][0].remarks)
    return Strategy("balance", names, option=_BY.get(algorithm, "by round_robin"))


def _deployment(target: Node, name: str, draft: Draft) -> Deployment | None:
    made = Deployment(name=draft.free_name(name), nodes=(target,))
    before = draft.said()
    is_known = not (target.text("route_type") or "").startswith(_NOT_HERE)
    if not is_known or not _aim(made, target, draft):
        draft.lost_whole(target, _NOWHERE if is_known else _NO_TASK, before)
        return None
    draft.deployments.append(made)
    _key(made, target, draft)
    follow(_TABLE, target, draft, made)
    return made


def _aliases(config: Node, found: list[tuple[Deployment, Node]], draft: Draft) -> None:
    """A route for each name that clients may ask for, over the targets that have it."""
    named: dict[str, list[tuple[Deployment, Node]]] = {}
    nodes: dict[str, list[tuple[Deployment, Node]]] = {}
    for made, target in found:
        node = target.get("model", "model_alias")
        if node is not None:
            named.setdefault(str(node.value), []).append((made, target))
            nodes.setdefault(str(node.value), []).append((made, node))
    for alias, targets in named.items():
        if draft.free_name(alias) == alias:
            members = _strategy(config, targets, draft) if len(targets) > 1 else targets[0][0].name
            draft.routes.append(Route(alias, members, tuple(node for _, node in nodes[alias])))
            continue
        for made, node in nodes[alias]:
            draft.overrule(Outcome.LOST, node, f"`{alias}` is another one", made.remarks)


def _aim(made: Deployment, target: Node, draft: Draft) -> bool:
    """Who is asked, where, and for what."""
    provider, named = target.text("model", "provider") or "", target.get("model", "name")
    options = target.get("model", "options") or Node("", 0, {})
    url, model = options.get("upstream_url"), str(named.value) if named is not None else "*"
    if _FROM_REQUESTS.search(model):
        model = "*"
        draft.changed(named, f"clients say it: they ask for `{made.name}/…`", made.remarks)
    draft.kept(named, target.get("model", "provider"))
    if url is not None and provider in ("azure", "bedrock"):
        return False  # its key is for that address
    if provider == "bedrock":
        return _aim_at_bedrock(made, model, target, draft)
    if provider == "azure" and (instance := options.get("azure_instance")) is not None:
        return _aim_at_azure(made, model, instance, options, draft)
    host = options.get("gemini", "api_endpoint")
    if host is not None and not _named(host) and not str(host.value).endswith("aiplatform.googleapis.com"):
        return False  # so is Google's
    draft.changed(host, "the address follows from the region here", made.remarks)
    is_own = any(options.text(f"{each}_format") not in (None, "openai") for each in ("llama2", "mistral"))
    endpoint = None
    if url is not None:
        endpoint = _named(url) or _OPERATION.sub("", str(url.value))
        says = "here it ends before the path of the operation, such as `/chat/completions`"
        draft.changed(url if isinstance(endpoint, Code) else None, says, made.remarks)
    if is_own or not aim_at(made, "openai" if provider == "llama2" else provider, model, endpoint):
        return False
    if model == "*":
        made.put("model", "*" if made.label_of("runtime") in (COMPATIBLE, "gemini") else f"{provider}/*")
    if named is not None and (variable := _named(named)) is not None:
        made.put("model", variable)
    draft.kept(url)
    return True


def _aim_at_bedrock(made: Deployment, model: str, target: Node, draft: Draft) -> bool:
    """A model of AWS, in the region that the options say."""
    given = {"region": target.get("model", "options", "bedrock", "aws_region")}
    return aim_at_bedrock(
        made,
        model,
        given | {ours: target.get("auth", theirs) for ours, theirs in _AWS.items()},
        lambda node: _named(node) or str(node.value),
        lambda node, variable: secret(draft, made, variable, node, _named),
        draft,
    )


def _aim_at_azure(made: Deployment, model: str, instance: Node, options: Node, draft: Draft) -> bool:
    """A deployment of an Azure resource, which is called as the model is where nothing else is said."""
    own, version = options.get("azure_deployment_id"), options.get("azure_api_version")
    if own is not None and _FROM_REQUESTS.search(str(own.value)):
        return False
    block = made.runtime("openai")
    deployed = (_named(own) or str(own.value)) if own is not None else model
    made.put("model", deployed if model == "*" else model)
    block.put("azure_resource", _named(instance) or str(instance.value), instance)
    block.put("azure_deployment", deployed)
    block.put("api_version", str(version.value) if version is not None else "2023-05-15")
    draft.kept(instance, own, version)
    return True


def _key(made: Deployment, target: Node, draft: Draft) -> None:
    """The key, in whichever header, or in the address."""
    name = target.get("auth", "header_name")
    for header, value in ((name, "header_value"), (None, "param_value")):
        if (node := target.get("auth", value)) is not None:
            put_key(draft, made, str(header.value) if header is not None else "", node, _named)
            draft.kept(header)
    account = target.get("auth", "gcp_service_account_json")
    if account is not None:
        made.put("runtime.credentials", secret(draft, made, "account", account, _named), account)
    is_elsewhere = target.get("model", "options", "upstream_url") is not None  # Kong sends no key there
    if not made.has("runtime.credentials") and made.label_of("runtime") != "bedrock" and not is_elsewhere:
        expected_key(draft, made, target.text("model", "provider") or "")


def _named(node: Node) -> Code | None:
    """The variable that a value names, behind `Bearer` or alone."""
    found = _ENV.fullmatch(str(node.value).removeprefix("Bearer ").strip())
    if found is None:
        return None
    variable = next(each for each in found.groups() if each is not None)
    return env(variable.upper().replace("-", "_") if found[1] else variable)
