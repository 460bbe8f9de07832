"""Models whose names clients complete: `model = "openrouter/*"`."""

from __future__ import annotations

from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics
from ...dsl.inference import WILDCARD
from ...dsl.kinds import ProviderKind, TaskKind, TransportKind
from ..declare import Declared


def check(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    """A `*` stands at the end of a name, and only where a client can say the rest."""
    kind = deployment.effective_runtime
    if WILDCARD not in deployment.model or kind.transport is TransportKind.LOCAL:
        return
    span = declared.span("model")
    if deployment.model.index(WILDCARD) != len(deployment.model) - 1:
        found.error(
            "E0420",
            "a `*` stands only at the end of a model's name",
            span,
            "clients say what stands there",
            help='write a name such as `"openrouter/*"`',
        )
    elif deployment.effective_task is not TaskKind.CHAT or kind.provider is ProviderKind.CUSTOM:
        found.error(
            "E0420",
            f"`{kind}` cannot leave the name of a model to clients",
            span,
            help="that is for chats with a provider: name the model",
        )
