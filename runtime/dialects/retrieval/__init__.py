"""Embeddings and rerankings, as providers are asked for them and answer."""

from __future__ import annotations

from ....compiler.plan import ProviderKind, RemotePoolPlan, WireFormat
from .bedrock import BedrockRetrieval
from .cohere import CohereRetrieval, is_compatible
from .gemini import GeminiRetrieval
from .openai import OpenAIRetrieval
from .unsupported import NoRetrieval
from .wire import Outgoing, Retrieval

__all__ = ["Outgoing", "Retrieval", "retrieval_of"]


def retrieval_of(plan: RemotePoolPlan) -> Retrieval:
    """How the provider of `plan` is asked."""
    match plan.wire:
        case WireFormat.OPENAI if plan.provider is ProviderKind.COHERE and not is_compatible(plan):
            return CohereRetrieval(plan)
        case WireFormat.OPENAI:
            return OpenAIRetrieval(plan)
        case WireFormat.ANTHROPIC:
            return NoRetrieval(plan)
        case WireFormat.BEDROCK:
            return BedrockRetrieval(plan)
        case WireFormat.GEMINI:
            return GeminiRetrieval(plan)
