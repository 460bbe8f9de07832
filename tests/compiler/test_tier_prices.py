"""Budgets of deployments that ask for a tier of service, and prices of tiers."""

from __future__ import annotations

from inferc.dsl.catalogues.models import find_model
from inferc.dsl.kinds import ProviderKind

from ..support.projects import Project
from ..support.rows import each_row


def priced(action: str, tier: str, price: str = "") -> str:
    return (
        'deployment chat { model = "gpt-5.4-nano", runtime openai { api_key = env("K") }, '
        f'request {{ force {{ extra_body {{ service_tier = "{tier}" }} }} }}{price}, '
        f"budget {{ max_spend_per_day = $20, on_exceeded = {action} }} }}"
    )


@each_row(("action", "code"), [("reject", "E0413"), ("warn", "W0421")])
def test_a_dear_tier_without_a_price_keeps_no_budget(project: Project, action: str, code: str) -> None:
    found = project.findings(priced(action, "priority"))
    assert [each.code for each in found] == [code]
    assert "the tier `priority`" in found[0].message


@each_row(
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


@each_row(
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


@each_row(
    ("field", "tier", "advice"),
    [
        ("serviceTier", "flex", 'headers { "X-Vertex-AI-LLM-Shared-Request-Type" = "flex" }'),
        ("service_tier", "PRIORITY", 'headers { "X-Vertex-AI-LLM-Shared-Request-Type" = "priority" }'),
        ("serviceTier", "standard", "remove it"),
    ],
)
def test_vertex_is_asked_for_a_tier_in_a_header(project: Project, field: str, tier: str, advice: str) -> None:
    def chat(where: str) -> str:
        return (
            f'deployment chat {{ model = "gemini-3.5-flash", runtime gemini {{ {where} }}, '
            f'request {{ defaults {{ extra_body {{ {field} = "{tier}" }} }} }} }}'
        )

    [found] = [each for each in project.findings(chat('project = "p", region = "global"')) if each.is_error]
    assert (found.code, found.message) == ("E0204", f"Vertex reads no `{field}` in the body")
    [told] = found.help
    assert advice in told
    assert "E0204" not in project.codes(chat('api_key = env("K")'))


def test_what_vertex_is_told_to_write_is_what_it_takes(project: Project) -> None:
    headers = 'headers { "X-Vertex-AI-LLM-Shared-Request-Type" = "flex" }'
    vertex = f'runtime gemini {{ project = "p", region = "global", {headers} }}'
    assert not project.codes(f'deployment chat {{ model = "gemini-3.5-flash", {vertex} }}')
