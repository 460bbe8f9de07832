"""Other gateways: Envoy AI Gateway, Bifrost, Portkey, TensorZero, and the clients of BAML."""

from __future__ import annotations

import json

from inferc.compiler.importers import Outcome

from ...support.rows import each_row
from .conftest import Import

ENVOY = """
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: chat}
spec:
  parentRefs: [{name: front, kind: Gateway}]
  rules:
    - matches: [{headers: [{type: Exact, name: x-ai-eg-model, value: assistant}]}]
      backendRefs:
        - {name: main, modelNameOverride: gpt-4.1, priority: 0}
        - {name: own, modelNameOverride: qwen, priority: 1, weight: 3}
        - {name: claude, priority: 1, weight: 1, modelNameOverride: claude-sonnet-4-0}
      timeouts: {request: 1m30s}
---
{apiVersion: v1, kind: AIServiceBackend, metadata: {name: main}, spec: {schema: {name: OpenAI}, backendRef: {name: main}}}
---
{apiVersion: v1, kind: AIServiceBackend, metadata: {name: own}, spec: {schema: {name: OpenAI}, backendRef: {name: own}}}
---
{apiVersion: v1, kind: AIServiceBackend, metadata: {name: claude}, spec: {schema: {name: Anthropic}}}
---
{apiVersion: v1, kind: Backend, metadata: {name: main}, spec: {endpoints: [{fqdn: {hostname: api.openai.com, port: 443}}]}}
---
{apiVersion: v1, kind: Backend, metadata: {name: own}, spec: {endpoints: [{fqdn: {hostname: own.example.com, port: 8000}}]}}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: {name: key}
spec:
  targetRefs: [{kind: AIServiceBackend, name: main}]
  type: APIKey
  apiKey: {secretRef: {name: openai-key}}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: retries}
spec:
  targetRefs: [{kind: Gateway, name: front}]
  retry: {numRetries: 9, numAttemptsPerPriority: 5, perRetry: {backOff: {baseInterval: 200ms, maxInterval: 8s}, timeout: 25s}}
  healthCheck: {passive: {baseEjectionTime: 20s, consecutive5XxErrors: 3, interval: 2s}}
---
{apiVersion: v1, kind: Secret, metadata: {name: openai-key}, stringData: {apiKey: not-to-be-seen}}
"""  # noqa: E501


def test_rules_of_envoy_are_routes_over_their_backends(bring: Import) -> None:
    came = bring("gateway.yaml", ENVOY)
    values = came.values
    main = "assistant-main.runtime."
    assert values[f"{main}api_key"] == '[env("OPENAI_KEY")]'
    assert (values[f"{main}timeouts.request"], values[f"{main}timeouts.total"]) == ("25s", "90s")
    assert (values[f"{main}retry.max_retries"], values[f"{main}retry.max_backoff"]) == ("4", "8s")
    assert values[f"{main}circuit_breaker.failure_threshold"] == "3"
    assert values["assistant-own.runtime.endpoint"] == "http://own.example.com:8000/v1"
    assert values["assistant-claude.runtime"] == "anthropic"
    assert 'split { "assistant-own": 75%, "assistant-claude": 25% }' in came.text
    assert "BackendTrafficPolicy/retries.spec.healthCheck.passive.interval" in came.lost()
    assert "Secret/openai-key.stringData.apiKey" in came.lost()
    assert "not-to-be-seen" not in came.text


def test_providers_rules_and_keys_of_bifrost(bring: Import) -> None:
    openai = {
        "keys": [
            {"name": "a", "value": "env.KEY_A", "models": ["gpt-4o"], "weight": 0.5},
            {"name": "b", "value": "sk-abcdef0123456789", "models": ["gpt-4o", "gpt-4o-mini"], "weight": 0.5},
        ],
        "network_config": {"default_request_timeout_in_seconds": 60, "max_retries": 3},
        "concurrency_and_buffer_size": {"concurrency": 80},
    }
    rule = {
        "name": "general",
        "cel_expression": 'model == "general"',
        "targets": [{"provider": "openai", "model": "gpt-4o", "weight": 1}],
        "fallbacks": ["openai/gpt-4o-mini"],
    }
    key = {"id": "v", "name": "web", "value": "env.VK", "rate_limit_id": "r"}
    key["provider_configs"] = [{"provider": "openai", "allowed_models": ["gpt-4o"]}]
    file = {
        "client": {"drop_excess_requests": True, "compat": {"should_drop_params": True}},
        "providers": {"openai": openai},
        "governance": {
            "routing_rules": [rule, {"name": "other", "cel_expression": "budget_used > 80", "targets": []}],
            "virtual_keys": [key],
            "budgets": [{"id": "b", "max_limit": 300, "reset_duration": "1M", "virtual_key_id": "v"}],
            "rate_limits": [{"id": "r", "request_max_limit": 600, "request_reset_duration": "1m"}],
        },
    }
    came = bring("config.json", json.dumps(file))
    values = came.values
    assert values["openai/gpt-4o.runtime.api_key"] == '[env("KEY_A"), env("OPENAI_API_KEY")]'
    assert values["openai/gpt-4o.replicas"] == "2"
    assert values["openai/gpt-4o-mini.serving.max_concurrent"] == "80"
    assert values["openai/gpt-4o-mini.serving.on_capacity_exhausted"] == "reject"
    assert values["openai/gpt-4o.request.unsupported"] == "drop"
    assert 'route general = fallback ["openai/gpt-4o", "openai/gpt-4o-mini"]' in came.text
    for line in (
        'secret = env("VK")',
        'models = ["openai/gpt-4o"]',
        "rate_limits { requests_per_minute = 600 }",
        "budget { max_spend_per_month = $300, on_exceeded = reject }",
    ):
        assert line in came.text
    assert "governance.routing_rules[1].cel_expression" in came.lost()
    assert "abcdef0123456789" not in came.text


