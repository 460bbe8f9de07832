"""Models whose names clients complete, and names of which they say a part: `model = "openrouter/*"`."""

from __future__ import annotations

from ...dsl import syntax as s
from ...dsl.catalogues.inference import WILDCARD
from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics, Label
from ...dsl.kinds import ProviderKind, TaskKind, TransportKind
from ..declare import Declared
from ..program import Program
from .keys import ASKED


def check(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    """A `*` stands once in a name, and only where a client can say what stands for it."""
    kind = deployment.effective_runtime
    if WILDCARD not in deployment.model or kind.transport is TransportKind.LOCAL:
        return
    span = declared.span("model")
    if deployment.model.count(WILDCARD) > 1:
        found.error(
            "E0420",
            "a `*` stands once in a model's name",
            span,
            "more than once",
            help='write a name such as `"openrouter/*"`',
        )
    elif deployment.effective_task is not TaskKind.CHAT or kind.provider is ProviderKind.CUSTOM:
        found.error(
            "E0420",
            f"`{kind}` cannot leave the name of a model to clients",
            span,
            help="that is for chats with a provider: name the model",
        )


def check_names(program: Program, found: Diagnostics) -> None:
    """A `*` stands once in a name, of something that clients ask by it; and no two names are one."""
    named = {name: symbol for scope in program.scopes for name, symbol in scope.own.items()}
    for name, symbol in named.items():
        if WILDCARD not in name or not isinstance(symbol.node, ASKED):
            continue
        below = name.removesuffix(f"/{WILDCARD}")
        other = program.by_name(below) if below != name else None
        if isinstance(symbol.node, s.PipelineDeclaration):
            found.error(
                "E0420",
                "the name of a pipeline has no `*`",
                symbol.span,
                help="clients say a part of the names of deployments and routes alone",
            )
        elif name.count(WILDCARD) > 1:
            found.error(
                "E0420",
                "a `*` stands once in a name",
                symbol.span,
                "more than once",
                help='write a name such as `"claude-*"`',
            )
        elif other is not None and other.deployment is not None and WILDCARD in other.deployment.model:
            found.error(
                "E0420",
                f"`{below}` and `{name}` are asked by the same names",
                symbol.span,
                "asked so",
                secondary=[Label(other.symbol.span, "clients say its model behind a slash")],
                help="rename one of them",
            )
