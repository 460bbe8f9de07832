"""Whose API a request is for: the path says it, and where many share one, the name of the model."""

from __future__ import annotations

import re

_FAMILIES = (
    (re.compile(r"(open-)?mi[sx]tral|codestral|ministral|pixtral|devstral|magistral"), "mistral"),
    (re.compile(r"command(-|$)|c4ai-"), "cohere"),
    (re.compile(r"deepseek-"), "deepseek"),
    (re.compile(r"grok-"), "xai"),
    (re.compile(r".+/.+"), "vllm"),
)
"""Models that speak as OpenAI does, below `/v1`; those of Hugging Face have a slash in their names."""


def provider_of(api: str, path: str, named: str, model: str, has_api_key: bool) -> str:
    """The provider in whose name a request is answered.

    api: `openai`, `anthropic`, `gemini`, `bedrock` or `responses`. named: what stands in front of the path,
    or nothing. has_api_key: whether the key came as Azure wants it.
    """
    if named:
        return named
    if api == "anthropic":
        return "vertex_anthropic" if "/publishers/anthropic/" in path else api
    if api == "bedrock":
        return api
    if api == "gemini":
        return "vertex" if "/publishers/google/" in path else "gemini"
    if path.startswith("/openai/"):
        return "azure" if has_api_key or path.startswith("/openai/deployments/") else "groq"
    if path.startswith("/api/v1/"):
        return "openrouter"
    return next((name for family, name in _FAMILIES if family.match(model.lower())), "openai")