def test_targets_of_portkey_are_read_by_the_names_of_its_gateway(bring: Import) -> None:
    """Source: `Options` in src/types/requestBody.ts of Portkey-AI/gateway."""
    came = bring(
        "desk.json",
        """
        {"strategy": {"mode": "conditional", "default": "plain",
                      "conditions": [{"query": {"metadata.plan": {"$eq": "pro"}}, "then": "azure"}]},
         "targets": [
           {"name": "azure", "provider": "azure-openai", "resource_name": "acme", "deployment_id": "eu",
            "api_version": "2024-10-21", "api_key": "{{ AZ }}", "override_params": {"model": "gpt-4o"}},
           {"name": "plain", "virtual_key": "vk-1", "override_params": {"model": "claude-sonnet-4-5"}}]}
        """,
    )
    assert came.values["azure.runtime"] == "openai"
    assert came.values["azure.runtime.azure_resource"] == "acme"
    assert came.values["azure.runtime.azure_deployment"] == "eu"
    assert came.values["azure.runtime.api_version"] == "2024-10-21"
    assert came.values["plain.runtime"] == "anthropic"
    assert "route desk = plain" in came.text


def test_integrations_of_portkey_keep_their_own_keys_and_are_told_by_their_names_or_models(
    bring: Import,
) -> None:
    came = bring(
        "chat.json",
        """
        {"strategy": {"mode": "loadbalance"}, "targets": [
          {"provider": "@openai-us", "override_params": {"model": "gpt-4o"}},
          {"override_params": {"model": "@openai-eu/gpt-4o"}},
          {"provider": "@openai", "override_params": {"model": "gpt-4o"}},
          {"provider": "@ours", "override_params": {"model": "claude-sonnet-4-5"}},
          {"provider": "@aws-prod", "override_params": {"model": "gpt-4o"}, "api_key": "$OWN"}
        ]}
        """,
    )
    for variable in ("OPENAI_US_API_KEY", "OPENAI_EU_API_KEY", "OPENAI_API_KEY", "OURS_API_KEY", "OWN"):
        assert f'env("{variable}")' in came.text
    assert came.values["chat-4.runtime"] == "anthropic"
    assert "`@openai-us` is Portkey's own: here `openai` is asked, with the key in OPENAI_US_API_KEY" in (
        came.comments()
    )
    assert "targets[2].provider" not in came.changed()
    assert came.lost() == set()


def test_keys_of_bifrost_for_two_places_go_to_their_own(bring: Import) -> None:
    came = bring(
        "config.json",
        """
        {"providers": {"azure": {"keys": [
          {"name": "a", "value": "env.A", "models": ["gpt-4.1"], "azure_key_config": {
            "endpoint": "https://east.openai.azure.com", "api_version": "2025-03-01-preview"}},
          {"name": "b", "value": "env.B", "models": ["gpt-4.1", "gpt-5"], "azure_key_config": {
            "endpoint": "https://west.openai.azure.com", "api_version": "2025-03-01-preview"}},
          {"name": "c", "models": ["gpt-6"], "enabled": true, "azure_key_config": {
            "endpoint": {"env_var": "NORTH"}, "client_secret": "env.S"}},
          {"name": "d", "value": "env.D", "models": ["gpt-7"], "enabled": false, "azure_key_config": {
            "endpoint": "env.SOUTH"}}
        ]}, "openai": {"keys": [{"models": [], "enabled": false}]}, "groq": {"keys": [{"models": []}]}}}
        """,
    )
    values = came.values
    assert values["azure/gpt-6.runtime.endpoint"] == 'env("NORTH") + "/openai/v1"'
    assert {"azure/gpt-7.model", "openai.model"}.isdisjoint(values)
    assert values["groq.model"] == "groq/*"
    assert came.changed() == {"providers.groq.keys[0].models"}
    assert values["azure/gpt-4.1-1.runtime.azure_resource"] == "east"
    assert values["azure/gpt-4.1-2.runtime.azure_resource"] == "west"
    assert values["azure/gpt-4.1-1.runtime.api_key"] == '[env("A")]'
    assert values["azure/gpt-5.runtime.azure_resource"] == "west"
    assert 'route "azure/gpt-4.1" = balance ["azure/gpt-4.1-1", "azure/gpt-4.1-2"]' in came.text
    lost = {f"providers.azure.keys[{at}].name" for at in range(4)}
    lost |= {f"providers.azure.keys[3].{each}" for each in ("value", "models", "enabled")}
    lost |= {f"providers.openai.keys[0].{each}" for each in ("models", "enabled")}
    azure = {"keys[2].azure_key_config.client_secret", "keys[3].azure_key_config.endpoint"}
    assert came.lost() == lost | {f"providers.azure.{each}" for each in azure}


