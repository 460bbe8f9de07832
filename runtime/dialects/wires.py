"""The wire formats that providers speak, each translated from and to OpenAI's."""

from __future__ import annotations

from ...compiler.plan import RemotePoolPlan, WireFormat
from .anthropic.wire import AnthropicWire
from .gemini.wire import GeminiWire
from .openai.wire import OpenAIWire
from .wire import ChunkReader, Outgoing, Sendable, Wire, read_events

__all__ = ["ChunkReader", "Outgoing", "Sendable", "Wire", "make_wire", "read_events"]


def make_wire(plan: RemotePoolPlan) -> Wire:
    """The wire that `plan` asks for."""
    match plan.wire:
        case WireFormat.OPENAI:
            return OpenAIWire(plan)
        case WireFormat.ANTHROPIC:
            return AnthropicWire(plan)
        case WireFormat.GEMINI:
            return GeminiWire(plan)
