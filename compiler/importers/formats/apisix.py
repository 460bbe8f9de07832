"""APISIX's plugins `ai-proxy` and `ai-proxy-multi`, in its standalone files, in what its Admin API and ADC
take, and as resources of Kubernetes.

Sources: the plugins' schemas and docs in apache/apisix; its docs of secrets and of standalone files.
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
from ..providers import aim_at, azure_address, expected_key
from ..proxies import MEANING, PATHS, WATCH, called, levels, put_key, secret, shared
from ..requests import FORCED, put_body
from ..strategy import Strategy
from ..tables import Kept, Lost, Table, To, follow, is_false, milliseconds, positive, share, weight
from .apisix_limits import put_limits

_LIMITS = "ai-rate-limiting"
_PLUGINS = ("ai-proxy", "ai-proxy-multi")
_NOWHERE = "inferc has no runtime for this provider: leave it to APISIX, `runtime openai_compatible`"
_OTHER = (
    "other plugins stay with APISIX: keys, limits and guards are those of `gateway`, a `cache` of deployments"
)
_GOES_ON = "a route goes on to its next member where that may help, until all were asked"
_PROBES = "inferc learns from requests and circuits, and asks nobody in the background"

_ENV = re.compile(r"\$(?:ENV|env)://([\w-]+)|\$\{\{?\s*(\w+)\s*(?::=[^}]*)?\}?\}")
"""What names a variable: APISIX's own word, what fills standalone files in, and ADC."""

_PROVIDERS = {"aimlapi": "aiml", "openai-compatible": "openai_like"}
_OPERATION = re.compile(r"/(chat/completions|completions|embeddings|responses|messages)/?$")
_AZURE_V1 = re.compile(r"/openai/v1(?=/|$)")
_AWS = ("access_key_id", "secret_access_key", "session_token")


def _body(draft: Draft, block: Block, node: Node) -> None:
    """A field of chats, where the client says nothing."""
    put_body(draft, block, ("request", "defaults", "extra_body", node.key), node)


_TABLE: Table = {
    "options.model": Kept(),
    "options.stream": Lost("clients say whether they want a stream"),
    **{f"options.{key}": rule for key, rule in FORCED.items()},
    "override.llm_options.max_tokens": To("request.force.max_tokens", positive),
    "override.request_body.openai-chat.*": _body,
    "override.request_body.**": Lost("fields are added to chats alone"),
    "override.request_body_force_override": Kept(),
    "auth.gcp.*": Kept(),
    "weight": Kept(),
    "priority": Kept(),
    "name": Kept(),
    "provider_conf.*": Kept(),
    "checks.**": Lost(_PROBES),
    "examples": Lost(MEANING),
    "threshold": Lost(MEANING),
    "semantic_opts.**": Lost(MEANING),
    "balancer.**": Kept(),
    "fallback_strategy": Kept(),
    "fallback_http_statuses": Lost("what another member may help is known of each provider"),
    "max_retries": Lost(_GOES_ON),
    "retry_on_failure_within_ms": Lost(_GOES_ON),
    "timeout": To("runtime.timeouts.request", milliseconds, "here from sending to the first byte"),
    "max_stream_duration_ms": To("runtime.timeouts.total", milliseconds, "here of any answer"),
    "max_req_body_size": Lost("write `gateway { max_body = … }`"),
    "max_response_bytes": Lost("answers have a time, `timeouts { total }`, and no such size"),
    "keepalive*": Kept(),
    "streaming_flush_interval_ms": Kept(),
    "ssl_verify": Lost("certificates are always checked: `tls { ca = file(…) }` of a runtime names your own"),
    "logging.**": Lost(WATCH),
}


def recognises(root: Node) -> bool:
    """Whether such a plugin is configured in the file."""
    return next(_plugins(root, None), None) is not None


def _plugins(node: Node, around: Node | None) -> Iterator[tuple[Node, Node | None, Node | None]]:
    """The settings of all such plugins, each with the name of the route or service that it is of, and with
    the limits beside it."""
    owner: Node | None = node.get("name") or node.get("metadata", "name") or node.get("id") or around
    listed = node.get("plugins")
    for name, config in listed.entries.items() if listed is not None else ():
        if name in _PLUGINS and config.entries:
            yield config, owner, listed.get(_LIMITS) if listed is not None else None
    for plugin in listed.items if listed is not None else ():
        settings = plugin.get("config")
        is_on = not is_false(plugin.get("enable"))
        if is_on and plugin.text("name") in _PLUGINS and settings is not None and listed is not None:
            beside = (each.get("config") for each in listed.items if each.text("name") == _LIMITS)
            yield settings, owner, next(beside, None)
    for key, inner in node.entries.items():
        if key != "plugins":
            yield from _plugins(inner, owner)
    for inner in node.items:
        yield from _plugins(inner, owner)