def test_models_of_bifrost_at_clouds_are_named_with_or_without_their_maker(bring: Import) -> None:
    came = bring(
        "config.json",
        """
        {"providers": {
          "vertex": {"keys": [{"models": ["google/gemini-2.5-pro"], "vertex_key_config": {
            "project_id": "p", "region": "us-east1"}}]},
          "bedrock": {"keys": [{"models": ["*"], "bedrock_key_config": {"region": "us-east-1"}}]}
        }}
        """,
    )
    assert came.values["vertex/google/gemini-2.5-pro.model"] == "gemini-2.5-pro"
    assert (came.values["bedrock.model"], came.values["bedrock.runtime.region"]) == ("bedrock/*", "us-east-1")
    assert came.lost() == set()


def test_any_model_of_vertex_is_any_of_gemini_s_and_that_is_said(bring: Import) -> None:
    key = '{"models": ["*"], "vertex_key_config": {"project_id": "p", "region": "us-east1"}}'
    came = bring("config.json", f'{{"providers": {{"vertex": {{"keys": [{key}]}}}}}}')
    assert (came.values["vertex.model"], came.values["vertex.runtime.region"]) == ("*", "us-east1")
    assert came.changed() == {"providers.vertex.keys[0].models"}
    once = '"retry": {"attempts": 1}'
    came = bring(
        "chat.json", f'{{"provider": "vertex-ai", "vertex_project_id": "p", "vertex_region": "eu", {once}}}'
    )
    assert (came.values["chat.model"], came.changed()) == ("*", {"provider"})
    came = bring("chat.json", f'{{"provider": "bedrock", "aws_region": "eu-west-1", {once}}}')
    assert (came.values["chat.model"], came.changed()) == ("*", set())


def test_the_name_of_a_virtual_key_tells_whose_it_is_and_several_targets_have_one_share(
    bring: Import,
) -> None:
    """A key is sent to no other provider than its own."""
    came = bring(
        "desk.json",
        """
        {"strategy": {"mode": "loadbalance"}, "targets": [
          {"weight": 3, "strategy": {"mode": "fallback"}, "targets": [
            {"virtual_key": "open-ai-1"}, {"virtual_key": "anthropic-prod"}]},
          {"weight": 1, "virtual_key": "groq-2"},
          {"weight": 1, "virtual_key": "azure-open-ai-1"}]}
        """,
    )
    runtimes = [came.values[f"desk-{each}.runtime"] for each in ("1-1", "1-2", "2")]
    assert runtimes == ["openai", "anthropic", "groq"]
    assert "put the key of anthropic into ANTHROPIC_PROD" in came.comments()
    assert came.values["desk-3.runtime.endpoint"] == 'env("AZURE_OPEN_AI_1_ENDPOINT") + "/openai/v1"'
    assert "into AZURE_OPEN_AI_1; the address of its resource goes into" in came.comments()
    assert 'route "desk-1" = fallback ["desk-1-1", "desk-1-2"]' in came.text
    assert 'route desk = split { "desk-1": 60%, "desk-2": 20%, "desk-3": 20% }' in came.text


def test_one_target_of_portkey_needs_no_list(bring: Import) -> None:
    came = bring("chat.json", '{"provider": "openai", "api_key": "$K", "retry": {"attempts": 4}}')
    assert came.imported.format == "portkey"
    assert came.values["chat.runtime.retry.max_retries"] == "4"


@each_row(
    ("host", "runtime"),
    [
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://api.openai.com.example/v1", "openai_compatible"),
        ("https://example.net/api.openai.com/v1", "openai_compatible"),
    ],
)
def test_only_addresses_of_openai_get_its_key(host: str, runtime: str, bring: Import) -> None:
    model = '"override_params": {"model": "gpt-4o"}'
    came = bring("chat.json", f'{{"provider": "openai", "custom_host": "{host}", {model}}}')
    assert f"runtime {runtime} {{" in came.text
    assert ("OPENAI_API_KEY" in came.text) is (runtime == "openai")


