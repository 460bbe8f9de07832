"""Identities of workloads: whose they are, and where their tokens go."""

from __future__ import annotations

from ...dsl.diagnostics import Diagnostics
from ...dsl.late_text import is_unknown
from ...dsl.runtimes import FederatedConfig, OpenAIConfig, OpenAIIdentity
from ...dsl.urls import no_base_url, no_token_url
from ..declare import Declared
from .together import rule_out

_IDS = ("identity_provider", "federation_rule", "organization", "service_account", "workspace")

_OTHERS = (
    ("api_key", "who asks"),
    ("aws", "who asks"),
    ("azure_resource", "where the server is"),
    ("project", "who asks"),
    ("credentials", "who asks"),
)
"""What says the same in another way, and what it says."""


def check_identity(declared: Declared, config: FederatedConfig, found: Diagnostics) -> None:
    """What `identity` names has to be there, alone, and must not be told to everybody on the way."""
    here, identity = ("runtime_config", "identity"), config.identity
    assert identity is not None
    for name, why in _OTHERS:
        if name == "project" and isinstance(config, OpenAIConfig):
            continue  # an id at OpenAI
        if ("runtime_config", name) in declared.paths:
            rule_out(declared, here, ("runtime_config", name), why, found)
    for name in _IDS:
        value = getattr(identity, name, None)
        if value is not None and not is_unknown(value) and not value.strip():
            found.error(
                "E0305",
                f"`identity` needs `{name}`",
                declared.span(*here, name),
                f"`{name}` is empty",
                help="copy the id from the provider's settings",
            )
    endpoint: str | None = config.endpoint
    path: tuple[str, ...] = ("runtime_config", "endpoint")
    if isinstance(identity, OpenAIIdentity):
        endpoint, path = identity.token_endpoint, (*here, "token_endpoint")
    if endpoint is None or is_unknown(endpoint):
        return
    if path == ("runtime_config", "endpoint") and no_base_url(endpoint) is not None:
        return  # which is said anyway
    if (problem := no_token_url(endpoint)) is not None:
        found.error("E0313", problem[0], declared.span(*path), problem[1], help=problem[2])
