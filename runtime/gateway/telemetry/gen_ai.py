"""The words of OpenTelemetry's conventions for generative AI, for metrics and traces.

Source: github.com/open-telemetry/semantic-conventions, docs/gen-ai.
"""

from __future__ import annotations

from ....compiler.plan import ProviderKind, TaskKind

OPERATIONS: dict[TaskKind, str] = {
    TaskKind.CHAT: "chat",
    TaskKind.GENERATE: "text_completion",
    TaskKind.EMBED: "embeddings",
}

_PROVIDERS: dict[str, str] = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex": "gcp.vertex_ai",
    "xai": "x_ai",
}


def provider_name(provider: ProviderKind) -> str:
    """A provider, as the conventions call it; others keep the name that they have here."""
    return _PROVIDERS.get(provider.value, provider.value)