@each_row("name", ["max_age", "maxAge"])
def test_how_long_portkey_keeps_answers_comes_over(bring: Import, name: str) -> None:
    target = '{"provider": "openai", "override_params": {"model": "gpt-4o"}}'
    came = bring("chat.json", f'{{"cache": {{"mode": "simple", "{name}": 3600}}, "targets": [{target}]}}')
    assert came.values["chat-1.cache.ttl"] == "1h"
    assert came.lost() == set()
    came = bring("chat.json", f'{{"cache": {{"mode": "semantic", "{name}": 3600}}, "targets": [{target}]}}')
    assert "chat-1.cache.ttl" not in came.values
    assert came.lost() == {"cache.mode", f"cache.{name}"}


def test_a_service_account_in_a_config_of_portkey_is_named_and_not_written(bring: Import) -> None:
    where = '"vertexProjectId": "p", "vertexRegion": "global"'
    target = f'"provider": "vertex-ai", {where}, "override_params": {{"model": "gemini-2.5-pro"}}'
    account = '{"type": "service_account", "client_email": "a@b", "private_key": "not-to-be-seen"}'
    came = bring("chat.json", f'{{{target}, "vertexServiceAccountJson": {account}}}')
    assert came.values["chat.runtime.credentials"] == 'env("CHAT_ACCOUNT")'
    assert came.outcome("vertexServiceAccountJson.private_key") is Outcome.CHANGED
    assert "not-to-be-seen" not in came.text
    came = bring("chat.json", f'{{{target}, "vertexServiceAccountJson": "{{{{ GOOGLE_ACCOUNT }}}}"}}')
    assert came.values["chat.runtime.credentials"] == 'env("GOOGLE_ACCOUNT")'
    assert came.outcome("vertexServiceAccountJson") is Outcome.KEPT


def test_strategies_of_portkey_are_routes_and_what_they_say_counts_below(bring: Import) -> None:
    file = {
        "retry": {"attempts": 3},
        "requestTimeout": 45000,
        "strategy": {"mode": "fallback", "on_status_codes": [429]},
        "targets": [
            {
                "strategy": {"mode": "loadbalance"},
                "targets": [
                    {
                        "provider": "openai",
                        "api_key": "$KEY",
                        "weight": 3,
                        "override_params": {"model": "gpt-4o"},
                    },
                    {
                        "provider": "anthropic",
                        "virtual_key": "vk-1",
                        "weight": 1,
                        "overrideParams": {"model": "c"},
                    },
                ],
            },
            {
                "name": "house",
                "provider": "openai",
                "custom_host": "https://h.example.com/v1",
                "override_params": {"model": "q", "temperature": 0.5, "odd": 1},
                "request_timeout": 60000,
            },
        ],
    }
    came = bring("spread.json", json.dumps(file))
    values = came.values
    assert 'route spread = fallback [split { "spread-1-1": 75%, "spread-1-2": 25% }, house]' in came.text
    assert values["spread-1-1.runtime.api_key"] == '[env("KEY")]'
    assert values["spread-1-2.runtime.api_key"] == '[env("VK_1")]'
    assert values["spread-1-1.runtime.timeouts.total"] == "45s"
    assert values["spread-1-1.runtime.retry.max_retries"] == "3"
    assert values["house.runtime.timeouts.total"] == "1m"
    assert values["house.request.force.temperature"] == "0.5"
    assert "extra_body { odd = 1 }" in came.text
    assert came.lost() == {"strategy.on_status_codes"}


def test_models_and_functions_of_tensorzero(bring: Import) -> None:
    came = bring(
        "tensorzero.toml",
        """
        [models.writer]
        routing = ["house", "openai"]
        timeouts = { non_streaming.total_ms = 90_000 }
        [models.writer.providers.openai]
        type = "openai"
        model_name = "gpt-4o"
        [models.writer.providers.house]
        type = "vllm"
        model_name = "q"
        api_base = "http://h/v1"
        api_key_location = "env::HOUSE"
        extra_body = [{ pointer = "/a/b", value = false }]
        cost = [{ pointer = "/usage/prompt_tokens", cost_per_million = 1.5 }]
        [functions.review]
        type = "chat"
        [functions.review.variants.careful]
        type = "chat_completion"
        model = "writer"
        temperature = 0.2
        retries = { num_retries = 2, max_delay_s = 10 }
        [functions.review.variants.plain]
        type = "chat_completion"
        model = "writer"
        [functions.review.experimentation]
        type = "static_weights"
        candidate_variants = { careful = 0.75, plain = 0.25 }
        [metrics.liked]
        type = "boolean"
        """,
    )
    values = came.values
    assert 'route writer = fallback ["writer-house", "writer-openai"]' in came.text
    assert values["writer-house.runtime.timeouts.total"] == "90s"
    assert values["writer-house.price.input"] == "$1.5"
    assert "force { extra_body { a { b = false } } }" in " ".join(came.text.split())
    assert values["review-careful-house.request.defaults.temperature"] == "0.2"
    assert values["review-careful-openai.runtime.retry.max_retries"] == "2"
    assert 'split { "review-careful": 75%, writer: 25% }' in came.text
    assert came.lost() == {"metrics.liked.type"}


