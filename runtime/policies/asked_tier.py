"""The tier of service that requests to one deployment ask for, whoever says it, and what it may cost."""

from __future__ import annotations

from collections.abc import Collection

from ...compiler.plan import RemotePoolPlan, WireFormat
from ...compiler.plan.service_tiers import (
    IN_GEMINIS_WORDS,
    STANDARD,
    WrittenTiers,
    has_unknown_price,
    tier_factors,
    tier_in,
    tier_named,
)
from ..requests.parts import own
from ..requests.request import ChatRequest, CompletionRequest, Request

FIELD = "service_tier"

_ASKS = (ChatRequest, CompletionRequest)


class AskedTier:
    """What the file and clients ask for. Who asks for nothing gets what the account, or the project, is set
    to: nobody tells beforehand what that is, so the dearest that such requests were answered in counts.

    Source: OpenAI, guide to fast mode (a project's tier is that of requests that say nothing, or `auto`).
    """

    def __init__(self, plan: RemotePoolPlan) -> None:
        written = WrittenTiers.of(plan)
        self._force, self._default = written.force, written.default
        self._usual = ""
        self._wire = plan.wire
        self._is_anthropic = plan.wire is WireFormat.ANTHROPIC
        can = plan.capabilities
        self._known: Collection[str] | None = can.service_tiers
        if plan.wire is WireFormat.GEMINI:
            self._known = IN_GEMINIS_WORDS
        self._reads = plan.wire in (WireFormat.ANTHROPIC, WireFormat.GEMINI) or (
            plan.wire is WireFormat.OPENAI and can.knows_field(FIELD)
        )  # others are not told what clients ask for
        self._price = plan.price
        self._dearest = 1.0

    def of(self, request: Request) -> str:
        """The tier; empty where nobody asks for one."""
        if self._force:
            return self._force
        if self._reads and isinstance(request, _ASKS) and (told := self._told(request)):
            return told
        return self._default or self._usual

    def _told(self, request: ChatRequest | CompletionRequest) -> str:
        """What the client asks for, as far as the provider is told."""
        said = request.said if isinstance(request, ChatRequest) else None
        if said is None:
            if self._is_anthropic:
                return ""
            told = request.body.get(FIELD)
        elif self._is_anthropic:
            return tier_in(own(said.conversation.extras, "anthropic"), self._wire)
        else:
            told = own(said.conversation.extras, "openai").get(FIELD)
        if not isinstance(told, str) or (self._known is not None and told not in self._known):
            return ""
        return tier_named(told)

    def answered(self, asked: str, tier: str) -> None:
        """A request that asked for `asked` was answered in `tier`."""
        if asked or self._price is None:
            return
        times, _ = tier_factors(self._price).get(tier, (1.0, 1.0))
        if times > self._dearest:
            self._dearest, self._usual = times, tier

    def is_unpriced(self, tier: str) -> bool:
        """Whether it may cost more than the standard one, and nobody knows how much."""
        return tier != STANDARD and self._price is not None and has_unknown_price(tier, self._price)