def _in_lists(node: Node) -> Iterator[Node]:
    """All plugins of models that stand in a list, as those of resources do."""
    listed = node.get("plugins")
    for plugin in listed.items if listed is not None else ():
        if plugin.text("name") in _PLUGINS:
            yield plugin
    for inner in (*node.entries.values(), *node.items):
        yield from _in_lists(inner)


def read(root: Node, draft: Draft, origin: Origin) -> None:
    """Put all plugins into the draft: each is a deployment, or a route over those of its instances."""
    form(resources(root), draft)
    for plugin in _in_lists(root):
        draft.lost(plugin if is_false(plugin.get("enable")) else None, "it is off")
        draft.kept(plugin.get("name"), plugin.get("enable"))
    for config, owner, limits in list(_plugins(root, None)):
        draft.kept(owner)
        if _is_off(config):
            draft.lost(config, "it is off")
            continue
        wanted = str(owner.value) if owner is not None else origin.stem
        listed = config.get("instances")
        if listed is None:
            made = _deployment(config, wanted, owner, draft)
            if made is not None:
                follow(_TABLE, config, draft, made)
            here = {wanted: made} if made is not None else {}
        else:
            here = _several(config, listed, wanted, owner, draft)
        if limits is not None and not _is_off(limits):
            put_limits(limits, here, draft)
    rest(resources(root), draft)
    for key, node in root.entries.items():
        if key in ("routes", "services", "upstreams"):
            draft.lost(node, f"{PATHS}; {_OTHER}")
    draft.lost(root, _OTHER)


def _is_off(config: Node) -> bool:
    off = config.get("_meta", "disable")
    return off is not None and off.value is True


def _several(
    config: Node, listed: Node, wanted: str, owner: Node | None, draft: Draft
) -> dict[str, Deployment]:
    """The deployments of all instances, by the names of those."""
    found: list[tuple[Deployment, Node]] = []
    for number, instance in enumerate(listed.items, 1):
        name = instance.text("name") or f"{wanted}-{number}"
        made = _deployment(instance, wanted if len(listed.items) == 1 else name, None, draft)
        if made is not None:
            follow(_TABLE, instance, draft, made)
            found.append((made, instance))
    if len(found) > 1:
        name = draft.free_name(wanted)
        called(draft, name, wanted, owner, found[0][0])
        draft.routes.append(Route(name, _strategy(config, found, draft)))
    around = {key: node for key, node in config.entries.items() if key != "instances"}
    share(_TABLE, Node(config.path, config.line, around), draft, [made for made, _ in found])
    return {instance.text("name") or made.name: made for made, instance in found}


def _strategy(config: Node, found: list[tuple[Deployment, Node]], draft: Draft) -> Strategy | str:
    """The instances by the balancer's algorithm, those of the highest priority first."""
    names = tuple(made.name for made, _ in found)
    algorithm, header = config.get("balancer", "algorithm"), _hashed(config)
    if algorithm is not None and algorithm.value == "chash" and header is not None:
        return Strategy("balance", names, option=header)
    if algorithm is not None and algorithm.value != "roundrobin":
        says = MEANING if algorithm.value == "semantic" else "`balance` keeps together by a header or by user"
        draft.lost(algorithm, says, found[0][0].remarks)
    weights = [weight(each.get("weight")) for _, each in found]
    goes_on = config.get("fallback_strategy") is not None
    ranks = [weight(each.get("priority")) if each.get("priority") is not None else 0.0 for _, each in found]
    parts = [
        shared([names[place] for place in level], [weights[place] for place in level], goes_on=goes_on)
        for level in levels(names, ranks)
    ]
    if len(parts) == 1:
        return parts[0]
    flat = (
        each.members if isinstance(each, Strategy) and each.kind == "fallback" else (each,) for each in parts
    )
    return Strategy("fallback", tuple(member for each in flat for member in each))


def _hashed(config: Node) -> str | None:
    """What belongs together, as `balance` says it."""
    on, key = config.text("balancer", "hash_on") or "vars", config.text("balancer", "key") or ""
    if on == "header" and key:
        return f"by header({quoted(key)})"
    if on == "vars" and key.startswith("http_"):
        return f"by header({quoted(key.removeprefix('http_').replace('_', '-'))})"
    return "by user" if on == "consumer" else None


