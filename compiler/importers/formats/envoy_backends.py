"""The resources behind a route of Envoy AI Gateway: where a backend is, and what it is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ....dsl.record import frozen
from ..draft import Deployment, Draft
from ..foreign import Node
from ..kubernetes import Resource
from ..literals import env
from ..providers import COMPATIBLE
from ..secrets import variable_for

_BEDROCK_HOST = re.compile(r"bedrock-runtime\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")

_OPENAI_HOSTS: dict[str, str] = {
    "api.openai.com": "openai",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral",
    "api.deepseek.com": "deepseek",
    "api.together.xyz": "together",
    "api.x.ai": "xai",
    "openrouter.ai": "openrouter",
    "api.cerebras.ai": "cerebras",
}
"""Hosts that speak OpenAI's protocol under the address that their runtime knows."""

_OWN_HOSTS = {"anthropic": "api.anthropic.com", "cohere": "api.cohere.com"}
"""The addresses that other runtimes know."""

_GOOGLE = ".googleapis.com"


@frozen(eq=False)
class Cluster:
    """The resources of the file, by kind and name."""

    resources: list[Resource]

    def find(self, kind: str, reference: Node | None, of: Resource) -> Resource | None:
        """What a reference in a resource names: in its own namespace, unless it names another."""
        name = reference.text("name") if reference is not None else None
        space = (reference.text("namespace") if reference is not None else None) or of.namespace
        found = (each for each in self.of(kind) if each.name == name and _meet(each.namespace, space))
        return next(found, None)

    def of(self, *kinds: str) -> Iterator[Resource]:
        return (each for each in self.resources if each.kind in kinds)

    def about(self, kind: str, target: str, name: str, space: str | None) -> Iterator[Resource]:
        """The policies of a kind that are attached to a resource of that namespace."""
        for each in self.of(kind):
            if not _meet(each.namespace, space):
                continue
            single = each.spec.get("targetRef")
            several = each.spec.get("targetRefs")
            for reference in (*(several.items if several is not None else ()), *([single] if single else [])):
                if reference.text("kind") == target and reference.text("name") == name:
                    yield each


def _meet(one: str | None, other: str | None) -> bool:
    """Whether two namespaces may be the same: a file need not say them."""
    return one is None or other is None or one == other


def address(backend: Resource, runtime: str, made: Deployment, cluster: Cluster, draft: Draft) -> None:
    """Where the requests of a backend go."""
    target = cluster.find("Backend", backend.spec.get("backendRef"), backend)
    endpoints = target.spec.get("endpoints") if target is not None else None
    endpoint = endpoints.items[0] if endpoints is not None and endpoints.items else None
    host_node = next(
        (
            node
            for path in (("fqdn", "hostname"), ("ip", "address"))
            if endpoint and (node := endpoint.get(*path))
        ),
        None,
    )
    host = str(host_node.value) if host_node is not None else backend.name
    port_node = next(
        (node for path in (("fqdn", "port"), ("ip", "port")) if endpoint and (node := endpoint.get(*path))),
        None,
    )
    port = port_node.value if port_node is not None else 80
    name = target.name if target is not None else ""
    secure = port == 443 or any(cluster.about("BackendTLSPolicy", "Backend", name, backend.namespace))
    scheme = "https" if secure else "http"
    shown = "" if port in (443, 80) and (port == 443) == secure else f":{port}"
    schema = backend.spec.get("schema")
    prefix = schema.text("prefix") if schema is not None else None
    version = schema.get("version") if schema is not None else None
    nodes = [each for each in (host_node, port_node) if each is not None]
    is_usual = secure and not shown
    if runtime == "openai":
        runtime = _OPENAI_HOSTS.get(host, COMPATIBLE) if is_usual else COMPATIBLE
    block = made.runtime(runtime)
    if runtime == COMPATIBLE:
        path = (prefix or (str(version.value) if version is not None else "v1")).strip("/")
        block.put("endpoint", f"{scheme}://{host}{shown}/{path}", *nodes)
    elif runtime == "azure":
        block.put("endpoint", f"{scheme}://{host}{shown}/openai/v1", *nodes)
        draft.changed(version, "here by Azure's v1 API, which has no dated versions", made.remarks)
    elif runtime == "gemini" or (runtime == "anthropic" and host.endswith(_GOOGLE)):
        if not host.endswith(_GOOGLE):
            draft.lost(host_node, "Vertex is asked at Google's own address", made.remarks)
        draft.kept(version)
    elif runtime == "bedrock":
        draft.changed(version, "asked through Converse here, which has no versions", made.remarks)
        if (region := _BEDROCK_HOST.fullmatch(host)) is not None:
            block.put("region", region[1], *nodes)
        else:
            block.put("endpoint", f"{scheme}://{host}{shown}", *nodes)
    elif runtime not in _OPENAI_HOSTS.values() and not (is_usual and host == _OWN_HOSTS.get(runtime)):
        block.put("endpoint", f"{scheme}://{host}{shown}", *nodes)
    draft.kept(*nodes, schema)


def secret(policy: Resource, made: Deployment, cluster: Cluster, draft: Draft) -> None:
    """What a backend is shown: a key from the environment, or an account of Google."""
    spec = policy.spec
    spaces = {each.namespace for each in cluster.of("BackendSecurityPolicy")} - {None}
    for name in ("apiKey", "azureAPIKey", "anthropicAPIKey"):
        reference = spec.get(name, "secretRef")
        if reference is None:
            continue
        named = reference.text("name") or policy.name
        space = reference.text("namespace") or policy.namespace
        parts = (space, named) if space and len(spaces) > 1 else (named,)
        made.put("runtime.api_key", env(variable_for(*parts)), reference)
        draft.kept(spec.get("type"), reference)
    amazon = spec.get("awsCredentials")
    if amazon is not None:
        if (region := amazon.get("region")) is not None:
            made.put("runtime.region", str(region.value), region)
            draft.kept(region)
        draft.kept(spec.get("type"))
        for name in ("credentialsFile", "oidcExchangeToken"):
            draft.lost(
                amazon.get(name), "credentials are found where AWS's own tools find them", made.remarks
            )
    google = spec.get("gcpCredentials")
    if google is not None:
        for theirs, ours in (("projectName", "project"), ("region", "region")):
            if (node := google.get(theirs)) is not None:
                made.put(f"runtime.{ours}", str(node.value), node)
                draft.kept(node)
        account = google.get("credentialsFile", "secretRef")
        if account is not None:
            made.put("runtime.credentials", env(variable_for(account.text("name") or "")), account)
            draft.kept(account)
        draft.kept(spec.get("type"))
