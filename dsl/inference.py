"""Which runtime a model's name stands for."""

from __future__ import annotations

from fnmatch import fnmatchcase

from .kinds import RuntimeKind

PATTERNS: tuple[tuple[str, RuntimeKind], ...] = (
    ("*.onnx", RuntimeKind.ORT),
    ("*via-litellm*", RuntimeKind.LITELLM),
    ("litellm/*", RuntimeKind.LITELLM),
    ("gpt-4*", RuntimeKind.OPENAI),
    ("gpt-3.5*", RuntimeKind.OPENAI),
    ("gpt-5*", RuntimeKind.OPENAI),
    ("chatgpt-*", RuntimeKind.OPENAI),
    ("o1*", RuntimeKind.OPENAI),
    ("o3*", RuntimeKind.OPENAI),
    ("o4*", RuntimeKind.OPENAI),
    ("claude-*", RuntimeKind.ANTHROPIC),
    ("anthropic/*", RuntimeKind.ANTHROPIC),
    ("gemini-*", RuntimeKind.GEMINI),
    ("google/gemini*", RuntimeKind.GEMINI),
    ("*mistral*", RuntimeKind.MISTRALRS),
)
"""Tried from top to bottom; what matches none of them runs on vLLM."""

FALLBACK = RuntimeKind.VLLM


def match_runtime(model: str) -> RuntimeKind | None:
    """The runtime that a model of this name is for, None when the name does not say."""
    return next((kind for pattern, kind in PATTERNS if fnmatchcase(model, pattern)), None)


def infer_runtime(model: str) -> RuntimeKind:
    """The runtime that a model of this name is for, vLLM when the name does not say."""
    return match_runtime(model) or FALLBACK