def _deployment(instance: Node, wanted: str, owner: Node | None, draft: Draft) -> Deployment | None:
    made = Deployment(name=draft.free_name(wanted), nodes=(instance,))
    before = draft.said()
    if not _aim(made, instance, draft):
        draft.lost_whole(instance, _NOWHERE, before)
        return None
    draft.deployments.append(made)
    called(draft, made.name, wanted, instance.get("name") or owner, made)
    _key(made, instance, draft)
    forces = instance.get("override", "request_body_force_override")
    if forces is not None and forces.value is True:
        _force(made, instance, draft)
    return made


def _force(made: Deployment, instance: Node, draft: Draft) -> None:
    """Fields of chats that count whatever the client says."""
    said = instance.get("override", "request_body", "openai-chat")
    for key, node in said.entries.items() if said is not None else ():
        put_body(draft, made, ("request", "force", "extra_body", key), node)


def _aim(made: Deployment, instance: Node, draft: Draft) -> bool:
    """Who is asked, where, and for what."""
    provider, named = instance.get("provider"), instance.get("options", "model")
    url, kind = instance.get("override", "endpoint"), instance.text("provider") or ""
    model = str(named.value) if named is not None else "*"
    draft.kept(provider, named)
    region, project = (instance.get("provider_conf", each) for each in ("region", "project_id"))
    if kind == "bedrock":
        given = {"region": region, "endpoint": url} | {
            each: instance.get("auth", "aws", each) for each in _AWS
        }
        return aim_at_bedrock(
            made,
            model,
            given,
            lambda node: _named(node) or str(node.value),
            lambda node, variable: secret(draft, made, variable, node, _named),
            draft,
        )
    if kind == "azure-openai":
        return url is not None and _aim_at_azure(made, model, url, draft)
    if kind == "vertex-ai":
        if project is None or region is None or url is not None:
            return False  # its key is for that address
        model = model.removeprefix("google/")
        made.put("model", model, *([named] if named is not None else []))
        block = made.runtime("anthropic" if "claude" in model else "gemini")
        block.put("project", _named(project) or str(project.value), project)
        block.put("region", str(region.value), region)
        draft.kept(project, region)
        return True
    if kind == "openai-compatible" and url is None:
        return False
    endpoint = (_named(url) or _OPERATION.sub("", str(url.value))) if url is not None else None
    if kind in ("gemini", "anthropic") and endpoint is not None:
        return False  # so it is there
    if not aim_at(made, _PROVIDERS.get(kind, kind), model, endpoint):
        return False
    if model == "*" and made.label_of("runtime") not in ("openai_compatible", "gemini"):
        made.put("model", f"{kind}/*")
    if named is not None and (variable := _named(named)) is not None:
        made.put("model", variable)
    draft.kept(url)
    return True


def _aim_at_azure(made: Deployment, model: str, url: Node, draft: Draft) -> bool:
    """A deployment of an Azure resource, which the address names."""
    address = str(url.value)
    if model != "*" and _AZURE_V1.search(address) is not None:
        made.put("model", model)
        made.runtime("azure").put("endpoint", _OPERATION.sub("", address), url)
        draft.kept(url)
        return True
    found = azure_address(address)
    deployed = found[1] if found is not None else None
    if found is None or deployed is None:
        return False
    made.put("model", deployed if model == "*" else model)
    block = made.runtime("openai")
    block.put("azure_resource", found[0], url)
    block.put("azure_deployment", deployed)
    block.put("api_version", found[2] or "2024-10-21")
    draft.kept(url)
    return True


def _key(made: Deployment, instance: Node, draft: Draft) -> None:
    """The key, in whichever header or part of the address."""
    header, query = instance.get("auth", "header"), instance.get("auth", "query")
    for name, node in header.entries.items() if header is not None else ():
        put_key(draft, made, name, node, _named)
    for node in query.entries.values() if query is not None else ():
        put_key(draft, made, "", node, _named)
    account = instance.get("auth", "gcp", "service_account_json")
    if account is not None:
        made.put("runtime.credentials", secret(draft, made, "account", account, _named), account)
    elif instance.get("auth", "gcp") is not None:
        made.put("runtime.credentials", env("GCP_SERVICE_ACCOUNT"))
    is_elsewhere = instance.get("override", "endpoint") is not None  # APISIX sends no key there
    if not made.has("runtime.credentials") and made.label_of("runtime") != "bedrock" and not is_elsewhere:
        expected_key(draft, made, instance.text("provider") or "")


def _named(node: Node) -> Code | None:
    """The variable that a value names, behind `Bearer` or alone."""
    found = _ENV.fullmatch(str(node.value).removeprefix("Bearer ").strip())
    return env(next(each for each in found.groups() if each is not None)) if found is not None else None
