"""APISIX's plugins for models as text of the language."""

from __future__ import annotations

import pytest

from inferc.compiler.importers import ImportFailed

from ...support.rows import each_row
from .conftest import Import

CONFIG = "routes[0].plugins.ai-proxy"


def route(plugins: str, about: str = "id: talk, uri: /talk") -> str:
    return f"routes: [{{{about}, plugins: {{{plugins}}}}}]\n#END\n"


def one(
    settings: str, provider: str = "openai", auth: str = "header: {Authorization: Bearer $ENV://K}"
) -> str:
    return route(f"ai-proxy: {{provider: {provider}, auth: {{{auth}}}, {settings}}}")


def several(around: str, *instances: str) -> str:
    listed = [
        f"{{name: i{number}, provider: openai, auth: {{header: {{Authorization: Bearer $ENV://K}}}}, "
        f"options: {{model: gpt-4o}}, {each}}}"
        for number, each in enumerate(instances)
    ]
    return route(f"ai-proxy-multi: {{{around}instances: [{', '.join(listed)}]}}")


def test_a_plugin_is_a_deployment_that_is_called_like_its_route(bring: Import) -> None:
    came = bring(
        "apisix.yaml",
        one(
            "options: {model: gpt-4o, temperature: 0.5, stream: true}, timeout: 20000, keepalive: true, "
            "ssl_verify: false, max_stream_duration_ms: 60000, logging: {payloads: true}, "
            "override: {llm_options: {max_tokens: 99}}"
        ),
    )
    assert came.imported.format == "apisix"
    assert came.values["talk.model"] == "gpt-4o"
    assert came.values["talk.runtime.api_key"] == '[env("K")]'
    assert "force { temperature = 0.5, max_tokens = 99 }" in came.text
    assert "timeouts { request = 20s, total = 1m }" in came.text
    names = ("options.stream", "ssl_verify", "logging.payloads")
    assert came.lost() == {"routes[0].uri", *(f"{CONFIG}.{each}" for each in names)}
    assert came.changed() == {f"{CONFIG}.timeout", f"{CONFIG}.max_stream_duration_ms"}


@each_row(
    ("around", "instances", "written"),
    [
        ("", ("weight: 1", "weight: 1"), "balance [i0, i1] by round_robin"),
        ("", ("weight: 8", "weight: 2"), "split { i0: 80%, i1: 20% }"),
        (
            "fallback_strategy: [http_5xx], ",
            ("weight: 8", "weight: 2"),
            "[split { i0: 80%, i1: 20% }, i0, i1]",
        ),
        ("", ("weight: 1", "weight: 1, priority: 2"), "fallback [i1, i0]"),
        (
            "balancer: {algorithm: chash, hash_on: header, key: x-team}, ",
            ("weight: 1", "weight: 1"),
            'balance [i0, i1] by header("x-team")',
        ),
        (
            "balancer: {algorithm: chash, hash_on: vars, key: http_x_team}, ",
            ("weight: 1", "weight: 1"),
            'balance [i0, i1] by header("x-team")',
        ),
    ],
)
def test_instances_are_chosen_as_the_balancer_does(
    bring: Import, around: str, instances: tuple[str, ...], written: str
) -> None:
    came = bring("apisix.yaml", several(around, *instances))
    assert f"route talk = {written}" in came.text.replace("fallback [split", "[split")
    assert came.lost() == {"routes[0].uri"}


def test_what_no_route_does_is_lost(bring: Import) -> None:
    came = bring(
        "apisix.yaml",
        several(
            "balancer: {algorithm: semantic}, semantic_opts: {threshold: 0.5}, max_retries: 2, "
            "fallback_http_statuses: [401], ",
            "weight: 1, examples: [code], checks: {active: {http_path: /}}",
            "weight: 1",
        ),
    )
    said = came.comments()
    for path in ("balancer.algorithm", "semantic_opts", "max_retries", "fallback_http_statuses"):
        assert f"ai-proxy-multi.{path}" in said
    assert "instances[0].examples" in said
    assert "instances[0].checks" in said


@each_row(
    ("provider", "auth", "settings", "runtime"),
    [
        ("anthropic", "header: {x-api-key: $env://K}", "options: {model: claude-opus-4-7}", "anthropic"),
        (
            "openai-compatible",
            "header: {Authorization: 'Bearer ${{K}}'}",
            'options: {model: m}, override: {endpoint: "http://h:8000/v1/chat/completions"}',
            'openai_compatible {\n    api_key = env("K")\n    endpoint = "http://h:8000/v1"',
        ),
        (
            "azure-openai",
            "header: {api-key: '${{K:=x}}'}",
            'override: {endpoint: "https://shop.openai.azure.com/openai/deployments/gpt4/chat/completions'
            '?api-version=2024-10-21"}',
            'openai {\n    api_key = env("K")\n    azure_resource = "shop"\n    azure_deployment = "gpt4"',
        ),
        (
            "bedrock",
            "aws: {access_key_id: $ENV://A, secret_access_key: $ENV://B}",
            "provider_conf: {region: eu-west-1}, options: {model: amazon.nova-pro-v1:0}",
            '    region = "eu-west-1"\n    access_key_id = env("A")\n    secret_access_key = env("B")',
        ),
        (
            "vertex-ai",
            "gcp: {service_account_json: $ENV://K}",
            "provider_conf: {region: us-east5, project_id: p}, options: {model: google/gemini-3-pro}",
            'gemini {\n    project = "p"\n    region = "us-east5"\n    credentials = env("K")',
        ),
        (
            "aimlapi",
            "query: {api_key: $ENV://K}",
            "options: {model: m}",
            'endpoint = "https://api.aimlapi.com/v1"',
        ),
        ("openrouter", "header: {Authorization: '$ENV://K'}", "timeout: 1", 'model = "openrouter/*"'),
    ],
)
def test_each_provider_is_asked_where_and_as_it_is_there(
    bring: Import, provider: str, auth: str, settings: str, runtime: str
) -> None:
    came = bring("apisix.yaml", one(settings, provider, auth))
    assert runtime in came.text
    assert came.lost() == {"routes[0].uri"}


