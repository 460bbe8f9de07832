"""Models whose names clients complete: `model = "openrouter/*"`."""

from __future__ import annotations

from ...dsl.diagnostics import Diagnostics
from ...dsl.inference import WILDCARD
from ...dsl.kinds import ProviderKind, TaskKind, TransportKind
from ..program import Program

_OTHER_PROTOCOLS = (ProviderKind.ANTHROPIC, ProviderKind.GEMINI, ProviderKind.BEDROCK, ProviderKind.CUSTOM)


def check(program: Program, found: Diagnostics) -> None:
    """A `*` stands at the end of a name, and only where a client can say the rest."""
    for declared, deployment in program.deployments:
        kind = deployment.effective_runtime()
        if WILDCARD not in deployment.model or kind.transport is TransportKind.LOCAL:
            continue
        span = declared.span("model")
        if deployment.model.index(WILDCARD) != len(deployment.model) - 1:
            found.error(
                "E0420",
                "a `*` stands only at the end of a model's name",
                span,
                "clients say what stands there",
                help='write a name such as `"openrouter/*"`',
            )
        elif deployment.effective_task() is not TaskKind.CHAT or kind.provider in _OTHER_PROTOCOLS:
            found.error(
                "E0420",
                f"`{kind}` cannot leave the name of a model to clients",
                span,
                help="that is for chats at providers that speak OpenAI's protocol: name the model",
            )