def test_clients_of_baml_and_their_policies(bring: Import) -> None:
    came = bring(
        "clients.baml",
        """
        // a comment
        client<llm> Reader {
          provider openai
          retry_policy Steady
          options {
            model "gpt-4o"
            api_key env.KEY
            temperature 0.5
            http { request_timeout_ms 60000 connect_timeout_ms 3000 }
          }
        }
        client<llm> House { provider "openai-generic" options { base_url env.BASE model q } }
        client<llm> Both { provider round-robin options { strategy [Reader, House] } }
        client<llm> Safe { provider fallback options { strategy [Both, House] } }
        retry_policy Steady { max_retries 2 strategy { type constant_delay delay_ms 500 } }
        function Read(text: string) -> Receipt {
          client Reader
          prompt #"{{ text }} { "#
        }
        class Receipt { total float }
        """,
    )
    values = came.values
    assert values["Reader.runtime.api_key"] == '[env("KEY")]'
    assert values["Reader.runtime.retry.max_retries"] == "2"
    assert values["Reader.runtime.retry.initial_backoff"] == "500ms"
    assert values["Reader.runtime.retry.backoff_multiplier"] == "1.0"
    assert values["Reader.runtime.timeouts.total"] == "1m"
    assert values["House.runtime.endpoint"] == 'env("BASE")'
    assert "route Both = balance [Reader, House] by round_robin" in came.text
    assert "route Safe = fallback [Both, House]" in came.text
    assert came.lost() == {"client.Reader.options.http.connect_timeout_ms", "function.Read", "class.Receipt"}


def test_claude_on_vertex_comes_over(bring: Import) -> None:
    baml = bring(
        "clients.baml",
        """
        client<llm> Claude {
          provider vertex-ai
          options { model "claude-sonnet-4-5@20250929" project_id "p" location "global" }
        }
        """,
    )
    assert "runtime anthropic {" in baml.text
    assert 'region = "global"' in baml.text
    bifrost = bring(
        "config.json",
        """
        {"providers": {"vertex": {"keys": [{"models": ["claude-opus-4-6"], "weight": 1,
          "vertex_key_config": {"project_id": "p", "region": "us-east5"}}]}}}
        """,
    )
    assert "runtime anthropic {" in bifrost.text
    assert 'region = "us-east5"' in bifrost.text


_PICTURES = "amazon.titan-image-generator-v2:0"


@each_row(
    ("name", "text", "gone"),
    [
        (
            "c.json",
            f"""
            {{"strategy": {{"mode": "fallback"}}, "targets": [
              {{"provider": "openai", "api_key": "$K", "override_params": {{"model": "gpt-4o"}}}},
              {{"provider": "bedrock", "custom_host": "https://a.example.com",
                "override_params": {{"model": "{_PICTURES}"}}}}]}}
            """,
            "targets[1]",
        ),
        (
            "c.toml",
            f"""
            [models.chat]
            routing = ["a"]
            [models.chat.providers.a]
            type = "openai"
            model_name = "gpt-4o"
            [models.draw]
            routing = ["b"]
            [models.draw.providers.b]
            type = "aws_bedrock"
            model_id = "{_PICTURES}"
            region = "sdk"
            """,
            "models.draw",
        ),
        (
            "c.baml",
            f"""
            client<llm> Chat {{ provider openai
              options {{ model "gpt-4o" }} }}
            client<llm> Draw {{ provider aws-bedrock
              options {{ model "{_PICTURES}" }} }}
            """,
            "Draw",
        ),
        (
            "c.json",
            f"""
            {{"providers": {{
              "openai": {{"keys": [{{"value": "env.K", "models": ["gpt-4o"]}}]}},
              "bedrock": {{"keys": [{{"value": "sk-abcdefgh0123456789", "models": ["draw"],
                "bedrock_key_config": {{
                  "region": "us-east-1", "deployments": {{"draw": "{_PICTURES}"}}}}}}]}}}}}}
            """,
            "providers.bedrock",
        ),
    ],
)
def test_nothing_is_kept_of_a_model_that_cannot_be_here(
    bring: Import, name: str, text: str, gone: str
) -> None:
    came = bring(name, text)
    below = [each for each in came.imported.report.entries() if gone in each.setting]
    assert below
    assert {each.outcome for each in below} == {Outcome.LOST}, below
    assert came.imported.report.of(Outcome.KEPT)


