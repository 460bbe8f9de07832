"""Budgets of deployments that ask for a tier of service, and prices of tiers."""

from __future__ import annotations

import pytest

from inferc.dsl.catalogue import find_model
from inferc.dsl.kinds import ProviderKind

from ..support.projects import Project


def priced(action: str, tier: str, price: str = "") -> str:
    return (
        'deployment chat { model = "gpt-5.4-nano", runtime openai { api_key = env("K") }, '
        f'request {{ force {{ extra_body {{ service_tier = "{tier}" }} }} }}{price}, '
        f"budget {{ max_spend_per_day = $20, on_exceeded = {action} }} }}"
    )


@pytest.mark.parametrize(("action", "code"), [("reject", "E0413"), ("warn", "W0421")])
def test_a_dear_tier_without_a_price_keeps_no_budget(project: Project, action: str, code: str) -> None:
    found = project.findings(priced(action, "priority"))
    assert [each.code for each in found] == [code]
    assert "the tier `priority`" in found[0].message


@pytest.mark.parametrize(
    ("tier", "price"),
    [
        ("flex", ""),
        ("default", ""),
        ("priority", ", price { input = $1, output = $2, priority = 2 }"),
        ("fast", ", price { input = $1, output = $2, priority = 2 }"),
    ],
)
def test_others_need_none(project: Project, tier: str, price: str) -> None:
    assert not project.codes(priced("reject", tier, price))


@pytest.mark.parametrize(
    ("provider", "model", "tiers"),
    [
        (ProviderKind.OPENAI, "gpt-5.4-mini", (0.5, None, 2.0, None)),
        (ProviderKind.OPENAI, "o4-mini-2025-04-16", (0.5, 0.5019, 1.8182, None)),
        (ProviderKind.GEMINI, "gemini-2.5-flash", (0.5, 1.0, 1.8, None)),
        (ProviderKind.BEDROCK, "openai.gpt-oss-20b-1:0", (0.5, None, 1.75, None)),
        (ProviderKind.FIREWORKS, "accounts/fireworks/models/kimi-k2p6", (None, None, 1.579, None)),
        (ProviderKind.ANTHROPIC, "claude-opus-5", (None, None, None, None)),
    ],
)
def test_the_catalogue_knows_prices_of_tiers(
    provider: ProviderKind, model: str, tiers: tuple[float | None, ...]
) -> None:
    found = find_model(model, provider)
    assert found is not None
    assert (found.flex, found.flex_cached, found.priority, found.ultrafast) == tiers
