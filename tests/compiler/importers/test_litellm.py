"""LiteLLM's `config.yaml`: what comes over counts, and all else is named."""

from __future__ import annotations

import pytest

from inferc.compiler.importers import ImportFailed, Outcome

from ...support.rows import each_row
from .conftest import Import

KEPT, CHANGED, LOST = Outcome.KEPT, Outcome.CHANGED, Outcome.LOST


def test_a_model_its_key_and_its_limits_come_over(bring: Import) -> None:
    came = bring(
        "config.yaml",
        """
        model_list:
          - model_name: help-desk
            litellm_params:
              model: anthropic/claude-sonnet-4-0
              api_key: os.environ/CLAUDE_KEY
              rpm: 120
              tpm: 90_000
              max_parallel_requests: 6
              num_retries: 4
            model_info: {max_input_tokens: 200000, description: "Answers  customers"}
        """,
    )
    values = came.values
    assert values["help-desk.model"] == "claude-sonnet-4-0"
    assert values["help-desk.runtime"] == "anthropic"
    assert values["help-desk.runtime.api_key"] == '[env("CLAUDE_KEY")]'
    assert values["help-desk.runtime.rate_limits.requests_per_minute"] == "120"
    assert values["help-desk.runtime.rate_limits.tokens_per_minute"] == "90000"
    assert values["help-desk.serving.max_concurrent"] == "6"
    assert values["help-desk.runtime.retry.max_retries"] == "4"
    assert values["help-desk.model_info.context_window"] == "200000"
    assert "## Answers customers\n" in came.text
    assert came.lost() == came.changed() == set()


def test_what_gemini_is_told_of_harm_comes_over(bring: Import) -> None:
    safety = "safety_settings: [{category: HARM_CATEGORY_HARASSMENT, threshold: BLOCK_NONE}]"
    came = bring(
        "config.yaml",
        f"""
        model_list:
          - model_name: flash
            litellm_params: {{model: gemini/gemini-2.5-flash, api_key: os.environ/G, {safety}}}
          - model_name: gpt
            litellm_params: {{model: openai/gpt-5, api_key: os.environ/K, {safety}}}
        """,
    )
    assert 'safety { HARM_CATEGORY_HARASSMENT = "BLOCK_NONE" }' in came.text
    assert {path.partition(".safety")[0] for path in came.lost()} == {"model_list[1].litellm_params"}


@each_row(
    ("params", "model", "runtime", "endpoint"),
    [
        ("model: gpt-4o", "gpt-4o", "openai", "none"),
        ("model: text-embedding-3-small", "text-embedding-3-small", "openai", "none"),
        ("model: groq/openai/gpt-oss-20b", "openai/gpt-oss-20b", "groq", "none"),
        ("model: openrouter/openrouter/auto", "openrouter/openrouter/auto", "openrouter", "none"),
        (
            "model: hosted_vllm/Qwen/Q, api_base: http://a:1/v1, api_key: none",
            "Qwen/Q",
            "vllm",
            "http://a:1/v1",
        ),
        ("model: openai/q, api_base: http://a:1/v1", "q", "openai_compatible", "http://a:1/v1"),
        ("model: ollama_chat/llama3, api_base: http://a:1", "llama3", "ollama", "http://a:1/v1"),
        ("model: deepinfra/a/b", "a/b", "openai_compatible", "https://api.deepinfra.com/v1/openai"),
        ("model: gpt-9, custom_llm_provider: xai", "gpt-9", "xai", "none"),
    ],
)
def test_the_provider_is_the_one_that_the_name_begins_with(
    bring: Import, params: str, model: str, runtime: str, endpoint: str
) -> None:
    values = bring("c.yaml", f"model_list: [{{model_name: m, litellm_params: {{{params}}}}}]").values
    assert (values["m.model"], values["m.runtime"]) == (model, runtime)
    assert values["m.runtime.endpoint"] == endpoint


def test_azure_keeps_resource_deployment_and_version_and_is_known_by_its_base_model(bring: Import) -> None:
    came = bring(
        "c.yaml",
        """
        model_list:
          - model_name: mini
            litellm_params:
              model: azure/mini-prod
              api_base: https://acme-east.openai.azure.com/
              api_version: "2025-03-01-preview"
              api_key: os.environ/AZURE
            model_info: {base_model: azure/gpt-4o-mini}
        """,
    )
    values = came.values
    assert values["mini.runtime.azure_resource"] == "acme-east"
    assert values["mini.runtime.azure_deployment"] == "mini-prod"
    assert values["mini.runtime.api_version"] == "2025-03-01-preview"
    assert (values["mini.model"], came.lost()) == ("gpt-4o-mini", set())


def test_a_deployment_at_azure_s_v1_api_keeps_its_base_model(bring: Import) -> None:
    came = bring(
        "c.yaml",
        """
        model_list:
          - model_name: mini
            litellm_params:
              model: azure/mini-prod
              api_base: https://acme.openai.azure.com/openai/v1
              api_key: os.environ/AZURE
            model_info: {base_model: azure/gpt-4o-mini}
        """,
    )
    assert came.values["mini.model_info.base_model"] == "gpt-4o-mini"
    assert (came.values["mini.model"], came.lost()) == ("mini-prod", set())