@each_row(
    ("schema", "host", "written"),
    [
        ("Anthropic", "api.anthropic.com", 'anthropic { api_key = env("ANTHROPIC_API_KEY") }'),
        ("Anthropic", "x-api.anthropic.com", 'anthropic { endpoint = "https://x-api.anthropic.com" }'),
        ("Anthropic", "api.openai.com", 'anthropic { endpoint = "https://api.openai.com" }'),
        ("Anthropic", "west.openai.azure.com", 'anthropic { endpoint = "https://west.openai.azure.com" }'),
        ("Cohere", "api.cohere.com.example", 'cohere { endpoint = "https://api.cohere.com.example" }'),
        ("AzureOpenAI", "azure.example", 'azure { endpoint = "https://azure.example/openai/v1" }'),
        ("AzureOpenAI", "west.openai.azure.com", 'api_key = env("AZURE_OPENAI_API_KEY")'),
    ],
)
def test_a_key_that_no_policy_of_envoy_names_goes_to_its_vendor_alone(
    bring: Import, schema: str, host: str, written: str
) -> None:
    came = bring(
        "gateway.yaml",
        f"""
        apiVersion: aigateway.envoyproxy.io/v1beta1
        kind: AIGatewayRoute
        metadata: {{name: r}}
        spec:
          rules:
            - matches: [{{headers: [{{type: Exact, name: x-ai-eg-model, value: m}}]}}]
              backendRefs: [{{name: own}}]
        ---
        apiVersion: aigateway.envoyproxy.io/v1beta1
        kind: AIServiceBackend
        metadata: {{name: own}}
        spec: {{schema: {{name: {schema}}}, backendRef: {{name: there}}}}
        ---
        apiVersion: gateway.envoyproxy.io/v1alpha1
        kind: Backend
        metadata: {{name: there}}
        spec: {{endpoints: [{{fqdn: {{hostname: {host}, port: 443}}}}]}}
        """,
    )
    assert written in came.text


def test_a_pattern_of_envoy_is_a_name_or_any_name_or_lost(bring: Import) -> None:
    def rule(pattern: str, kind: str = "RegularExpression") -> str:
        header = f'{{type: {kind}, name: x-ai-eg-model, value: "{pattern}"}}'
        return f"{{matches: [{{headers: [{header}]}}], backendRefs: [{{name: own}}]}}"

    came = bring(
        "gateway.yaml",
        f"""
        apiVersion: aigateway.envoyproxy.io/v1beta1
        kind: AIGatewayRoute
        metadata: {{name: all}}
        spec:
          rules:
            - {rule(".*")}
            - {rule("^gpt-4$")}
            - {rule("llama-(8b|70b)")}
            - {rule("^claude-.+")}
            - {rule("a.*b.*")}
            - {rule("gemini-*", "Exact")}
        ---
        apiVersion: aigateway.envoyproxy.io/v1beta1
        kind: AIServiceBackend
        metadata: {{name: own}}
        spec: {{schema: {{name: OpenAI}}, backendRef: {{name: own}}}}
        ---
        """,
    )
    for name in ("*", "gpt-4", "claude-*"):
        assert came.values[f"{name}.model"] == name
    rules = "AIGatewayRoute/all.spec.rules"
    assert came.changed() == set()
    lost = came.lost()
    assert {f"{rules}[{number}].matches[0].headers[0].value" for number in (2, 4, 5)} <= lost
    assert not any(each.startswith((f"{rules}[0]", f"{rules}[3]")) for each in lost)


def test_parameters_and_circuits_of_portkey_count_below(bring: Import) -> None:
    """Source: "Default and drop params" and "Circuit Breaker" of Portkey's documentation."""
    came = bring(
        "desk.json",
        """
        {"strategy": {"mode": "fallback", "cb_config": {
           "failure_threshold": 4, "failure_threshold_percentage": 20, "cooldown_interval": 60000}},
         "override_params": {"presence_penalty": 0.2}, "default_params": {
           "max_tokens": 100, "top_p": 0.9, "service_tier": "flex", "logit_bias": {}},
         "targets": [
           {"provider": "openai", "override_params": {"model": "o"}, "default_params": {"max_tokens": 7}},
           {"provider": "groq", "override_params": {"model": "llama", "presence_penalty": 1}}]}
        """,
    )
    values = came.values
    for name, most, penalty in (("desk-1", "7", "0.2"), ("desk-2", "100", "1.0")):
        assert values[f"{name}.request.defaults.max_tokens"] == most
        assert values[f"{name}.request.defaults.top_p"] == "0.9"
        assert values[f"{name}.request.force.presence_penalty"] == penalty
        assert values[f"{name}.runtime.circuit_breaker.failure_threshold"] == "4"
        assert values[f"{name}.runtime.circuit_breaker.open_duration"] == "1m"
    assert came.text.count('extra_body { service_tier = "flex" }') == 2
    assert came.lost() == {"strategy.cb_config.failure_threshold_percentage", "default_params.logit_bias"}
    assert came.changed() == {"strategy.cb_config.failure_threshold"}


