"""Envoy AI Gateway: routes of models, the backends behind them, and their policies."""

from __future__ import annotations

import re

from ..draft import Block, Deployment, Draft, Route
from ..foreign import Node
from ..kubernetes import Resource, form, resources, rest
from ..literals import Code, env
from ..origin import Origin
from ..providers import COMPATIBLE, azure_address, find_key
from ..requests import put_header
from ..strategy import Strategy, split
from ..tables import Kept, Lost, Table, To, Unfit, follow, span, weight, whole
from .atomr import OPEN
from .envoy_backends import Cluster, address, secret

MODEL_HEADER = "x-ai-eg-model"
_NOWHERE = "inferc has no runtime for this provider: leave it to this gateway, `runtime openai_compatible`"
_POOL = "a pool of servers that Kubernetes runs: name their address, `runtime vllm { endpoint = … }`"
_WATCH = "inferc tells by metrics at `/metrics`, `inferc run --traces` and `--access-log json`"
_AGAIN = "`inferc emit kubernetes` writes resources for this file"
_LIMITS = "`gateway { key name { rate_limits { … } } }` limits what each key may ask for"

_RUNTIMES: dict[str, str] = {
    "OpenAI": "openai",
    "AzureOpenAI": "azure",
    "Anthropic": "anthropic",
    "GCPVertexAI": "gemini",
    "GCPAnthropic": "anthropic",
    "AWSBedrock": "bedrock",
    "AWSAnthropic": "bedrock",
    "Cohere": "cohere",
}
"""By the schema of a backend: its runtime; others have none here."""

_ANY = "*"
_ANYTHING = re.compile(r"(?<!\\)\.[*+]")
_PLAIN = re.compile(r"(?:[\w.:/@-]|\\[^\w\s])+")
"""A regular expression that means itself: a dot is hardly ever meant as any letter."""

_REST: dict[tuple[str, ...], str] = {
    ("EnvoyProxy", "GatewayConfig"): _WATCH,
    ("ClientTrafficPolicy",): "write `gateway { max_body = … }` and `timeouts { … }` there",
    ("MCPRoute",): "inferc calls no tools by itself: clients and agents do",
    ("InferencePool", "InferenceObjective", "InferenceModel"): _POOL,
    ("Deployment", "Service", "StatefulSet", "ServiceAccount"): _AGAIN,
}
"""Kinds of resources that have no place in a file of the language."""

_POLICY: Table = {
    "retry.numAttemptsPerPriority": To(
        "runtime.retry.max_retries",
        lambda node: max(0, whole(node) - 1),
        "here how often each backend is asked before the next one is",
    ),
    "retry.numRetries": To("runtime.retry.max_retries", whole),
    "retry.perRetry.backOff.baseInterval": To("runtime.retry.initial_backoff", span),
    "retry.perRetry.backOff.maxInterval": To("runtime.retry.max_backoff", span),
    "retry.perRetry.timeout": To("runtime.timeouts.request", span, "here from sending to the first byte"),
    "healthCheck.passive.baseEjectionTime": To("runtime.circuit_breaker.open_duration", span),
    "healthCheck.passive.consecutive5XxErrors": To("runtime.circuit_breaker.failure_threshold", whole),
    "timeout.http.requestTimeout": To("runtime.timeouts.total", span),
    "circuitBreaker.maxParallelRequests": To("serving.max_concurrent", whole),
}
"""What a traffic policy says of the backends of its route."""

_POLICY_REST: Table = {
    "targetRefs.**": Kept(),
    "targetRef.**": Kept(),
    "retry.retryOn.**": Lost("what another try may help is known for each provider"),
    "healthCheck.passive.**": Lost("a circuit opens after failures in a row, and is tried again one by one"),
    "healthCheck.active.**": Lost("inferc learns from requests, and asks nobody in the background"),
    "rateLimit.**": Lost(_LIMITS),
    "loadBalancer.**": Lost("`balance` and `split` say who is asked"),
}


def recognises(root: Node) -> bool:
    """Whether there are routes of the AI gateway."""
    return any(each.kind in ("AIGatewayRoute", "AIServiceBackend") for each in resources(root))