def test_one_name_for_several_models_is_a_route_with_what_stands_behind_it(bring: Import) -> None:
    came = bring(
        "c.yaml",
        """
        model_list:
          - {model_name: chat, litellm_params: {model: gpt-4o, api_key: os.environ/A}}
          - model_name: chat
            litellm_params: {model: gpt-4o, api_key: os.environ/B}
            model_info: {id: second}
          - {model_name: spare, litellm_params: {model: claude-sonnet-4-0}}
          - {model_name: last, litellm_params: {model: groq/llama-3.3-70b-versatile}}
        router_settings:
          fallbacks: [{chat: [spare]}, {spare: [last, chat]}]
          model_group_alias: {gpt: chat, old: {model: last, hidden: true}}
          routing_strategy: least-busy
        """,
    )
    both = 'balance ["chat-1", second] by least_busy'
    assert f'route chat = fallback [{both}, "spare-anthropic", last]' in came.text
    assert f'route spare = fallback ["spare-anthropic", last, {both}]' in came.text
    assert "route gpt = chat\n" in came.text
    assert "route old = last\n" in came.text
    assert came.lost() == {"router_settings.model_group_alias.old.hidden"}


BACK = ['c = fallback ["c-anthropic", b]']
ELSE = '"*" = b'
"""Names that no model has are for the default, too."""
NAMED = """
model_list:
  - {model_name: a, litellm_params: {model: gpt-4o}}
  - {model_name: b, litellm_params: {model: gpt-4o-mini}}
  - {model_name: c, litellm_params: {model: claude-sonnet-4-0}}
"""


@each_row(
    ("settings", "routes"),
    [
        ("litellm_settings: {default_fallbacks: [b]}", ['a = fallback ["a-openai", b]', *BACK, ELSE]),
        ('router_settings: {fallbacks: [{"*": [b]}]}', ['a = fallback ["a-openai", b]', *BACK]),
        (
            'router_settings: {fallbacks: [{"*": [c]}], default_fallbacks: [b]}',
            ['a = fallback ["a-openai", b]', *BACK, ELSE],
        ),
        (
            "router_settings: {fallbacks: [{a: [c]}]}\nlitellm_settings: {default_fallbacks: [b]}",
            ['a = fallback ["a-openai", "c-anthropic", b]', *BACK, ELSE],
        ),
        ("router_settings: {fallbacks: [{a: []}], default_fallbacks: [b]}", [*BACK, ELSE]),
        ("router_settings: {default_fallbacks: [nobody]}", []),
        (
            "router_settings: {fallbacks: [{c: [b]}]}\nlitellm_settings: {fallbacks: [{a: [b]}]}",
            BACK,
        ),
    ],
    ids=[
        *("behind all", "under a star", "the last for all", "behind its own"),
        *("none of its own", "nobody", "the router's before others"),
    ],
)
def test_who_has_nothing_behind_it_has_the_default(bring: Import, settings: str, routes: list[str]) -> None:
    came = bring("c.yaml", NAMED + settings)
    assert [line[6:] for line in came.text.splitlines() if line.startswith("route ")] == routes


def test_a_model_for_all_names_counts_before_the_default(bring: Import) -> None:
    came = bring(
        "c.yaml",
        """
        model_list:
          - {model_name: "*", litellm_params: {model: "openai/*", api_key: os.environ/K}}
          - {model_name: "us/claude-*", litellm_params: {model: "bedrock/us.anthropic.claude-*"}}
          - {model_name: b, litellm_params: {model: gpt-4o-mini}}
          - {model_name: "gpt-*", litellm_params: {model: "openai/gpt-*", weight: 1}}
          - {model_name: "gpt-*", litellm_params: {model: "openrouter/openai/gpt-*", weight: 3}}
        router_settings: {default_fallbacks: [b]}
        """,
    )
    assert 'route "*" = fallback ["any-openai", b]' in came.text
    assert 'route "us/claude-*" = fallback ["us-claude-bedrock", b]' in came.text
    assert (
        'route "gpt-*" = fallback [split { gpt-openai: 25%' in came.text
        or '"gpt-*" = fallback [' in came.text
    )
    assert came.lost() == came.changed() == set()


def test_a_default_that_answers_something_else_stands_behind_its_like_alone(bring: Import) -> None:
    """One for chats stands behind models of all kinds in such files; they keep their names."""
    came = bring(
        "c.yaml",
        NAMED
        + """
  - {model_name: near, litellm_params: {model: text-embedding-3-small}}
  - {model_name: heard, litellm_params: {model: whisper-1}}
litellm_settings: {default_fallbacks: [b]}
""",
    )
    assert came.values["near.model"] == "text-embedding-3-small"
    assert came.values["heard.model"] == "whisper-1"
    assert 'route a = fallback ["a-openai", b]' in came.text
    assert came.outcome("litellm_settings.default_fallbacks") is CHANGED
    assert 'route "*" = b\n' in came.text
    assert "`near` goes on without it" in came.comments()
    assert came.lost() == set()


