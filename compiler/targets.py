"""Where a remote runtime's requests go, and how they show their key."""

from __future__ import annotations

from attrs import evolve, field

from ..dsl.catalogues.presets import PRESETS
from ..dsl.kinds import AuthScheme, ProviderKind, TaskKind, WireFormat
from ..dsl.late_text import joined, without_slash
from ..dsl.record import frozen
from ..dsl.runtimes import (
    AnthropicConfig,
    Aws,
    AzureConfig,
    BedrockConfig,
    FederatedConfig,
    LaunchableConfig,
    LocalServerConfig,
    OpenAIConfig,
    RemoteConfig,
    VertexConfig,
)

ENDPOINTS: dict[ProviderKind, str] = {
    ProviderKind.OPENAI: "https://api.openai.com/v1",
    ProviderKind.ANTHROPIC: "https://api.anthropic.com",
    ProviderKind.GEMINI: "https://generativelanguage.googleapis.com",
    ProviderKind.LITELLM: "http://127.0.0.1:4000/v1",
} | {ProviderKind(kind): preset.endpoint for kind, preset in PRESETS.items() if preset.endpoint is not None}
"""Where each provider is when a file does not say."""

_WIRES: dict[ProviderKind | None, WireFormat] = {
    ProviderKind.ANTHROPIC: WireFormat.ANTHROPIC,
    ProviderKind.GEMINI: WireFormat.GEMINI,
    ProviderKind.BEDROCK: WireFormat.BEDROCK,
}
"""The wire formats that are not OpenAI's."""

RETRIEVAL: dict[ProviderKind, str] = {
    ProviderKind(kind): preset.retrieval for kind, preset in PRESETS.items() if preset.retrieval is not None
}
"""Where those embed and rank that do it at another address."""

LAUNCHED = "http://127.0.0.1:{port}/v1"
"""Where a server is that the executor starts; it fills in the port that it picks."""

AZURE_API_VERSION = "2024-10-21"
"""The API version taken when `api_version` is not given: Azure's latest stable one for inference."""

_VERTEX_HOSTS = {
    "global": "https://aiplatform.googleapis.com",
    "us": "https://aiplatform.us.rep.googleapis.com",
    "eu": "https://aiplatform.eu.rep.googleapis.com",
}
"""Where Vertex is when it may choose among regions; each region has a host of its own.

Sources: Vertex AI docs (global endpoint, multi-region endpoints), Anthropic's Vertex client.
"""

_CLAUDE_HOST = "https://claude.googleapis.com"
"""Claude on Google Cloud, as Anthropic runs it. Source: anthropic 2.14.0, lib/google_cloud."""

CLAUDE_ON_AWS, MANTLE = "aws-external-anthropic", "bedrock-mantle"
"""Services of AWS, of which Anthropic runs the one, and the other speaks OpenAI's protocol: the first part of
their hosts, and what signatures are for.

Sources: anthropic 2.14.0, lib/aws; openai 3.57.0, providers/bedrock.py; 2026-11-29.
"""

BEDROCK = "bedrock"
"""What signatures are for at hosts of `bedrock-runtime`."""

_SCHEMES: dict[ProviderKind, AuthScheme] = {
    ProviderKind.ANTHROPIC: AuthScheme.X_API_KEY,
    ProviderKind.GEMINI: AuthScheme.X_GOOG_API_KEY,
} | {ProviderKind(kind): preset.auth for kind, preset in PRESETS.items()}


@frozen
class Target:
    """The base URL without a slash at its end, and what goes with each request.

    service: the one of AWS's that signatures are for; None where nothing is signed.
    """

    endpoint: str
    auth: AuthScheme
    headers: dict[str, str] = field(factory=dict)
    query: dict[str, str] = field(factory=dict)
    service: str | None = None


def wire_of(provider: ProviderKind | None) -> WireFormat:
    """The protocol in which a provider is asked: OpenAI's, unless it has one of its own."""
    return _WIRES.get(provider, WireFormat.OPENAI)


