"""What models are called on Amazon Bedrock: `us.anthropic.claude-sonnet-4-5-20250929-v1:0`.

In front of the vendor may stand the area in which an inference profile looks for room; a resource's full name
(ARN) has all of it behind its last slash.

Source: Amazon Bedrock user guide, supported foundation models, and cross-Region inference.
"""

from __future__ import annotations

from ..late_pattern import late_pattern

ROADS = ("converse", "converse_like", "invoke", "async_invoke", "llama", "nova", "openai", "deepseek_r1")
"""What LiteLLM writes between `bedrock/` and a name to say how it asks."""

REGION = late_pattern(r"[a-z]{2}(-[a-z]+)+-\d")

_AREA = late_pattern(r"(?:global|us-gov|us|eu|apac|jp|au|ca|in|sa|mx|uk|me|af|il|kr)\.(?=[a-z0-9]+\.)")
_VERSION = late_pattern(r"-v\d+(?::\d+)?$|:\d+$")


def without_road(model: str) -> str:
    """The name or ARN behind what LiteLLM writes before it."""
    before, arn, rest = model.partition("arn:")
    parts = [part for part in before.split("/") if part not in ROADS and not REGION.fullmatch(part)]
    return "/".join(parts) + arn + rest


def region_in(model: str) -> str | None:
    """The region that LiteLLM's names have before the model's: `bedrock/us-east-1/amazon.nova-pro-v1:0`."""
    found = next((part for part in model.partition("arn:")[0].split("/") if REGION.fullmatch(part)), None)
    return found if model.startswith("bedrock/") else None


def id_of(model: str) -> str:
    """The id of the model behind a name, an inference profile or an ARN: vendor, model, version."""
    return _AREA.sub("", model.rpartition("/")[2], count=1)


def vendor_of(model: str) -> str:
    """Who made the model: `anthropic`, `amazon`; empty for ARNs that do not tell."""
    vendor, dot, _ = id_of(model).partition(".")
    return vendor if dot else ""


def name_at_vendor(model: str) -> str:
    """What its vendor calls the model, as far as that is a part of its id: `claude-sonnet-4-5-20250929`."""
    return _VERSION.sub("", id_of(model).partition(".")[2])


def listed_names(model: str) -> tuple[str, ...]:
    """What a model may be listed under, the most exact first."""
    whole, id = model.rpartition("/")[2], id_of(model)
    return tuple(dict.fromkeys((whole, id, id.partition(".")[2] or id)))


RETRIEVES = {
    "amazon.titan-embed-text-": "titan",
    "amazon.titan-embed-g1-text-": "titan",
    "cohere.embed-": "cohere_embed",
    "cohere.rerank-": "cohere_rerank",
    "amazon.rerank-": "amazon_rerank",
}
"""How models that embed or rank are asked, by the beginnings of their ids."""


def retrieval_of(model: str) -> str:
    """How a model that embeds or ranks is asked; empty for all others."""
    id = id_of(model.lower())
    return next((kind for beginning, kind in RETRIEVES.items() if id.startswith(beginning)), "")
