"""What is known about a model, in one line or in several."""

from __future__ import annotations

import json
from pathlib import Path

from ..compiler.onnx_model.model_files import open_model
from ..dsl.catalogues.capabilities import Facts
from ..dsl.catalogues.models import ModelInfo, find_tier

PROMPT_TOKENS, ANSWER_TOKENS = 1000, 200
"""The request that costs are estimated for."""


def model_line(info: ModelInfo) -> str:
    """Provider, price and context window: `openai · $0.15 in, $0.60 out · 128k context`."""
    parts = [str(info.provider)]
    if info.input_price is not None and info.output_price is not None:
        parts.append(f"{info.input_price!s} in, {info.output_price!s} out")
    if info.context_window is not None:
        parts.append(f"{count(info.context_window)} context")
    return " · ".join(parts)


def model_text(info: ModelInfo) -> str:
    """All that the catalogue knows, as Markdown."""
    lines = [f"**{info.name}**, {info.provider}" + (" (deprecated)" if info.deprecated else "")]
    if info.context_window is not None:
        lines.append(f"- context window: {info.context_window:,} tokens")
    if info.input_price is not None and info.output_price is not None:
        cached = f", {info.cached_input_price!s} cached" if info.cached_input_price is not None else ""
        more = "; long prompts cost more" if info.tiered else ""
        lines.append(
            f"- per million tokens: {info.input_price!s} in{cached}, {info.output_price!s} out{more}"
        )
        lines.append(f"- {cost_line(float(info.input_price), float(info.output_price))}")
    if info.replaced_by is not None:
        lines.append(f"- replaced by `{info.replaced_by}`")
    tier = find_tier(info.provider, info.name)
    if tier is not None:
        tokens = f" and {count(tier.tokens_per_minute)} tokens" if tier.tokens_per_minute is not None else ""
        limits = f"{count(tier.requests_per_minute)} requests{tokens} a minute"
        lines.append(f"- highest published tier ({tier.name}): {limits}")
    return "\n".join(lines)


def facts_lines(facts: Facts) -> list[str]:
    """What the model takes, says and refuses, and who says so, as items of a list in Markdown."""
    known, lines = facts.values, []
    if reads := known.get("reads"):
        lines.append(f"- reads {', '.join(['text', *reads])}")
    if (writes := known.get("writes")) and writes != ["text"]:
        lines.append(f"- writes {', '.join(writes)}")
    if most := known.get("greatest_output"):
        lines.append(f"- answers with {most:,} tokens at most")
    if has := known.get("endpoints"):
        lines.append(f"- endpoints at its provider: {', '.join(f'`{each}`' for each in has)}")
    if (batches := known.get("batches")) is not None:
        lines.append(
            f"- batches: {'taken' if batches else 'not taken'} by its provider, not passed on by a gateway"
        )
    if known.get("reasons"):
        efforts = known.get("efforts")
        lines.append("- thinks" + (f", with the effort {', '.join(efforts)}" if efforts else ""))
    can = [words for name, words in _ABILITIES.items() if known.get(name)]
    cannot = [words for name, words in _ABILITIES.items() if known.get(name) is False]
    if can:
        lines.append(f"- has {', '.join(can)}")
    if cannot:
        lines.append(f"- has no {', no '.join(cannot)}")
    if refused := known.get("refused_sampling"):
        lines.append(f"- takes no {', '.join(f'`{name}`' for name in refused)}")
    for name, (value, from_what) in facts.inferred.items():
        lines.append(f"- perhaps `{name}` is {json.dumps(value)}: inferred from {from_what}")
    if facts.sources:
        lines.append(f"- says: {'; '.join(facts.sources)}")
    return lines


_ABILITIES = {"tools": "tools", "json_schema": "structured output", "strict_tools": "strict tools"}


def cost_line(input_price: float, output_price: float) -> str:
    """What a thousand requests of a usual size cost; prices are per million tokens."""
    cost = thousand_requests(input_price, output_price)
    return f"≈ {dollars(cost)} for 1,000 requests of {PROMPT_TOKENS:,} tokens and {ANSWER_TOKENS} of answer"


def thousand_requests(input_price: float, output_price: float) -> float:
    """Dollars for a thousand requests of a usual size."""
    return (PROMPT_TOKENS * input_price + ANSWER_TOKENS * output_price) / 1000


def dollars(amount: float) -> str:
    return f"${amount:,.2f}" if amount >= 0.01 else f"${amount:.4f}"


def count(number: int) -> str:
    """`128k`, `1M`, or the number itself."""
    for unit, size in (("M", 10**6), ("k", 10**3)):
        if number >= size:
            shown = f"{number / size:.1f}".removesuffix(".0")
            return f"{shown}{unit}"
    return str(number)


def signature_text(path: Path) -> str | None:
    """What the ONNX model at `path` takes and gives, as Markdown; None when it cannot be opened."""
    try:
        model = open_model(path) if path.is_file() else None
    except (OSError, ValueError):
        return None
    if model is None:
        return None
    if isinstance(model, str):
        return f"this file cannot be used: {model}"
    signature = model.signature
    lines = ["takes", *(f"- `{spec}`" for spec in signature.inputs)]
    lines += ["", "gives", *(f"- `{spec}`" for spec in signature.outputs)]
    if signature.parameters:
        lines += ["", f"{count(signature.parameters)} parameters" + _made_by(signature.producer)]
    return "\n".join(lines)


def _made_by(producer: str) -> str:
    return f", written by {producer}" if producer else ""
