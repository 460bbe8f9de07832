"""Which runtime a model's name stands for."""

from __future__ import annotations

from functools import lru_cache

from .kinds import RuntimeKind
from .patterns import fits_pattern
from .presets import PRESETS

PATTERNS: tuple[tuple[str, RuntimeKind], ...] = (
    ("*.onnx", RuntimeKind.ORT),
    ("*via-litellm*", RuntimeKind.LITELLM),
    ("litellm/*", RuntimeKind.LITELLM),
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

WILDCARD = "*"
"""Stands at the end of a model's name for what clients say."""

_PREFIXES: dict[RuntimeKind, tuple[str, ...]] = {
    RuntimeKind.LITELLM: ("litellm/",),
    RuntimeKind.OPENAI: ("openai/",),
    RuntimeKind.ANTHROPIC: ("anthropic/",),
    RuntimeKind.GEMINI: ("google/", "gemini/"),
    RuntimeKind.BEDROCK: ("bedrock/",),
} | {kind: preset.prefixes for kind, preset in PRESETS.items()}
"""What stands before a model's name only to say who serves it: the provider itself does not know it."""


@lru_cache(maxsize=4096)
def match_runtime(model: str) -> RuntimeKind | None:
    """The runtime that a model of this name is for, None when the name does not say."""
    return next((kind for pattern, kind in PATTERNS if fits_pattern(model, pattern)), None)


def infer_runtime(model: str) -> RuntimeKind:
    """The runtime that a model of this name is for, vLLM when the name does not say."""
    return match_runtime(model) or FALLBACK


def name_at(kind: RuntimeKind, model: str) -> str:
    """What the provider behind a runtime calls `model`."""
    prefix = next((prefix for prefix in _PREFIXES.get(kind, ()) if model.startswith(prefix)), "")
    return model.removeprefix(prefix)


def prefix_in(model: str) -> tuple[RuntimeKind, str] | None:
    """The runtime that the prefix of `model` stands for, and the prefix; None where it has none."""
    known = ((kind, prefix) for kind, prefixes in _PREFIXES.items() for prefix in prefixes)
    return next(((kind, prefix) for kind, prefix in known if model.startswith(prefix)), None)
