"""Tiers of service: what providers call them, and how many times as much tokens cost there.

Sources: OpenAI, guides to flex processing, fast mode (which was priority processing until July 2026) and
ultrafast mode; Anthropic, service tiers and fast mode; Gemini API, flex and priority inference; Vertex AI,
Priority PayGo and Flex PayGo; Amazon Bedrock API reference (ServiceTier, PerformanceConfiguration); Groq,
service tiers. All of 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...dsl.kinds import WireFormat
from ...dsl.policies import Price
from .model import RemotePoolPlan
from .record import frozen

STANDARD = "standard"

_NAMES = {
    "": "",
    **dict.fromkeys(("default", "standard", "standard_only", "on_demand", "unspecified", "batch"), STANDARD),
    **dict.fromkeys(("flex", "on_demand_flex", "on_demand_offpeak"), "flex"),
    **dict.fromkeys(("priority", "on_demand_priority"), "priority"),
    "auto": "",
    "fast": "fast",
    "ultrafast": "ultrafast",
}
"""What providers say, in small letters. `auto` is what the account, or the project, is set to."""

CHEAPER = frozenset({"flex"})
"""Tiers that never cost more than the standard one."""

WRITABLE = ("fast", "priority", "ultrafast")
"""Dearer ones whose price a file can say."""

MOST_NAME = 32
"""Characters of the name of a tier that is shown."""
IN_GEMINIS_WORDS = {"default": STANDARD, "flex": "flex", "priority": "priority"}
"""How Gemini calls those of OpenAI's tiers that it has, too."""
VERTEX_HEADER = "x-vertex-ai-llm-shared-request-type"
ASKED_BY_HEADER = frozenset({"flex", "priority"})
"""What that header may say; without it, the tier is the standard one."""


def tier_named(told: object) -> str:
    """The tier that `told` names; empty where it names none. A name that nobody knows is itself, if it can be
    shown."""
    if not isinstance(told, str):
        return ""
    found = _NAMES.get(told)
    if found is not None:
        return found
    name = told.strip().lower()
    if len(name) > MOST_NAME or not name.isascii() or not name.isprintable():
        return "unknown"
    return _NAMES.get(name, name)


def tier_factors(price: Price) -> dict[str, tuple[float, float]]:
    """How many times as much tokens cost in each tier whose price is known, and cached ones.

    OpenAI says `fast` for what it called `priority`.
    """
    fast = price.priority if price.fast is None else price.fast
    told = {"flex": price.flex, "priority": price.priority, "fast": fast, "ultrafast": price.ultrafast}
    cached = {"flex": price.flex_cached}
    return {
        tier: (times, times if (of_cache := cached.get(tier)) is None else of_cache)
        for tier, times in told.items()
        if times is not None
    }


def has_unknown_price(tier: str, price: Price) -> bool:
    """Whether `tier` may cost more than the standard one, and nobody knows how much."""
    return tier not in ("", STANDARD) and tier not in CHEAPER and tier not in tier_factors(price)


@frozen
class WrittenTiers:
    """What a plan says of tiers: what it forces, and what it asks for where a client asks for none; empty:
    nothing."""

    force: str = ""
    default: str = ""

    @classmethod
    def of(cls, plan: RemotePoolPlan) -> WrittenTiers:
        if plan.request is None and not plan.headers:
            return NOTHING_WRITTEN
        said = [
            tier_in((each.extra_body or {}) if each is not None else {}, plan.wire)
            for each in (
                (plan.request.force, plan.request.defaults) if plan.request is not None else (None, None)
            )
        ]
        if plan.wire is WireFormat.GEMINI:
            by_header = {name.lower(): tier_named(value) for name, value in plan.headers.items()}
            said[0] = said[0] or by_header.get(VERTEX_HEADER, "")
        return cls(*said) if any(said) else NOTHING_WRITTEN


NOTHING_WRITTEN = WrittenTiers()


def tier_in(body: Mapping[str, Any], wire: WireFormat) -> str:
    """The tier that a body asks for, or an answer tells, in the words of its provider."""
    if not body:
        return ""
    if wire is WireFormat.OPENAI:
        return tier_named(body.get("service_tier"))
    if wire is WireFormat.ANTHROPIC:
        return "fast" if body.get("speed") == "fast" else tier_named(body.get("service_tier"))
    if wire is WireFormat.GEMINI:
        return tier_named(body.get("serviceTier") or body.get("service_tier") or body.get("trafficType"))
    config, latency = body.get("serviceTier"), body.get("performanceConfig")
    if isinstance(latency, Mapping) and latency.get("latency") == "optimized":
        return "optimized"
    return tier_named(config.get("type")) if isinstance(config, Mapping) else ""