@pytest.mark.parametrize(
    ("first", "second", "third", "route"),
    [
        ("weight: 2", "weight: 1", None, "fallback [split { a: 66.67%, b: 33.33% }, a, b]"),
        ("weight: 3, rpm: 1", "rpm: 9", "weight: 1", "fallback [split { a: 75%, c: 25% }, a, c, b]"),
        ("weight: 1", "weight: 0", None, "fallback [a, b]"),
        ("rpm: 900", "rpm: 100", None, "fallback [split { a: 90%, b: 10% }, a, b]"),
        ("tpm: 30", "tpm: 10", None, "fallback [split { a: 75%, b: 25% }, a, b]"),
        ("rpm: 10", "rpm: 10", None, "balance [a, b] by round_robin"),
        ("order: 2", "timeout: 9", "order: 1", "fallback [c, a, b]"),
    ],
    ids=["weights", "some weights", "none", "rpm", "tpm", "rpm alike", "order"],
)
def test_what_a_group_says_of_its_shares_and_turns_is_as_in_litellm(
    bring: Import, first: str, second: str, third: str | None, route: str
) -> None:
    """Whoever has no share, or no turn, is asked where all others fail."""
    entries = [
        f"  - {{model_name: m, litellm_params: {{model: gpt-4o, {said}}}, model_info: {{id: {name}}}}}"
        for name, said in zip("abc", (first, second, third), strict=True)
        if said is not None
    ]
    came = bring("c.yaml", "\n".join(["model_list:", *entries]))
    assert f"route m = {route}\n" in came.text
    assert came.lost() == set()
    assert ("model_list[1].model_name" in came.changed()) is (first == "order: 2")


def test_what_the_file_says_once_counts_for_all_that_say_nothing_else(bring: Import) -> None:
    came = bring(
        "c.yaml",
        """
        model_list:
          - {model_name: a, litellm_params: {model: gpt-4o}}
          - {model_name: b, litellm_params: {model: gpt-4o, timeout: 5, num_retries: 0}}
        router_settings: {timeout: 90, retry_after: 3, allowed_fails: 2, cooldown_time: 45}
        litellm_settings: {num_retries: 7, request_timeout: 600}
        general_settings: {master_key: os.environ/MASTER, max_request_size_mb: 9}
        """,
    )
    a, b = ({k[2:]: v for k, v in came.values.items() if k.startswith(f"{n}.")} for n in "ab")
    assert (a["runtime.timeouts.total"], a["runtime.timeouts.request"]) == ("90s", "90s")
    assert (a["runtime.retry.max_retries"], a["runtime.retry.initial_backoff"]) == ("7", "3s")
    assert a["runtime.circuit_breaker.failure_threshold"] == "3"
    assert a["runtime.circuit_breaker.open_duration"] == "45s"
    assert (b["runtime.timeouts.total"], b["runtime.retry.max_retries"]) == ("5s", "0")
    assert 'gateway { auth = bearer(env("MASTER")), max_body = 9MiB }' in came.text
    assert came.lost() == {"litellm_settings.request_timeout"}
    assert "router_settings.allowed_fails" in came.changed()


def test_prices_are_per_million_tokens(bring: Import) -> None:
    came = bring(
        "c.yaml",
        """
        model_list:
          - model_name: m
            litellm_params: {model: openai/tuned, input_cost_per_token: 2e-6}
            model_info: {output_cost_per_token: 0.000008, cache_read_input_token_cost: 0.0000005}
        """,
    )
    assert came.values["m.price.input"] == "$2"
    assert came.values["m.price.output"] == "$8"
    assert came.values["m.price.cached_input"] == "$0.5"


def test_prices_of_tiers_are_multiples_of_the_standard_one(bring: Import) -> None:
    came = bring(
        "c.yaml",
        """
        model_list:
          - model_name: m
            litellm_params:
              model: openai/tuned
              input_cost_per_token: 2e-6
              input_cost_per_token_flex: 1e-6
              input_cost_per_token_priority: "4e-6"
              input_cost_per_token_ultrafast: 1
            model_info:
              output_cost_per_token: 8e-6
              output_cost_per_token_flex: 4e-6
              output_cost_per_token_priority: 20e-6
              cache_read_input_token_cost: 2e-7
              cache_read_input_token_cost_flex: 2e-7
              cache_read_input_token_cost_priority: 4e-7
          - model_name: n
            litellm_params: {model: openai/tuned, input_cost_per_token_flex: 1e-6}
            model_info: {input_cost_per_token: free, input_cost_per_token_priority: 1e-6}
        """,
    )
    prices = {each.removeprefix("m.price."): said for each, said in came.values.items() if "m.price" in each}
    assert [prices[each] for each in ("flex", "flex_cached", "priority")] == ["0.5", "1.0", "2.5"]
    assert "ultrafast" not in prices
    assert came.changed() >= {
        "model_list[0].litellm_params.input_cost_per_token_priority",
        "model_list[0].model_info.cache_read_input_token_cost_priority",
    }
    assert came.lost() >= {
        "model_list[0].litellm_params.input_cost_per_token_ultrafast",
        "model_list[1].litellm_params.input_cost_per_token_flex",
        "model_list[1].model_info.input_cost_per_token_priority",
    }