def test_a_strategy_of_baml_names_models_without_a_client(bring: Import) -> None:
    came = bring(
        "clients.baml",
        """
        client<llm> Both {
          provider fallback
          options { strategy ["openai/gpt-4o", "anthropic/claude-sonnet-4-5"] }
        }
        client<llm> Twice { provider fallback options { strategy [Both, Both] } }
        """,
    )
    assert "each member is asked once" in came.comments()
    assert 'route Both = fallback ["openai/gpt-4o", "anthropic/claude-sonnet-4-5"]' in came.text
    assert came.values["anthropic/claude-sonnet-4-5.runtime.api_key"] == '[env("ANTHROPIC_API_KEY")]'
    assert came.lost() == set()
    assert came.changed() == {"client.Twice.options.strategy"}


TWO = """
    {"name": "best", "provider": "openai", "weight": 3, "api_key": "$K",
     "override_params": {"model": "gpt-4o"}},
    {"name": "cheap", "provider": "openai", "api_key": "$K", "override_params": {"model": "gpt-4o-mini"}}
"""


def test_conditions_of_portkey_on_the_model_are_routes_of_its_name(bring: Import) -> None:
    """Source: "Conditional Routing" of Portkey's documentation."""
    asked = """
        {"query": {"params.model": {"$eq": "smartest"}}, "then": "best"},
        {"query": {"params.model": {"$in": ["fastest", "cheap"]}}, "then": "cheap"}
    """
    start = '{"strategy": {"mode": "conditional", "default": "cheap", "conditions": ['
    came = bring("desk.json", f'{start}{asked}]}}, "targets": [{TWO}]}}')
    for line in ("route smartest = best", "route fastest = cheap", "route desk = cheap"):
        assert line in came.text
    assert came.lost() == {"targets[0].weight"}
    other = '{"query": {"params.model": {"$regex": "gpt"}}, "then": "best"}'
    taken = '{"query": {"params.model": {"$eq": "best"}}, "then": "cheap"}'
    came = bring("desk.json", f'{start}{other}, {taken}]}}, "targets": [{TWO}]}}')
    assert {"strategy.mode", "strategy.conditions[0].then", "strategy.conditions[1].then"} <= came.lost()
    empty = '{"query": {"params.model": {"$in": ["", "fast"]}}, "then": "best"}'
    came = bring("desk.json", f'{start}{empty}]}}, "targets": [{TWO}]}}')
    assert "strategy.conditions[0].then" in came.lost()
    assert 'route "' not in came.text


@each_row(
    ("fields", "by"),
    [
        ('["metadata.user_id"]', ' by header("x-user-id")'),
        ('["params.user"]', " by user"),
        ('["a", "b"]', ""),
        ('["metadata."]', ""),
    ],
)
def test_sessions_of_portkey_stay_with_their_member(bring: Import, fields: str, by: str) -> None:
    """Source: "Sticky Load Balancing" of Portkey's documentation."""
    session = f'"sticky_session": {{"hash_fields": {fields}, "ttl": 3600}}'
    came = bring("desk.json", f'{{"strategy": {{"mode": "loadbalance", {session}}}, "targets": [{TWO}]}}')
    assert f"route desk = split {{ best: 75%, cheap: 25% }}{by}\n" in came.text
    assert "strategy.sticky_session.ttl" in came.changed()
    assert ("strategy.sticky_session.hash_fields" in came.lost()) is (by == "")


def test_json_with_comments_is_read(bring: Import) -> None:
    came = bring(
        "desk.jsonc",
        """
        // ours
        {
          "strategy": {"mode": "single"}, /* the // only one
          of several lines */
          "targets": [
            {"provider": "openai", "api_key": "$K", "override_params": {"model": "gpt-4o", "user": "a // b"}},
          ],
        }
        """,
    )
    assert came.values["desk-1.model"] == "gpt-4o"
    assert came.values["desk-1.request.force.user"] == "a // b"


def test_parameters_among_further_fields_of_tensorzero_go_to_their_own_places(bring: Import) -> None:
    came = bring(
        "tensorzero.toml",
        """
        [models.m]
        routing = ["o"]
        [models.m.providers.o]
        type = "openai"
        model_name = "gpt-4o-mini"
        extra_body = [
          {pointer = "/temperature", value = 0.3}, {pointer = "/service_tier", value = "flex"},
          {pointer = "/max_tokens", value = "many"}
        ]
        """,
    )
    assert came.values["m.request.force.temperature"] == "0.3"
    assert 'service_tier = "flex"' in came.text
    assert {each.rpartition("[")[2] for each in came.lost()} == {"2].pointer", "2].value"}