def read(root: Node, draft: Draft, origin: Origin) -> None:
    """Put all resources into the draft."""
    cluster = Cluster(resources(root))
    form(cluster.resources, draft)
    for each in cluster.resources:
        draft.report.form(each.node.get("metadata", "name"))
        references = (
            "parentRefs",
            "gatewayClassName",
            "targetRefs",
            "targetRef",
            "controllerName",
            "backendRef",
        )
        draft.report.form(*(each.spec.get(name) for name in references))
    for route in cluster.of("AIGatewayRoute"):
        _route(route, cluster, draft)
    _gateway(cluster, draft)
    for policy in cluster.of("BackendTrafficPolicy"):
        follow(_POLICY_REST, policy.spec, draft, Block(remarks=draft.remarks))
    for tls in cluster.of("BackendTLSPolicy"):
        draft.kept(tls.spec.get("validation"))
    for kept in cluster.of("Secret"):
        draft.report.form(kept.node.get("type"))
        for name in ("data", "stringData"):
            if (node := kept.node.get(name)) is not None:
                draft.lost(node, "secrets stay where they are: put them into the environment, or into files")
    for route in cluster.of("AIGatewayRoute"):
        costs = route.spec.get("llmRequestCosts")
        if costs is not None:
            draft.lost(costs, "inferc counts tokens and costs by itself: see `/metrics`")
    for route in cluster.of("AIGatewayRoute"):
        rules = route.spec.get("rules")
        for rule in rules.items if rules is not None else ():
            for name in ("modelsOwnedBy", "modelsCreatedAt"):
                draft.lost(rule.get(name), "`/v1/models` tells nothing of who made a model, and when")
    for kinds, says in _REST.items():
        for each in cluster.of(*kinds):
            draft.lost(each.spec, says)
    rest(cluster.resources, draft)


def _gateway(cluster: Cluster, draft: Draft) -> None:
    for gateway in cluster.of("Gateway"):
        draft.report.form(gateway.spec.get("infrastructure"))
        listeners = gateway.spec.get("listeners")
        for listener in listeners.items if listeners is not None else ():
            port = listener.get("port")
            if port is not None and not draft.gateway.has("bind"):
                draft.gateway.put("bind", f"0.0.0.0:{port.value}", port)
                draft.gateway.put("auth", Code("none"))
                draft.told.append(OPEN)
                draft.kept(port, listener.get("name"))
                if listener.text("protocol") == "HTTP":
                    draft.kept(listener.get("protocol"))
            elif port is not None:
                draft.lost(port, "inferc listens on one port")


def _route(route: Resource, cluster: Cluster, draft: Draft) -> None:
    rules = route.spec.get("rules")
    made: list[Deployment] = []
    for rule in rules.items if rules is not None else ():
        made += _rule(rule, route, cluster, draft)
    policies = [
        *cluster.about("BackendTrafficPolicy", "HTTPRoute", route.name, route.namespace),
        *cluster.about("BackendTrafficPolicy", "AIGatewayRoute", route.name, route.namespace),
    ]
    parents = route.spec.get("parentRefs")
    for parent in parents.items if parents is not None else ():
        space = parent.text("namespace") or route.namespace
        policies += cluster.about("BackendTrafficPolicy", "Gateway", parent.text("name") or "", space)
    for policy in policies:
        for deployment in made:
            _apply(_POLICY, policy.spec, draft, deployment)
    for deployment in made:
        total = deployment.value("runtime.timeouts.total")
        if total is not None and not deployment.has("runtime.timeouts.request"):
            deployment.put("runtime.timeouts.request", total)


def _apply(table: Table, node: Node, draft: Draft, deployment: Deployment) -> None:
    """Put what a policy says of several deployments into each of them."""
    for path, rule in table.items():
        found = node.get(*path.split("."))
        if found is None or not isinstance(rule, To):
            continue
        if deployment.has(rule.path):
            draft.lost(found, "this is said already, nearer to the model", deployment.remarks)
            continue
        value = _read(rule, found, draft, deployment)
        if value is None:
            continue
        deployment.put(rule.path, value, found)
        if rule.changed:
            draft.changed(found, rule.changed, deployment.remarks)
        else:
            draft.kept(found)


def _read(rule: To, node: Node, draft: Draft, deployment: Deployment) -> object:
    try:
        return rule.read(node)
    except Unfit as unfit:
        draft.lost(node, str(unfit), deployment.remarks)
        return None


def _rule(rule: Node, route: Resource, cluster: Cluster, draft: Draft) -> list[Deployment]:
    """A rule: the name that clients ask for, and the backends behind it."""
    asked = _asked(rule, draft)
    backends = rule.get("backendRefs")
    if asked is None or backends is None:
        draft.lost(rule, f"it chooses by something else than the header `{MODEL_HEADER}`")
        return []
    called, said = asked
    levels: dict[int, list[tuple[Deployment, Node]]] = {}
    alone = len(backends.items) == 1
    for reference in backends.items:
        made = _deployment(reference, route, called, alone, cluster, draft)
        if made is None:
            continue
        draft.deployments.append(made)
        priority = reference.get("priority")
        level = priority.value if priority is not None and isinstance(priority.value, int) else 0
        levels.setdefault(level, []).append((made, reference))
        draft.kept(priority)
        backend = cluster.find("AIServiceBackend", reference, route)
        for each in (rule, *([backend.spec] if backend is not None else [])):
            _apply({"timeouts.request": To("runtime.timeouts.total", span)}, each, draft, made)
    if not levels:
        draft.lost(rule, _NOWHERE)
        return []
    draft.kept(said)
    strategies = [_level(levels[each], draft) for each in sorted(levels)]
    deployments = [each for level in levels.values() for each, _ in level]
    if strategies != [called]:
        strategy = Strategy("fallback", tuple(strategies)) if len(strategies) > 1 else strategies[0]
        draft.routes.append(Route(draft.free_name(called), strategy, (said,)))
    return deployments