def test_keys_in_the_file_become_variables_and_are_never_repeated(bring: Import) -> None:
    came = bring(
        "c.yaml",
        """
        environment_variables: {TOKEN: very-secret-token}
        model_list:
          - {model_name: my model, litellm_params: {model: gpt-4o, api_key: sk-abcdef0123456789}}
          - {model_name: b, litellm_params: {model: xai/grok-4, api_key: os.environ/TOKEN}}
          - model_name: c
            litellm_params: {model: openai/x, api_base: "http://a/v1", api_key: sk-no-key-required}
        general_settings: {master_key: sk-1234}
        """,
    )
    assert came.values["my model.runtime.api_key"] == '[env("MY_MODEL_API_KEY")]'
    assert came.values["b.runtime.api_key"] == '[env("TOKEN")]'
    assert came.values["c.runtime.api_key"] == "[]"
    assert 'bearer(env("LITELLM_MASTER_KEY"))' in came.text
    assert came.changed() == {
        "environment_variables.TOKEN",
        "model_list[0].litellm_params.api_key",
        "general_settings.master_key",
    }
    said = came.text + "".join(entry.says for entry in came.imported.report.entries())
    assert not [each for each in ("abcdef0123456789", "very-secret", "sk-1234") if each in said]


def test_anchors_merges_and_included_files_are_understood(bring: Import) -> None:
    came = bring(
        "c.yaml",
        """
        include: [more.yaml]
        x-limits: &limits {rpm: 10, tpm: 2000}
        credential_list: [{credential_name: house, credential_values: {api_key: os.environ/HOUSE}}]
        model_list:
          - model_name: a
            litellm_params:
              <<: *limits
              model: gpt-4o
              tpm: 500
        """,
        more__yaml="""
        model_list:
          - {model_name: b, litellm_params: {model: gpt-4o, litellm_credential_name: house}}
        """,
    )
    assert came.values["a.runtime.rate_limits.requests_per_minute"] == "10"
    assert came.values["a.runtime.rate_limits.tokens_per_minute"] == "500"
    assert came.values["b.runtime.api_key"] == '[env("HOUSE")]'
    assert came.outcome("include") is KEPT
    assert came.outcome("more.yaml#model_list[0].litellm_params.litellm_credential_name") is KEPT
    assert "model_list[0].litellm_params.rpm" in {e.setting for e in came.imported.report.of(KEPT)}
    assert came.lost() == set()


def test_what_has_no_equivalent_is_named_with_its_line_and_what_to_do(bring: Import) -> None:
    came = bring(
        "c.yaml",
        """\
        model_list:
          - model_name: a
            litellm_params:
              model: gpt-4o
              rpm: 0
              never_heard_of: {x: 1}
          - model_name: painter
            litellm_params: {model: openai/sora-2}
            model_info: {mode: video_generation}
        guardrails: [{guardrail_name: g, litellm_params: {mode: pre_call}}]
        router_settings: {redis_host: os.environ/REDIS, brand_new: 1}
        """,
    )
    assert came.lost() == {
        "model_list[0].litellm_params.rpm",
        "model_list[0].litellm_params.never_heard_of.x",
        "model_list[1].model_name",
        "model_list[1].litellm_params.model",
        "model_list[1].model_info.mode",
        "guardrails[0].guardrail_name",
        "guardrails[0].litellm_params.mode",
        "router_settings.redis_host",
        "router_settings.brand_new",
    }
    said = came.comments()
    assert "lost: guardrails (line 10): inferc brings no guards" in said
    assert "lost: router_settings.redis_host (line 11): inferc shares limits" in said
    assert "`inferc run --state redis://…`" in said
    assert "lost: model_list[0].litellm_params.rpm (line 5)" in said
    assert "lost: model_list[1] (line 7): inferc serves chats" in said


def test_pictures_sounds_and_moderations_go_on_to_who_speaks_the_protocol_of_openai(bring: Import) -> None:
    came = bring(
        "c.yaml",
        """\
        model_list:
          - model_name: painter
            litellm_params: {model: openai/gpt-image-1}
            model_info: {mode: image_generation}
          - model_name: ears
            litellm_params: {model: groq/whisper-large-v3}
            model_info: {mode: audio_transcription}
          - model_name: imagen
            litellm_params: {model: gemini/imagen-4.0-generate-001}
            model_info: {mode: image_generation}
        """,
    )
    assert 'deployment painter {\n  model = "gpt-image-1"' in came.text
    assert 'deployment ears {\n  model = "whisper-large-v3"' in came.text
    assert "imagen" not in came.text.partition("deployment")[2]
    assert "lost: model_list[2]" in came.comments()


def test_a_model_that_cannot_be_here_leaves_its_routes(bring: Import) -> None:
    came = bring(
        "c.yaml",
        """
        model_list:
          - {model_name: a, litellm_params: {model: sagemaker/x}}
          - {model_name: b, litellm_params: {model: gpt-4o}}
        router_settings: {fallbacks: [{b: [a]}, {a: [b]}]}
        """,
    )
    assert came.lost() >= {"model_list[0].model_name", "model_list[0].litellm_params.model"}
    assert came.outcome("router_settings.fallbacks[1].a") is CHANGED
    assert came.outcome("router_settings.fallbacks[0].b") is LOST
    assert "route a = b\n" in came.text
    assert "route b" not in came.text