def target_of(provider: ProviderKind, config: RemoteConfig, task: TaskKind = TaskKind.CHAT) -> Target:
    """The target of a runtime with its defaults filled in."""
    if isinstance(config, OpenAIConfig) and config.azure_resource is not None:
        resource, deployment = config.azure_resource, config.azure_deployment or ""
        return Target(
            joined("https://", resource, ".openai.azure.com/openai/deployments/", deployment),
            AuthScheme.API_KEY,
            headers=_headers(config),
            query={"api-version": config.api_version or AZURE_API_VERSION},
        )
    if isinstance(config, FederatedConfig) and config.aws is not None:
        return _behind_aws(config, config.aws)
    if isinstance(config, VertexConfig) and config.project is not None:
        host = _VERTEX_HOSTS.get(config.region or "", f"https://{config.region}-aiplatform.googleapis.com")
        inside: tuple[str, ...] = ("publishers/google",)
        if isinstance(config, AnthropicConfig) and config.workspace is None:
            inside = ("publishers/anthropic",)
        elif isinstance(config, AnthropicConfig):
            host, inside = _CLAUDE_HOST, ("workspaces/", config.workspace or "", "/invoke")
        place = ("v1/projects/", config.project, f"/locations/{config.region}/", *inside)
        return Target(joined(config.endpoint or host, "/", *place), AuthScheme.GOOGLE_OAUTH, config.headers)
    if isinstance(config, BedrockConfig):
        region = config.region or ""
        host = joined("https://bedrock-runtime.", region, ".amazonaws.com", ".cn" * region.startswith("cn-"))
        return _signed(without_slash(config.endpoint or host), BEDROCK, AuthScheme.BEARER, config)
    if isinstance(config, AzureConfig):
        return Target(
            without_slash(
                config.endpoint or joined("https://", config.resource or "", ".openai.azure.com/openai/v1")
            ),
            AuthScheme.API_KEY,
            config.headers,
            {"api-version": config.api_version} if config.api_version is not None else {},
        )
    is_launched = isinstance(config, LocalServerConfig) or (
        isinstance(config, LaunchableConfig) and config.launch is not None
    )
    endpoints = ENDPOINTS | RETRIEVAL if task in (TaskKind.EMBED, TaskKind.RERANK) else ENDPOINTS
    own = LAUNCHED if is_launched else endpoints.get(provider, "")
    endpoint = without_slash(config.endpoint or own)
    scheme = _SCHEMES.get(provider, AuthScheme.BEARER)
    if isinstance(config, AnthropicConfig) and config.identity is not None:
        scheme = AuthScheme.BEARER
    return Target(endpoint, scheme, headers=_headers(config))


def _behind_aws(config: FederatedConfig, aws: Aws) -> Target:
    """Its own API at AWS: Claude Platform on AWS, or OpenAI's models on Amazon Bedrock."""
    if isinstance(config, AnthropicConfig):
        own = joined(f"https://{CLAUDE_ON_AWS}.", aws.region, ".api.aws")
        target = _signed(without_slash(config.endpoint or own), CLAUDE_ON_AWS, AuthScheme.X_API_KEY, config)
        return evolve(target, headers={"anthropic-workspace-id": config.workspace or "", **config.headers})
    endpoint = without_slash(
        config.endpoint or joined(f"https://{MANTLE}.", aws.region, ".api.aws/openai/v1")
    )
    service = BEDROCK if "bedrock-runtime" in endpoint else MANTLE
    return evolve(_signed(endpoint, service, AuthScheme.BEARER, config), headers=_headers(config))


def _signed(endpoint: str, service: str, keyed: AuthScheme, config: RemoteConfig) -> Target:
    """keyed: how a key is shown, where there is one."""
    if config.api_key:
        return Target(endpoint, keyed, config.headers)
    return Target(endpoint, AuthScheme.AWS_SIGV4, config.headers, service=service)


def _headers(config: RemoteConfig) -> dict[str, str]:
    if not isinstance(config, OpenAIConfig):
        return config.headers
    named = {"OpenAI-Organization": config.organization, "OpenAI-Project": config.project}
    return {**{name: value for name, value in named.items() if value is not None}, **config.headers}