def _level(members: list[tuple[Deployment, Node]], draft: Draft) -> Strategy | str:
    """The backends of one priority, by their weights."""
    names = tuple(made.name for made, _ in members)
    weights = [reference.get("weight") for _, reference in members]
    if len(names) == 1:
        draft.kept(*weights)
        return names[0]
    draft.kept(*weights)
    return split(names, list(map(weight, weights)))


def _asked(rule: Node, draft: Draft) -> tuple[str, Node] | None:
    """The name of the model that a rule is for; other conditions are lost."""
    matches = rule.get("matches")
    found: tuple[str, Node] | None = None
    for match in matches.items if matches is not None else ():
        headers = match.get("headers")
        for header in headers.items if headers is not None else ():
            value, name = header.get("value"), header.text("name") or ""
            asked = _name(header) if name.lower() == MODEL_HEADER else None
            if asked is not None and value is not None and found is None:
                found = (asked, value)
                draft.report.form(header.get("name"), header.get("type"))
            elif name.lower() == MODEL_HEADER and found is None:
                draft.report.form(header.get("name"), header.get("type"))
                draft.lost(
                    value, "of patterns only a `.*` can be said here, and a `*` in no name: give each a rule"
                )
            else:
                draft.report.form(header.get("type"))
                draft.lost(header, "clients choose by the name of the model alone: give each case its own")
    return found


def _name(header: Node) -> str | None:
    """The name that a header has to hold, with a `*` where anything will do; None for other patterns."""
    value = header.get("value")
    written = str(value.value or "") if value is not None else ""
    if header.text("type") != "RegularExpression":
        return written if written and _ANY not in written else None
    pattern = written.removeprefix("^").removesuffix("$")
    parts = _ANYTHING.split(pattern)
    if len(parts) > 2 or not all(not part or _PLAIN.fullmatch(part) for part in parts):
        return None
    return _ANY.join(re.sub(r"\\(.)", r"\1", part) for part in parts) or None


def _deployment(
    reference: Node, route: Resource, called: str, alone: bool, cluster: Cluster, draft: Draft
) -> Deployment | None:
    """One backend under one name, as a deployment."""
    if reference.text("kind") == "InferencePool":
        draft.lost(reference, _POOL)
        return None
    backend = cluster.find("AIServiceBackend", reference, route)
    if backend is None:
        draft.lost(reference, "there is no such backend in this file")
        return None
    schema = backend.spec.get("schema")
    kind = schema.text("name") if schema is not None else None
    runtime = _RUNTIMES.get(kind or "")
    security = list(
        cluster.about("BackendSecurityPolicy", "AIServiceBackend", backend.name, backend.namespace)
    )
    if runtime is None:
        for each in (reference, *(other.spec for other in security), backend.spec):
            draft.lost(each, _NOWHERE)
        target = cluster.find("Backend", backend.spec.get("backendRef"), backend)
        if target is not None:
            draft.lost(target.spec, _NOWHERE)
        return None
    override = reference.get("modelNameOverride")
    draft.report.form(*(reference.get(each) for each in ("namespace", "group", "kind")))
    plain = called.replace(_ANY, "").strip("-/_.:") or "any"
    name = draft.free_name(called if alone else f"{plain}-{backend.name}")
    made = Deployment(name=name, nodes=(reference,))
    draft.kept(reference.get("name"), override, schema.get("name") if schema is not None else None)
    address(backend, runtime, made, cluster, draft)
    changes = backend.spec.get("headerMutation", "set")
    for each in changes.items if changes is not None else ():
        if (header := each.text("name")) is not None and (value := each.get("value")) is not None:
            put_header(draft, made, header, value)
            draft.kept(each.get("name"))
    runtime = made.label_of("runtime")
    wanted = called if called != _ANY or runtime == COMPATIBLE else f"{runtime}/{called}"
    made.put(
        "model", str(override.value) if override is not None else wanted, *([override] if override else [])
    )
    for policy in security:
        secret(policy, made, cluster, draft)
    key = find_key(made.label_of("runtime"))
    endpoint = str(made.value("runtime.endpoint") or "").removesuffix("/openai/v1")
    is_azure = runtime == "azure" and azure_address(endpoint) is not None
    is_elsewhere = endpoint != "" and not is_azure  # Envoy sends no key there
    if key is not None and not (made.has("runtime.api_key") or made.has("runtime.project") or is_elsewhere):
        made.put("runtime.api_key", env(key))
    return made
