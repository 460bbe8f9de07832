"""How an identity that a file names is exchanged for a provider's token, and what requests say beside it.

Sources: openai 3.57.0, auth/_workload.py, and OpenAI's API reference (workload identity token exchange);
anthropic 2.14.0, lib/credentials, and Anthropic's docs (WIF reference); 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from ...dsl.late_text import joined
from ...dsl.runtimes import AnthropicIdentity, OpenAIIdentity, SecretRef
from ..plan import WorkloadIdentity
from ..targets import Target

OPENAI_TOKENS = "https://auth.openai.com/oauth/token"
_ANTHROPIC_PATH = "/v1/oauth/token"

_GRANTS = "urn:ietf:params:oauth:grant-type:"
_TYPES = "urn:ietf:params:oauth:token-type:"

BETA = "anthropic-beta"
_SHOWN, _FEDERATION = "oauth-2025-04-20", "oidc-federation-2026-04-01"
"""What Anthropic wants to hear with each request that shows such a token, and with the exchange."""


def identity_of(
    identity: OpenAIIdentity | AnthropicIdentity, token: SecretRef, target: Target
) -> tuple[WorkloadIdentity, Target]:
    """The exchange, and the target without what is said with its tokens.

    token: where the workload's own is, as the plan names it.
    """
    if isinstance(identity, OpenAIIdentity):
        body = {
            "grant_type": f"{_GRANTS}token-exchange",
            "subject_token_type": f"{_TYPES}{identity.token_type}",
            "identity_provider_id": identity.identity_provider,
            "service_account_id": identity.service_account,
        }
        endpoint = identity.token_endpoint or OPENAI_TOKENS
        return WorkloadIdentity(token, endpoint, body, "subject_token", identity.audience), target
    body = {
        "grant_type": f"{_GRANTS}jwt-bearer",
        "federation_rule_id": identity.federation_rule,
        "organization_id": identity.organization,
        "service_account_id": identity.service_account,
    }
    if identity.workspace is not None:
        body["workspace_id"] = identity.workspace
    betas = [value for name, value in target.headers.items() if name.lower() == BETA]
    exchange = WorkloadIdentity(
        token,
        joined(target.endpoint, _ANTHROPIC_PATH),
        body,
        "assertion",
        identity.audience,
        headers={BETA: f"{_SHOWN},{_FEDERATION}"},
        request_headers={BETA: joined(_SHOWN, *(text for each in betas for text in (",", each)))},
    )
    return exchange, evolve(target, headers=_without_betas(target.headers))


def _without_betas(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() != BETA}