NEIGHBOURS = """
    apiVersion: aigateway.envoyproxy.io/v1beta1
    kind: AIGatewayRoute
    metadata: {{name: {space}, namespace: {space}}}
    spec:
      rules:
        - matches: [{{headers: [{{name: x-ai-eg-model, value: gpt-{space}}}]}}]
          timeouts: {{request: 20s}}
          modelsOwnedBy: us
          backendRefs: [{{name: there{other}}}, {pool}]
    ---
    apiVersion: aigateway.envoyproxy.io/v1beta1
    kind: AIServiceBackend
    metadata: {{name: there, namespace: {space}}}
    spec:
      schema: {{name: OpenAI}}
      backendRef: {{name: host, kind: Backend}}
      timeouts: {{request: 50s}}
      headerMutation: {{set: [{{name: OpenAI-Project, value: p-{space}}}]}}
    ---
    apiVersion: gateway.envoyproxy.io/v1alpha1
    kind: Backend
    metadata: {{name: host, namespace: {space}}}
    spec: {{endpoints: [{{fqdn: {{hostname: {space}.example.com, port: 443}}}}]}}
    ---
    apiVersion: aigateway.envoyproxy.io/v1beta1
    kind: BackendSecurityPolicy
    metadata: {{name: p, namespace: {space}}}
    spec:
      targetRefs: [{{kind: AIServiceBackend, name: there}}]
      type: APIKey
      apiKey: {{secretRef: {{name: key}}}}
"""


def test_resources_of_one_name_in_two_namespaces_keep_their_addresses_and_keys(bring: Import) -> None:
    pool = "{group: inference.networking.k8s.io, kind: InferencePool, name: pool}"
    east = NEIGHBOURS.format(space="east", other="", pool=pool)
    west = NEIGHBOURS.format(space="west", other=", namespace: west", pool=pool)
    came = bring("envoy.yaml", f"{east}\n    ---\n{west}")
    for space in ("east", "west"):
        name = f"gpt-{space}-there"
        assert came.values[f"{name}.runtime.endpoint"] == f"https://{space}.example.com/v1"
        assert came.values[f"{name}.runtime.api_key"] == f'[env("{space.upper()}_KEY")]'
        assert came.values[f"{name}.runtime.timeouts.total"] == "20s"
        assert f'headers {{ "OpenAI-Project" = "p-{space}" }}' in came.text
        rule = f"AIGatewayRoute/{space}.spec.rules[0]"
        assert {f"{rule}.backendRefs[1].name", f"{rule}.modelsOwnedBy"} <= came.lost()
        assert f"AIServiceBackend/there{'-2' * (space == 'west')}.spec.timeouts.request" in came.lost()


def test_one_namespace_that_a_file_says_in_part_is_one(bring: Import) -> None:
    text = NEIGHBOURS.format(space="east", other="", pool="{name: gone}").replace(
        "{name: host, namespace: east}", "{name: host}"
    )
    came = bring("envoy.yaml", text)
    assert "there is no such backend in this file" in came.comments()
    assert came.values["gpt-east-there.runtime.endpoint"] == "https://east.example.com/v1"
    assert came.values["gpt-east-there.runtime.api_key"] == '[env("KEY")]'


def test_shares_of_variants_with_settings_of_their_own_come_over(bring: Import) -> None:
    came = bring(
        "tensorzero.toml",
        """
        [functions.ask]
        type = "chat"
        [functions.ask.variants.a]
        type = "chat_completion"
        model = "openai::gpt-4o"
        weight = 1
        temperature = 0.5
        [functions.ask.variants.b]
        type = "chat_completion"
        model = "openai::gpt-4o-mini"
        weight = 0
        """,
    )
    assert 'route ask = fallback ["ask-a", "ask-b"]' in came.text
    assert came.lost() == set()


@each_row(("path", "endpoint"), [("/chat/completions", "https://c.example"), ("/x", "https://c.example/v1")])
def test_bifrost_puts_its_path_behind_the_address(bring: Import, path: str, endpoint: str) -> None:
    came = bring(
        "config.json",
        f"""
        {{"providers": {{"mine": {{
          "keys": [{{"value": "env.K", "models": ["m"], "weight": 1}}],
          "network_config": {{"base_url": "https://c.example"}},
          "custom_provider_config": {{"base_provider_type": "openai", "request_path_overrides": {{
            "chat_completion": "{path}", "chat_completion_stream": "{path}", "embedding": "/e"}}}}
        }}}}}}
        """,
    )
    assert came.values["mine/m.runtime.endpoint"] == endpoint
    assert any(each.endswith("embedding") for each in came.lost())
    assert any(each.endswith("chat_completion") for each in came.lost()) == (path == "/x")