def test_what_an_entry_says_that_is_lost_is_lost_with_what_counts_for_it_alone(bring: Import) -> None:
    came = bring(
        "config.yaml",
        """
        environment_variables: {BASE: "https://a.example.com/v1", ONLY: "https://b.example.com", TOKEN: t}
        credential_list:
          - credential_name: shared
            credential_values: {api_key: os.environ/SHARED, api_base: os.environ/BASE}
          - credential_name: alone
            credential_values: {api_key: os.environ/ALONE}
        model_list:
          - model_name: chat
            litellm_params: {model: openai/q, litellm_credential_name: shared}
          - model_name: pictures
            litellm_params:
              model: gemini/imagen-4
              api_key: os.environ/TOKEN
              api_base: os.environ/ONLY
            model_info: {mode: image_generation}
          - model_name: sounds
            litellm_params: {model: anthropic/x, litellm_credential_name: alone}
            model_info: {mode: audio_speech}
          - model_name: more-pictures
            litellm_params: {model: gemini/x, litellm_credential_name: shared}
            model_info: {mode: image_edit}
        """,
    )
    kept = {entry.setting for entry in came.imported.report.of(KEPT)}
    assert kept == {
        "environment_variables.BASE",
        "credential_list[0].credential_name",
        "credential_list[0].credential_values.api_key",
        "credential_list[0].credential_values.api_base",
        *(f"model_list[0].{each}" for each in ("model_name", "litellm_params.model")),
        "model_list[0].litellm_params.litellm_credential_name",
    }
    assert came.changed() == set()
    assert "credential_list[1].credential_values.api_key" in came.lost()
    assert {"environment_variables.ONLY", "environment_variables.TOKEN"} <= came.lost()


def test_names_cannot_break_out(bring: Import) -> None:
    odd = ["a\n} deployment evil {", "${x}", "route", 'quo"te', "\u202e"]
    entries = [{"model_name": name, "litellm_params": {"model": "gpt-4o"}} for name in odd]
    import json

    came = bring("c.json", json.dumps({"model_list": entries}))
    assert {key.rpartition(".model")[0] for key in came.values if key.endswith(".model")} == set(odd)


def test_parameters_of_requests_and_headers_come_over(bring: Import) -> None:
    came = bring(
        "c.yaml",
        """
        environment_variables: {HOUSE: https://house.example.com/v1}
        model_list:
          - model_name: m
            litellm_params:
              model: openai/gpt-5
              temperature: 0
              max_completion_tokens: 900
              stop: "</end>"
              reasoning_effort: low
              extra_body: {service_tier: flex, deep: {er: [1, two]}}
              extra_headers: {X-Team: agents, X-Token: abcdefghijklmnopqr}
              drop_params: true
          - {model_name: env, litellm_params: {model: os.environ/M, api_base: os.environ/HOUSE}}
        """,
    )
    values = came.values
    assert values["m.request.defaults.temperature"] == "0.0"
    assert values["m.request.defaults.max_tokens"] == "900"
    assert values["m.request.defaults.stop"] == "[</end>]"
    assert values["m.request.defaults.reasoning_effort"] == "low"
    assert values["m.request.unsupported"] == "drop"
    assert 'extra_body { service_tier = "flex", deep { er = [1, "two"] } }' in came.text
    assert '"X-Team" = "agents"' in came.text
    assert "abcdefgh" not in came.text
    assert values["env.model"] == 'env("M")'
    assert values["env.runtime.endpoint"] == 'env("HOUSE", "https://house.example.com/v1")'
    assert came.lost() == set()
    params = "model_list[0].litellm_params."
    named = "model_list[1].litellm_params.model"  # it has no `openai/` before it here
    untaken = {f"{params}temperature", f"{params}stop"}  # by the model
    assert came.changed() == {f"{params}extra_headers.X-Token", *untaken, named}


def test_addresses_from_the_environment_get_the_path_that_they_need(bring: Import) -> None:
    came = bring(
        "c.yaml",
        """
        model_list:
          - {model_name: a, litellm_params: {model: azure/prod, api_base: os.environ/BASE, rpm: null}}
          - {model_name: b, litellm_params: {model: ollama/llama3, api_base: os.environ/OLLAMA}}
          - model_name: v
            litellm_params:
              {model: vertex_ai/gemini-2.5-pro, vertex_project: os.environ/P, vertex_location: os.environ/L}
          - {model_name: e, litellm_params: {model: text-embedding-3-small}}
        """,
    )
    assert 'let base = env("BASE")\n' in came.text
    assert 'endpoint = "${base}/openai/v1"' in came.text
    assert 'endpoint = "${ollama}/v1"' in came.text
    assert came.values["v.runtime.project"] == 'env("P")'
    assert came.changed() == {"model_list[2].litellm_params.vertex_location"}
    assert "task embed" in came.text
    assert came.lost() == set()


def test_claude_on_vertex_comes_over(bring: Import) -> None:
    came = bring(
        "c.yaml",
        """
        model_list:
          - model_name: claude
            litellm_params:
              model: vertex_ai/claude-sonnet-4-5@20250929
              vertex_project: p
              vertex_location: global
        """,
    )
    assert "runtime anthropic {" in came.text
    assert came.values["claude.model"] == "claude-sonnet-4-5@20250929"
    assert came.values["claude.runtime.region"] == "global"
    assert came.lost() == set()


