"""Fields that a deployment adds to bodies under the names of their provider: which must stand elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics
from ...dsl.kinds import RuntimeKind
from ...dsl.record import fields
from ...dsl.requests import RequestParameters
from ...dsl.units import Duration, Money, Percent, Size
from ...dsl.values import Call, describe
from ..capabilities import service_of
from ..declare import Declared

THE_CLIENTS = ("model", "messages", "input", "stream", "stream_options")
"""Fields of a body that say what is asked, and how it is answered."""

OWN = (*fields(RequestParameters), "max_completion_tokens")
"""Those that are written beside `extra_body`."""

TIERS = ("serviceTier", "service_tier")
"""How Gemini is asked for a tier of service. Source: Gemini API, flex and priority inference."""


def check(
    declared: Declared,
    deployment: Deployment,
    path: tuple[str, ...],
    body: Mapping[str, Any],
    found: Diagnostics,
) -> None:
    """Report what cannot stand in `body`, which is written at `path`."""
    for name in body:
        if name in THE_CLIENTS:
            found.error(
                "E0204",
                f"`extra_body` cannot hold `{name}`",
                declared.span(*path, name),
                "is the client's to say",
                help="remove it",
            )
        elif name in OWN:
            meant = "max_tokens" if name == "max_completion_tokens" else name
            found.error(
                "E0204",
                f"`{name}` is a parameter of its own",
                declared.span(*path, name),
                "does not belong in `extra_body`",
                help=f"write `{path[1]} {{ {meant} = … }}`",
            )
        elif name in TIERS and _asks_by_header(deployment):
            found.error(
                "E0204",
                f"Vertex reads no `{name}` in the body",
                declared.span(*path, name),
                "the tier of service stands in a header there",
                help=_by_header(body[name]),
            )
    for inner, value in _no_json(body, path):
        found.error(
            "E0301",
            f"`{inner[-1]}` takes a text, a number, `true`, `false`, or a list of them",
            declared.span(*inner),
            f"found {describe(value)}",
            help="bodies are JSON, which has no units",
        )


def _no_json(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The places of values that JSON has no word for."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _no_json(inner, (*path, name))
    elif isinstance(value, list):
        for inner in value:
            yield from _no_json(inner, path)
    elif isinstance(value, Duration | Size | Money | Percent | Call):
        yield path, value


def _asks_by_header(deployment: Deployment) -> bool:
    return deployment.effective_runtime is RuntimeKind.GEMINI and service_of(deployment) == "vertex"


def _by_header(tier: Any) -> str:
    from ..plan.service_tiers import ASKED_BY_HEADER, tier_named  # most files ask for no tier

    named = tier_named(tier)
    if named not in ASKED_BY_HEADER:
        return "remove it: without that header, the tier is the standard one"
    return f'write `runtime gemini {{ headers {{ "X-Vertex-AI-LLM-Shared-Request-Type" = "{named}" }} }}`'
