"""What files of other systems often say: addresses without keys, names in variables, fields of bodies."""

from __future__ import annotations

import json

from inferc.compiler.importers import Outcome

from ...support.rows import each_row
from .conftest import Import


def _litellm(params: str, more: str = "") -> str:
    return f"model_list:\n- {{model_name: m, litellm_params: {{{params}}}{more}}}\n"


@each_row(
    ("model", "address", "key"),
    [
        ("groq/llama", "https://proxy.example.com/v1", "M_API_KEY"),
        ("groq/llama", "os.environ/BASE", "M_API_KEY"),
        ("groq/llama", "https://api.groq.com.example.com/v1", "M_API_KEY"),
        ("groq/llama", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
        ("anthropic/claude-sonnet-5-5", "https://proxy.example.com", "M_API_KEY"),
        ("anthropic/claude-sonnet-5-5", "https://api.anthropic.com", "ANTHROPIC_API_KEY"),
        ("novita/a", "https://proxy.example.com/v1", "M_API_KEY"),
        ("azure_ai/claude-a", "https://mine.services.ai.azure.com/anthropic", "AZURE_AI_API_KEY"),
    ],
)
def test_the_key_of_a_vendor_goes_to_the_vendor_alone(
    bring: Import, model: str, address: str, key: str
) -> None:
    came = bring("c.yaml", _litellm(f"model: {model}, api_base: '{address}'"))
    assert f'api_key = env("{key}")' in came.text
    if key == "M_API_KEY":
        assert came.outcome("model_list[0].litellm_params.api_base") is Outcome.CHANGED
        assert "put its key into M_API_KEY" in came.comments()


def test_other_systems_send_no_key_of_a_vendor_elsewhere_either(bring: Import) -> None:
    baml = bring(
        "c.baml",
        """
        client<llm> Mine {
          provider anthropic
          options {
            model claude-sonnet-5-5
            base_url "https://proxy.example.com"
          }
        }
        """,
    )
    assert baml.values["Mine.runtime.api_key"] == '[env("MINE_API_KEY")]'
    portkey = bring(
        "c.json",
        json.dumps(
            {
                "provider": "groq",
                "custom_host": "https://proxy.example.com/v1",
                "override_params": {"model": "llama"},
            }
        ),
    )
    assert "GROQ_API_KEY" not in "".join(v for k, v in portkey.values.items() if k.endswith("api_key"))


def test_fields_of_a_body_that_are_parameters_are_written_as_these(bring: Import) -> None:
    came = bring(
        "c.yaml",
        _litellm(
            "model: hosted_vllm/q, api_base: 'http://q/v1', "
            "extra_body: {top_k: 20, min_p: 0.1, chat_template_kwargs: {enable_thinking: false}}"
        ),
    )
    more = "thinking: on, service_tier: flex, web_search_options: {search_context_size: low}"
    own = bring("c.yaml", _litellm(f"model: openai/gpt-5, api_key: os.environ/K, {more}"))
    for field in (
        "thinking = true",
        'service_tier = "flex"',
        'web_search_options { search_context_size = "low" }',
    ):
        assert field in own.text
    own = bring("c.yaml", _litellm("model: anthropic/claude-sonnet-4-6, extra_body: {}, service_tier: flex"))
    assert own.lost() == {"model_list[0].litellm_params.service_tier"}
    assert came.values["m.request.defaults.top_k"] == "20"
    assert came.values["m.request.defaults.min_p"] == "0.1"
    assert "extra_body { chat_template_kwargs { enable_thinking = false } }" in came.text
    assert came.lost() == set()


def test_names_in_variables_are_what_the_file_says_they_are(bring: Import) -> None:
    came = bring(
        "c.yaml",
        """
        environment_variables: {NAME: chat, MODEL: openai/gpt-5}
        model_list:
          - {model_name: os.environ/NAME, litellm_params: {model: os.environ/MODEL, api_key: os.environ/K}}
          - {model_name: os.environ/OTHER, litellm_params: {model: os.environ/M, api_base: 'http://a/v1'}}
        """,
    )
    assert came.values["chat.model"] == "gpt-5"
    assert came.values["OTHER.model"] == 'env("M")'
    assert came.changed() == {"model_list[1].model_name", "model_list[1].litellm_params.model"}
    assert "write what OTHER says" in came.comments()
    assert "M holds the model's name without `openai/`" in came.comments()


def test_a_word_that_is_no_mode_leaves_a_model_what_it_is(bring: Import) -> None:
    came = bring(
        "c.yaml", _litellm("model: openai/gpt-5, api_key: os.environ/K", ", model_info: {mode: image}")
    )
    assert came.values["m.model"] == "gpt-5"
    assert came.lost() == {"model_list[0].model_info.mode"}


def test_a_model_whose_name_says_that_it_embeds_does(bring: Import) -> None:
    came = bring("c.yaml", _litellm("model: ollama/nomic-embed-text, api_base: 'http://a:11434'"))
    assert "task embed" in came.text
    assert came.changed() == {"model_list[0].litellm_params.model"}


def test_values_of_litellms_chart_hold_its_file(bring: Import) -> None:
    came = bring(
        "values.yaml",
        """
        replicaCount: 2
        proxy_config:
          model_list:
            - {model_name: m, litellm_params: {model: openai/gpt-5, api_key: os.environ/K}}
          general_settings: {master_key: os.environ/MASTER}
        """,
    )
    assert came.values["m.model"] == "gpt-5"
    assert 'auth = bearer(env("MASTER"))' in came.text
    assert came.lost() == {"replicaCount"}


def test_limits_of_tokens_beside_apisixs_proxy(bring: Import) -> None:
    came = bring(
        "apisix.yaml",
        """
        routes:
          - id: chat
            plugins:
              ai-rate-limiting:
                limit: 300
                time_window: 30
                instances: [{name: a, limit: 100, time_window: 60}, {name: gone, limit: 1, time_window: 1}]
                rejected_code: 429
              ai-proxy-multi:
                instances:
                  - {name: a, provider: openai, weight: 1, auth: {header: {Authorization: "$ENV://K"}},
                     options: {model: gpt-5}}
                  - {name: b, provider: deepseek, weight: 1, auth: {header: {Authorization: "$ENV://D"}},
                     options: {model: deepseek-chat}}
          - id: one
            plugins:
              ai-rate-limiting: {limit: 9, time_window: 60, limit_strategy: completion_tokens}
              ai-proxy: {provider: openai, options: {model: gpt-5}, auth: {header: {Authorization: $ENV://K}}}
        """,
    )
    limits = {
        name: came.values.get(f"{name}.runtime.rate_limits.tokens_per_minute") for name in ("a", "b", "one")
    }
    assert limits == {"a": "100", "b": "600", "one": "none"}
    beside = "routes[0].plugins.ai-rate-limiting."
    assert came.changed() == {f"{beside}limit", f"{beside}time_window"}
    assert f"{beside}instances[1].limit" in came.lost()
    assert "routes[1].plugins.ai-rate-limiting.limit_strategy" in came.lost()


def test_azures_v1_api_behind_apisix(bring: Import) -> None:
    came = bring(
        "apisix.yaml",
        """
        routes:
          - id: az
            plugins:
              ai-proxy:
                provider: azure-openai
                auth: {header: {api-key: "$ENV://A"}}
                options: {model: house}
                override: {endpoint: "https://res.openai.azure.com/openai/v1/chat/completions"}
        """,
    )
    assert came.values["az.runtime.endpoint"] == "https://res.openai.azure.com/openai/v1"
    assert came.values["az.model"] == "house"


def test_aliases_of_bifrosts_keys(bring: Import) -> None:
    def key(value: str, models: list[str], **more: object) -> dict[str, object]:
        return {"value": value, "models": models, "weight": 1, **more}

    azure = {"endpoint": "https://res.openai.azure.com", "api_version": "2024-10-21"}
    came = bring(
        "config.json",
        json.dumps(
            {
                "providers": {
                    "openai": {"keys": [key("env.K", ["gpt-5"], aliases={"best": "gpt-5-mini"})]},
                    "azure": {"keys": [key("env.A", [], aliases={"chat": "prod"}, azure_key_config=azure)]},
                }
            }
        ),
    )
    assert came.values["openai/best.model"] == "gpt-5-mini"
    assert came.values["openai/gpt-5.model"] == "gpt-5"
    assert came.values["azure/chat.runtime.azure_deployment"] == "prod"
    assert came.values["azure.runtime.endpoint"] == "https://res.openai.azure.com/openai/v1"
    assert came.lost() == set()


@each_row("vendor", ["deepinfra", "voyage", "together_ai", "nvidia_nim", "fireworks_ai"])
def test_what_is_named_after_a_vendor_takes_another_variable_at_another_address(
    bring: Import, vendor: str
) -> None:
    said = _litellm(f"model: {vendor}/*, api_base: 'https://models.example/v1'")
    came = bring("c.yaml", said.replace("name: m", f"name: '{vendor}/*'"))
    assert f'api_key = env("OWN_{vendor.upper()}_API_KEY")' in came.text


def test_no_variable_in_which_a_vendors_key_is_is_named_for_another_address(bring: Import) -> None:
    written = "sk-abcdefgh0123456789"
    for params in ("model: groq/llama", f"model: openai/a, api_key: {written}"):
        said = _litellm(f"{params}, api_base: 'https://proxy.example.com/v1'").replace(
            "name: m", "name: groq"
        )
        came = bring("c.yaml", said)
        assert 'api_key = env("OWN_GROQ_API_KEY")' in came.text
        assert written not in came.text


@each_row(
    ("name", "address"),
    [("deepinfra", "https://api.deepinfra.com/v1/openai"), ("groq", "https://api.groq.com/openai/v1")],
)
def test_at_the_vendors_own_address_the_vendors_variable_is_named(
    bring: Import, name: str, address: str
) -> None:
    said = _litellm(f"model: openai/a, api_key: sk-abcdefgh0123456789, api_base: '{address}'")
    came = bring("c.yaml", said.replace("name: m", f"name: {name}"))
    assert f'api_key = env("{name.upper()}_API_KEY")' in came.text


def test_project_and_region_of_vertex_may_be_said_once(bring: Import) -> None:
    settings = "litellm_settings: {vertex_project: shop, vertex_location: us-east5}"
    came = bring("c.yaml", f"{_litellm('model: vertex_ai/gemini-2.5-pro')}\n{settings}\n")
    assert came.values["m.runtime.project"] == "shop"
    assert came.values["m.runtime.region"] == "us-east5"
    assert came.lost() == set()
    own = _litellm("model: vertex_ai/gemini-2.5-pro, vertex_project: own")
    assert bring("c.yaml", f"{own}\n{settings}\n").values["m.runtime.project"] == "own"
    assert (
        "litellm_settings.vertex_project"
        in bring("c.yaml", f"{_litellm('model: gpt-4o')}\n{settings}").lost()
    )


@each_row("model", ["imagen-4.0-generate-001", "veo-3.0-generate-preview"])
def test_a_model_of_pictures_comes_over_as_no_chat(bring: Import, model: str) -> None:
    text = _litellm("model: gpt-4o") + f"\n- {{model_name: p, litellm_params: {{model: gemini/{model}}}}}\n"
    came = bring("c.yaml", text)
    assert "p.model" not in came.values
    assert "model_list[1].litellm_params.model" in came.lost()


@each_row(
    ("said", "chat", "vectors"),
    [
        ("cache_params: {type: local, ttl: 60}", "1m", "1m"),
        ("cache_params: {type: local}", "10m", "10m"),
        ("cache_params: {}", "1m", "1m"),
        ("cache_params: {type: redis, default_in_redis_ttl: 5, ttl: 7}", "5s", "5s"),
        ("cache_params: {type: redis, mode: default_off, ttl: 60}", "", ""),
        ("cache_params: {type: redis, supported_call_types: []}", "", ""),
        ("cache_params: {type: redis, supported_call_types: [aembedding]}", "", "1m"),
        ("cache_params: {type: local, supported_call_types: [acompletion]}", "10m", ""),
    ],
)
def test_a_cache_is_of_the_calls_and_the_time_of_litellm(
    bring: Import, said: str, chat: str, vectors: str
) -> None:
    models = _litellm("model: openai/gpt-5, api_key: os.environ/K") + (
        "- {model_name: e, litellm_params: {model: openai/text-embedding-3-small, api_key: os.environ/K}}\n"
    )
    came = bring("c.yaml", f"{models}litellm_settings: {{cache: true, {said}}}")
    first, second = came.text.split("deployment e ")
    assert [f"ttl = {time}," in part for time, part in ((chat, first), (vectors, second))] == [
        bool(chat),
        bool(vectors),
    ]
    assert ("litellm_settings.cache" in came.lost()) is not bool(chat or vectors)


@each_row(
    ("base", "endpoint"),
    [
        ("http://10.1.2.3", "http://10.1.2.3"),
        ("https://proxy.example.com/v1", "https://proxy.example.com"),
        ("https://proxy.example.com/v1/projects/p/locations/eu/publishers", "https://proxy.example.com"),
        ("os.environ/BASE", 'env("BASE")'),
        ("https://proxy.example.com/other", None),
        ("http://10.1.2.3, use_psc_endpoint_format: true", None),
    ],
)
def test_what_stands_in_front_of_vertex_is_asked_as_litellm_asks_it(
    bring: Import, base: str, endpoint: str | None
) -> None:
    model = f"- {{model_name: v, litellm_params: {{model: vertex_ai/gemini-3-flash, api_base: {base}}}}}\n"
    came = bring("c.yaml", _litellm("model: openai/gpt-5, api_key: os.environ/K") + model)
    assert came.values.get("v.runtime.endpoint") == endpoint
    assert ("model_list[1].model_name" in came.lost()) is (endpoint is None)


def test_providers_of_opencode(bring: Import) -> None:
    came = bring(
        "opencode.json",
        """
        {"$schema": "https://opencode.ai/config.json", "model": "house/big", // the one to begin with
         "provider": {
          "house": {
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": "http://10.0.0.1/v1", "apiKey": "{env:HOUSE}", "headers": {"X-Team": "a"}},
            "models": {
              "big": {"id": "Qwen/big", "limit": {"context": 32000, "output": 4000}, "cost": {"input": 1.5}},
              "small": {}
            }
          },
          "anthropic": {"options": {"baseURL": "https://proxy.example.com/v1"}},
          "openai": {"models": {"gpt-5": {}}},
          "amazon-bedrock": {"models": {"x": {}}},
          "parts": {"options": {"baseURL": "https://{env:HOST}/v1"}, "models": {"x": {}}}
        }}
        """,
    )
    values = came.values
    assert came.imported.format == "opencode"
    assert values["house/big.model"] == "Qwen/big"
    assert values["house/big.runtime.endpoint"] == "http://10.0.0.1/v1"
    assert values["house/small.runtime.api_key"] == '[env("HOUSE")]'
    assert values["house/big.model_info.context_window"] == "32000"
    assert values["openai/gpt-5.runtime.api_key"] == '[env("OPENAI_API_KEY")]'
    assert values["anthropic.runtime.endpoint"] == "https://proxy.example.com"
    assert values["anthropic.runtime.api_key"] == '[env("OWN_ANTHROPIC_API_KEY")]'
    assert {"model", "provider.amazon-bedrock.models.x", "provider.parts.options.baseURL"} <= came.lost()
    assert came.changed() == {"provider.anthropic.options.baseURL"}
    assert "an address of several parts" in came.comments()