def test_parameters_that_a_model_does_not_take_are_said(bring: Import) -> None:
    came = bring(
        "c.yaml",
        """
        model_list:
          - {model_name: a, litellm_params: {model: openai/gpt-5, temperature: 0.5}}
          - {model_name: b, litellm_params: {model: mistral/mistral-small-latest, seed: 7}}
        litellm_settings: {drop_params: true}
        """,
    )
    assert came.changed() == {"model_list[0].litellm_params.temperature"}
    assert "`gpt-5` takes no `temperature`: it is left out" in came.comments()
    assert "extra_body { random_seed = 7 }" in came.text


def test_what_embeds_or_ranks_on_bedrock_comes_over_with_its_price_by_the_search(bring: Import) -> None:
    came = bring(
        "config.yaml",
        """
        model_list:
          - model_name: rank
            litellm_params: {model: "bedrock/us-east-1/cohere.rerank-v3-5:0"}
            model_info: {mode: rerank, input_cost_per_query: 0.003}
          - model_name: embed
            litellm_params: {model: "bedrock/amazon.titan-embed-text-v2:0", aws_region_name: eu-west-1}
        """,
    )
    values = came.values
    assert "task rerank" in came.text
    assert "task embed" in came.text
    assert values["rank.runtime.region"] == "us-east-1"
    assert (values["rank.price.per_search"], values["rank.price.input"]) == ("$0.003", "$0")
    assert came.lost() == set()


def test_azure_is_asked_as_litellm_asks_it(bring: Import) -> None:
    """Sources: `AZURE_API_BASE` and `_is_azure_v1_api_version` in LiteLLM's llms/azure."""
    foundry = "https://f.cognitiveservices.azure.com/openai/deployments/phi/x?a=1"
    dated = "https://shop.openai.azure.com/openai/deployments/o1/chat/completions?api-version=2025-01-01"
    came = bring(
        "config.yaml",
        f"""
        model_list:
          - {{model_name: nowhere, litellm_params: {{model: azure/gpt-4o, api_key: os.environ/A}}}}
          - model_name: dated
            litellm_params: {{model: azure/o1, base_model: azure/gpt-4o, api_base: "{dated}"}}
          - model_name: newest
            litellm_params: {{model: azure/o, api_base: "https://shop.openai.azure.com", api_version: v1}}
          - model_name: foundry
            litellm_params: {{model: azure_ai/phi, api_base: "{foundry}"}}
        """,
    )
    values = came.values
    assert 'let azure_api_base = env("AZURE_API_BASE")' in came.text
    assert 'endpoint = "${azure_api_base}/openai/v1"' in came.text
    assert (values["dated.runtime.azure_resource"], values["dated.runtime.azure_deployment"]) == (
        "shop",
        "o1",
    )
    assert (values["dated.model"], values["dated.runtime.api_version"]) == ("gpt-4o", "2025-01-01")
    assert values["newest.runtime.endpoint"] == "https://shop.openai.azure.com/openai/v1"
    assert values["foundry.runtime.endpoint"] == "https://f.cognitiveservices.azure.com/openai/v1"
    assert came.changed() == {"model_list[3].litellm_params.api_base"}
    assert came.lost() == set()


def test_vertex_is_named_either_way_and_else_by_the_environment(bring: Import) -> None:
    came = bring(
        "config.yaml",
        """
        model_list:
          - model_name: a
            litellm_params:
              {model: vertex_ai/claude-sonnet-4, vertex_ai_project: shop, vertex_ai_location: us-east5}
          - {model_name: b, litellm_params: {model: vertex_ai/gemini-2.5-flash}}
        """,
    )
    assert (came.values["a.runtime.project"], came.values["a.runtime.region"]) == ("shop", "us-east5")
    assert 'project = env("VERTEXAI_PROJECT")' in came.text
    assert came.lost() == came.changed() == set()


def test_a_wildcard_opens_no_more_models_than_it_says(bring: Import) -> None:
    came = bring(
        "config.yaml",
        """
        model_list:
          - {model_name: openai/o1-*, litellm_params: {model: openai/o1-*, api_key: os.environ/K}}
          - {model_name: "x::*::*", litellm_params: {model: "openai/x::*::*", api_key: os.environ/K}}
          - {model_name: "*", litellm_params: {model: "*"}}
        """,
    )
    assert 'model = "openai/o1-*"' in came.text
    whole = ("model_name", "litellm_params.model", "litellm_params.api_key")
    assert came.lost() == {f"model_list[1].{each}" for each in whole}
    assert "model_list[2].litellm_params.model" in came.changed()
    assert came.values["*.runtime.api_key"] == '[env("OPENAI_API_KEY")]'


