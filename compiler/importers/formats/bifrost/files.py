"""Bifrost's `config.json`, read from its providers to its keys."""

from __future__ import annotations

from ...draft import Draft
from ...foreign import Node
from ...literals import Code
from ...origin import Origin
from ...tables import Kept, Lost, Table, To, follow, mebibytes, texts
from .governance import Governance
from .providers import Providers

_STORE = "inferc keeps nothing in a database: `inferc run --state` says where spend and limits are kept"
_LOGS = "inferc tells by metrics at `/metrics`, `inferc run --traces` and `--access-log json`"
_PLUGINS = "there is no such plug-in here: a proxy in front, or a pipeline, may do it"

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
    version = root.get("version")
    providers = Providers(draft, version is not None and version.value == 1)
    found = root.get("providers")
    for name, node in (found.entries if found is not None else {}).items():
        providers.put(name, node)
    _client(root, draft)
    Governance(draft, root, providers.made).put()
    follow(_TOP, root, draft, draft.gateway)


def _client(root: Node, draft: Draft) -> None:
    """What counts for all deployments."""
    drop = root.get("client", "drop_excess_requests")
    params = root.get("client", "compat", "should_drop_params")
    for made in draft.deployments:
        if drop is not None and drop.value is True:
            made.put("serving.on_capacity_exhausted", Code("reject"), drop)
        if params is not None and params.value is True:
            made.put("request.unsupported", Code("drop"), params)
    draft.kept(drop, params)