def test_one_key_is_sent_and_another_header_has_a_variable_of_its_own(bring: Import) -> None:
    auth = "header: {Authorization: Bearer aaa, x-team: bbb}, query: {api_key: ccc}"
    came = bring("apisix.yaml", one("options: {model: gpt-4o}", auth=auth))
    assert came.values["talk.runtime.api_key"] == '[env("TALK_API_KEY")]'
    assert 'headers { "x-team" = env("TALK_X_TEAM") }' in came.text
    assert came.lost() == {"routes[0].uri", f"{CONFIG}.auth.query.api_key"}


def test_an_address_with_a_query_is_not_cut(bring: Import) -> None:
    url = "http://h:8000/v1/chat/completions?tenant=a"
    settings = f'options: {{model: m}}, override: {{endpoint: "{url}"}}'
    with pytest.raises(ImportFailed) as failed:
        bring("apisix.yaml", one(settings, "openai-compatible"))
    assert "holds a query" in (failed.value.help or "")


def test_a_key_that_stands_in_the_file_is_not_repeated(bring: Import) -> None:
    came = bring(
        "apisix.yaml",
        one("options: {model: gpt-4o}", auth="header: {Authorization: Bearer sk-1234567890abcdefghij}"),
    )
    assert "sk-1234567890" not in came.text + came.comments()
    assert 'env("TALK_API_KEY")' in came.text


@each_row(
    "text",
    [
        '{"uri": "/x", "name": "talk", "plugins": {"ai-proxy": PLUGIN}}',
        '{"services": [{"name": "talk", "routes": [{"uris": ["/x"], "plugins": {"ai-proxy": PLUGIN}}]}]}',
        '{"plugin_configs": [{"id": "talk", "plugins": {"ai-proxy": PLUGIN}}]}',
        '{"apiVersion": "apisix.apache.org/v1alpha1", "kind": "PluginConfig", "metadata": {"name": "talk"}, '
        '"spec": {"plugins": [{"name": "ai-proxy", "config": PLUGIN}]}}',
        '{"apiVersion": "apisix.apache.org/v2", "kind": "ApisixRoute", "metadata": {"name": "r"}, '
        '"spec": {"http": [{"name": "off", "plugins": [{"name": "ai-proxy", "enable": false, '
        '"config": PLUGIN}]}, '
        '{"name": "talk", "plugins": [{"name": "ai-proxy", "enable": true, "config": PLUGIN}]}]}}',
    ],
)
def test_wherever_a_plugin_stands_it_is_read(bring: Import, text: str) -> None:
    plugin = (
        '{"provider": "openai", "auth": {"header": {"Authorization": "Bearer $ENV://K"}}, "options": '
        '{"model": "gpt-4o"}}'
    )
    came = bring("route.json", text.replace("PLUGIN", plugin))
    assert (came.values["talk.model"], came.values.get("off.model")) == ("gpt-4o", None)
    assert {each for each in came.lost() if "ai-proxy" in each or "].name" in each} <= {
        "ApisixRoute/r.spec.http[0].name",
        "ApisixRoute/r.spec.http[0].plugins[0].name",
    }


def test_two_plugins_for_one_route_have_two_names(bring: Import) -> None:
    text = one("options: {model: gpt-4o}") + ""
    entry = text.removeprefix("routes: [").partition("]\n#END")[0]
    came = bring("apisix.yaml", f"routes: [{entry}, {entry}]")
    assert came.values["talk-2.model"] == "gpt-4o"
    assert "`talk` is another one: clients ask for `talk-2`" in came.comments()


def test_what_cannot_be_asked_is_lost_with_its_reason(bring: Import) -> None:
    text = one("options: {model: m}", "openai-compatible")
    with pytest.raises(ImportFailed) as failed:
        bring("apisix.yaml", text)
    assert "leave it to APISIX" in (failed.value.help or "")
    with pytest.raises(ImportFailed) as failed:
        bring("apisix.yaml", one("_meta: {disable: true}, options: {model: gpt-4o}"))
    assert "it is off" in (failed.value.help or "")
