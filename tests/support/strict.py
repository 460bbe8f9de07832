"""The tables of the strict mock provider, as a judge of requests to no model in particular."""

from __future__ import annotations

from functools import cache
from typing import Any

from attrs import evolve

from inferc.runtime.mock_provider.strict import Table, table

PROVIDERS = {"openai_chat": "openai", "anthropic": "anthropic", "gemini": "gemini", "bedrock": "bedrock"}
"""Who speaks a dialect."""


@cache
def of_all_models(provider: str) -> Table:
    """The table without the rules that are about some models."""
    whole = table(provider)
    general = tuple(
        rule for rule in whole.rules if not rule.models and not rule.without and not rule.row.get("names")
    )
    return evolve(whole, rules=general)


def problems(dialect: str, body: Any) -> list[str]:
    """What the provider of a dialect has against `body`, whatever the model; none where it has no table."""
    if dialect not in PROVIDERS:
        return []
    return [error.message for error in of_all_models(PROVIDERS[dialect]).complaints("chat", "", body)]