@each_row(
    ("group", "model", "name", "written"),
    [
        ("anthropic/*", "anthropic/*", "anthropic", "anthropic/*"),
        ("gemini/*", "gemini/*", "gemini", "gemini/*"),
        ("bedrock/*", "bedrock/*", "bedrock", "*"),
        ("vertex_ai/claude-*", "vertex_ai/claude-*", "vertex_ai/claude-*", "claude-*"),
        ("claude-*", "anthropic/claude-*", "claude-*", "anthropic/claude-*"),
        ("*", "bedrock/eu.anthropic.*", "*", "eu.anthropic.*"),
        ("gpt-*-mini", "openai/gpt-*-mini", "gpt-*-mini", "openai/gpt-*-mini"),
        ("team/*-latest", "anthropic/*-latest", "team/*-latest", "anthropic/*-latest"),
    ],
)
def test_models_of_every_protocol_stay_open(
    bring: Import, group: str, model: str, name: str, written: str
) -> None:
    params = f'{{model: "{model}", vertex_project: p, vertex_location: l, aws_region_name: r}}'
    came = bring("config.yaml", f'model_list: [{{model_name: "{group}", litellm_params: {params}}}]')
    assert came.values[f"{name}.model"] == written
    assert "model_list[0].litellm_params.model" not in came.lost() | came.changed()
    assert "model_list[0].model_name" not in came.lost() | came.changed()


@each_row("rule", ["least-busy", "simple-shuffle", "usage-based-routing-v2"])
def test_a_member_of_another_task_is_left_out_alone(bring: Import, rule: str) -> None:
    came = bring(
        "config.yaml",
        f"""
        model_list:
          - {{model_name: a, litellm_params: {{model: openai/gpt-4o, api_key: os.environ/K}}}}
          - model_name: a
            litellm_params: {{model: openai/text-embedding-3-small, api_key: os.environ/K}}
            model_info: {{mode: embedding}}
          - {{model_name: a, litellm_params: {{model: openai/gpt-4o-mini, api_key: os.environ/K}}}}
        router_settings: {{routing_strategy: {rule}}}
        """,
    )
    assert 'route a = balance ["a-1", "a-3"] by ' in came.text
    assert "`a` goes on without it" in came.comments()
    assert came.lost() == set()


def test_a_window_that_a_file_calls_so_is_kept(bring: Import) -> None:
    params = '{model: openai/own, api_base: "http://h:1/v1", api_key: os.environ/K}'
    about = "{context_window: 262144}"
    came = bring(
        "config.yaml", f"model_list: [{{model_name: a, litellm_params: {params}, model_info: {about}}}]"
    )
    assert came.values["a.model_info.context_window"] == "262144"
    assert came.lost() | came.changed() == set()


def test_members_of_a_pattern_answer_for_no_other_names(bring: Import) -> None:
    came = bring(
        "config.yaml",
        """
        model_list:
          - {model_name: "gpt-*-mini", litellm_params: {model: openai/gpt-*-mini, api_key: os.environ/K}}
          - {model_name: "gpt-*-mini", litellm_params: {model: groq/gpt-*-mini, api_key: os.environ/G}}
        """,
    )
    assert 'route "gpt-*-mini" = balance ["gpt-mini-openai", "gpt-mini-groq"]' in came.text
    assert came.lost() | came.changed() == set()


def test_a_pattern_of_names_for_one_model_stays_one(bring: Import) -> None:
    came = bring(
        "config.yaml",
        """
        model_list:
          - {model_name: "claude-*", litellm_params: {model: openai/gpt-4o, api_key: os.environ/K}}
          - {model_name: "anthropic/*", litellm_params: {model: openai/gpt-4o, api_key: os.environ/K}}
          - {model_name: "vertex_ai/*", litellm_params: {model: vertex_ai/*, vertex_project: p}}
          - model_name: azure/*
            litellm_params:
              {model: azure/*, api_base: "https://shop.openai.azure.com", api_version: 2024-10-21}
        """,
    )
    for name in ("claude-*", "anthropic/*"):
        assert came.values[f"{name}.model"] == "gpt-4o"
        assert f"`{name}`" not in came.comments()
    assert "of Vertex AI's models, Gemini's" in came.comments()
    assert came.values["azure.runtime.endpoint"] == "https://shop.openai.azure.com/openai/v1"
    assert came.lost() == set()


CONFIG_MAP = """
    apiVersion: v1
    kind: {kind}
    metadata: {{name: litellm-config, namespace: ai}}
    {block}:
      readme: |
        nothing
        at all
      config.yaml: |
        model_list:
          - model_name: gpt
            litellm_params: {{model: openai/gpt-4o-mini, api_key: os.environ/OPENAI_API_KEY, modl: x}}
    ---
    apiVersion: v1
    kind: Service
    metadata: {{name: litellm}}
"""
SECOND_FILE = """\
      second.yaml: |
        model_list:
          - {model_name: gpt, litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY}}
    ---"""


@each_row(("kind", "block"), [("ConfigMap", "data"), ("Secret", "stringData")])
def test_a_file_that_a_resource_of_kubernetes_holds_is_read(bring: Import, kind: str, block: str) -> None:
    came = bring("all.yaml", CONFIG_MAP.format(kind=kind, block=block))
    assert came.values["gpt.model"] == "gpt-4o-mini"
    lost = {each.setting: each.line for each in came.imported.report.of(Outcome.LOST)}
    assert lost["config.yaml#model_list[0].litellm_params.modl"] == 12
    assert "Service/litellm.metadata.name" in lost


def test_of_several_files_in_resources_none_is_taken(bring: Import) -> None:
    one = CONFIG_MAP.format(kind="ConfigMap", block="data")
    for text in (
        one + "    ---" + one.replace("litellm-config", "other"),
        one.replace("    ---", SECOND_FILE, 1),
    ):
        with pytest.raises(
            ImportFailed, match="these resources hold several files: ConfigMap/litellm-config"
        ):
            bring("all.yaml", text)


