"""Which runtime a model's name stands for."""

from __future__ import annotations

from functools import lru_cache

from ..kinds import RuntimeKind
from ..patterns import fits_pattern
from .bedrock_names import without_road
from .other_providers import find_other
from .presets import PRESETS

PATTERNS: tuple[tuple[str, RuntimeKind], ...] = (
    ("*.onnx", RuntimeKind.ORT),
    ("*via-litellm*", RuntimeKind.LITELLM),
    ("litellm/*", RuntimeKind.LITELLM),
    ("litellm_proxy/*", RuntimeKind.LITELLM),
    ("hosted_vllm/*", RuntimeKind.VLLM),
    ("vllm/*", RuntimeKind.VLLM),
    ("vertex_ai*/gemini*", RuntimeKind.GEMINI),
    ("vertex_ai*/text-*embedding-*", RuntimeKind.GEMINI),
    ("vertex_ai*/claude-*", RuntimeKind.ANTHROPIC),
    ("azure_ai/claude-*", RuntimeKind.ANTHROPIC),
    ("bedrock/*", RuntimeKind.BEDROCK),
    ("arn:aws*:bedrock:*", RuntimeKind.BEDROCK),
    ("anthropic.claude-*", RuntimeKind.BEDROCK),
    ("*.anthropic.claude-*", RuntimeKind.BEDROCK),
    ("amazon.nova-*", RuntimeKind.BEDROCK),
    ("*.amazon.nova-*", RuntimeKind.BEDROCK),
    ("meta.llama*", RuntimeKind.BEDROCK),
    ("*.meta.llama*", RuntimeKind.BEDROCK),
    ("openai/gpt-oss*", RuntimeKind.VLLM),
    ("openai/*", RuntimeKind.OPENAI),
    ("text-completion-openai/*", RuntimeKind.OPENAI),
    *((f"{prefix}*", kind) for kind, preset in PRESETS.items() for prefix in preset.prefixes),
    ("gpt-4*", RuntimeKind.OPENAI),
    ("gpt-3.5*", RuntimeKind.OPENAI),
    ("gpt-5*", RuntimeKind.OPENAI),
    ("chatgpt-*", RuntimeKind.OPENAI),
    ("o1*", RuntimeKind.OPENAI),
    ("o3*", RuntimeKind.OPENAI),
    ("o4*", RuntimeKind.OPENAI),
    ("claude-*", RuntimeKind.ANTHROPIC),
    ("anthropic/*", RuntimeKind.ANTHROPIC),
    ("gemini/*", RuntimeKind.GEMINI),
    ("gemini-*", RuntimeKind.GEMINI),
    ("google/gemini*", RuntimeKind.GEMINI),
    ("*mistral*", RuntimeKind.MISTRALRS),
)
"""Tried from top to bottom; what matches none of them runs on vLLM."""

FALLBACK = RuntimeKind.VLLM

VERTEX, VERTEX_BETA = "vertex_ai/", "vertex_ai_beta/"
AZURE_AI = "azure_ai/"
"""What stands before names that do not say who made the model, only whose cloud it runs in."""

WILDCARD = "*"
"""Stands in a model's name for what clients say."""

_PREFIXES: dict[RuntimeKind, tuple[str, ...]] = {
    RuntimeKind.LITELLM: ("litellm/", "litellm_proxy/"),
    RuntimeKind.VLLM: ("hosted_vllm/", "vllm/"),
    RuntimeKind.OPENAI: ("openai/", "text-completion-openai/"),
    RuntimeKind.ANTHROPIC: ("anthropic/", VERTEX, VERTEX_BETA, AZURE_AI),
    RuntimeKind.GEMINI: ("google/", "gemini/", VERTEX, VERTEX_BETA),
    RuntimeKind.BEDROCK: ("bedrock/",),
} | {kind: preset.prefixes for kind, preset in PRESETS.items()}
"""What stands before a model's name only to say who serves it: the provider itself does not know it."""


@lru_cache(maxsize=4096)
def match_runtime(model: str) -> RuntimeKind | None:
    """The runtime that a model of this name is for, None when the name does not say."""
    found = next((kind for pattern, kind in PATTERNS if fits_pattern(model, pattern)), None)
    if found is RuntimeKind.MISTRALRS and find_other(model) is not None:
        return None
    return found


def infer_runtime(model: str) -> RuntimeKind:
    """The runtime that a model of this name is for, vLLM when the name does not say."""
    return match_runtime(model) or FALLBACK


def name_at(kind: RuntimeKind, model: str) -> str:
    """What the provider behind a runtime calls `model`."""
    prefix = next((prefix for prefix in _PREFIXES.get(kind, ()) if model.startswith(prefix)), "")
    bare = model.removeprefix(prefix)
    return without_road(bare) if kind is RuntimeKind.BEDROCK and prefix else bare


def prefix_in(model: str) -> tuple[RuntimeKind, str] | None:
    """The runtime that the prefix of `model` stands for, and the prefix; None where it has none."""
    known = ((kind, prefix) for kind, prefixes in _PREFIXES.items() for prefix in prefixes)
    return next(((kind, prefix) for kind, prefix in known if model.startswith(prefix)), None)


def cloud_prefix(model: str) -> str | None:
    """What stands before a name to say that another cloud than its maker's has the model."""
    return next((each for each in (VERTEX, VERTEX_BETA, AZURE_AI) if model.startswith(each)), None)
