"""Which wire format the provider of a plan speaks."""

from __future__ import annotations

from ...compiler.plan import RemotePoolPlan, WireFormat
from .anthropic.wire import AnthropicWire
from .gemini.wire import GeminiWire
from .openai.wire import OpenAIWire
from .wire import Wire


def make_wire(plan: RemotePoolPlan) -> Wire:
    """The wire that `plan` asks for."""
    match plan.wire:
        case WireFormat.OPENAI:
            return OpenAIWire(plan)
        case WireFormat.ANTHROPIC:
            return AnthropicWire(plan)
        case WireFormat.GEMINI:
            return GeminiWire(plan)