def test_fallbacks_with_parameters_of_their_own_are_models_by_their_names(bring: Import) -> None:
    came = bring(
        "config.yaml",
        """
        model_list:
          - {model_name: a, litellm_params: {model: openai/gpt-4o, api_key: os.environ/K}}
          - {model_name: b, litellm_params: {model: openai/gpt-4o-mini, api_key: os.environ/K}}
        router_settings:
          fallbacks:
            - a: [{model: b, messages: [{role: user, content: short}]}, {temperature: 1}, [b]]
        """,
    )
    assert 'route a = fallback ["a-openai", b]' in came.text
    lost = "router_settings.fallbacks[0].a[0].messages[0].content"
    assert lost in came.lost()
    assert "a fallback is asked what the client asked" in came.comments()
    assert "Node(" not in came.text


def test_who_may_ask_is_said_by_keys(bring: Import) -> None:
    came = bring(
        "config.yaml",
        """
        model_list:
          - model_name: a
            litellm_params: {model: openai/gpt-4o, api_key: os.environ/K, guardrails: [g]}
            model_info: {access_groups: [beta], health_check_timeout: 9}
        access_groups: [{access_group_name: x, access_model_names: [a]}]
        """,
    )
    assert "`gateway { key name { models = [ … ] } }` says who may ask what" in came.comments()
    assert "asks nobody in the background" in came.comments()
    said = {each.setting: each.says for each in came.imported.report.entries()}
    assert "`gateway { key name {" in said["access_groups[0].access_model_names"]
    assert "no guards" in said["model_list[0].litellm_params.guardrails"]


def test_cloudflare_s_gateway_is_an_address_of_each_provider(bring: Import) -> None:
    at = "https://gateway.ai.cloudflare.com/v1/account/gateway"
    came = bring(
        "config.yaml",
        f"""
        model_list:
          - {{model_name: a, litellm_params: {{model: openai/gpt-4o, api_base: "{at}/openai"}}}}
          - {{model_name: b, litellm_params: {{model: anthropic/claude-x, api_base: "{at}/anthropic"}}}}
          - {{model_name: c, litellm_params: {{model: openai/dynamic/talk, api_base: "{at}/compat"}}}}
          - {{model_name: d, litellm_params: {{model: azure/gpt, api_base: "{at}/azure-openai/shop"}}}}
        """,
    )
    assert came.values["a.runtime.endpoint"] == f"{at}/openai"
    assert came.values["b.runtime.endpoint"] == f"{at}/anthropic"
    assert (came.values["c.model"], came.values["c.runtime.endpoint"]) == ("dynamic/talk", f"{at}/compat")
    assert {each.partition(".")[0] for each in came.lost()} == {"model_list[3]"}
    assert "Cloudflare asks Azure by its dated API" in came.comments()


@each_row(
    ("base", "runtime", "endpoint"),
    [
        ("https://api.openai.com/v1", "openai", None),
        ("https://eu.api.openai.com/v1", "openai", "https://eu.api.openai.com/v1"),
        (
            "https://a.example/api.openai.com/v1",
            "openai_compatible",
            "https://a.example/api.openai.com/v1",
        ),
        ("https://notapi.openai.com/v1", "openai_compatible", "https://notapi.openai.com/v1"),
    ],
)
def test_an_address_stays_and_only_openai_s_own_gets_its_key(
    bring: Import, base: str, runtime: str, endpoint: str | None
) -> None:
    model = f"{{model: openai/gpt-4o, api_base: '{base}'}}"
    came = bring("config.yaml", f"model_list: [{{model_name: chat, litellm_params: {model}}}]")
    assert f"runtime {runtime} {{" in came.text
    assert (f'endpoint = "{endpoint}"' in came.text) is (endpoint is not None)
    assert ("OPENAI_API_KEY" in came.text) is (runtime == "openai")


def test_an_alias_is_one_name(bring: Import) -> None:
    came = bring(
        "config.yaml",
        """
        model_list: [{model_name: chat, litellm_params: {model: openai/gpt-4o}}]
        router_settings: {model_group_alias: {gpt: chat, "x*": chat}}
        """,
    )
    assert "route gpt = chat" in came.text
    assert "x*" not in came.text.replace('"x*"', "", 1)
    assert came.lost() == {'router_settings.model_group_alias."x*"'}


def test_headers_name_variables_and_a_list_of_parameters_drops_all_alike(bring: Import) -> None:
    came = bring(
        "config.yaml",
        """
        model_list:
          - model_name: a
            litellm_params:
              model: openai/gpt-4o
              api_base: http://h/v1
              drop_params: [tool_choice]
              extra_headers: {x-team: os.environ/TEAM_KEY, x-token: abc, x-plain: a}
        """,
    )
    assert '"x-team" = env("TEAM_KEY")' in came.text
    assert '"x-token" = env("X_TOKEN")' in came.text
    assert "unsupported = drop" in came.text
    params = "model_list[0].litellm_params"
    assert came.changed() == {f"{params}.drop_params", f"{params}.extra_headers.x-token"}
