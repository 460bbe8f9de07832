"""Kong's plugins for models as text of the language."""

from __future__ import annotations

import pytest

from inferc.compiler.importers import ImportFailed, Outcome

from ...support.rows import each_row
from .conftest import Import

PLUGIN = "services[0].routes[0].plugins[0].config"


def deck(plugin: str) -> str:
    """A file of decK whose route `talk` has one plugin."""
    route = f"{{name: talk, paths: [/talk], plugins: [{plugin}]}}"
    return f'_format_version: "3.0"\nservices: [{{name: s, url: "http://x", routes: [{route}]}}]\n'


def targets(balancer: str, *weights: int | None) -> str:
    listed = [
        f"{{route_type: llm/v1/chat, {'' if each is None else f'weight: {each}, '}"
        f"auth: {{header_name: Authorization, header_value: 'Bearer $(KEY_{number})'}}, "
        f"model: {{provider: openai, name: gpt-4o}}}}"
        for number, each in enumerate(weights, 1)
    ]
    return deck(
        f"{{name: ai-proxy-advanced, config: {{balancer: {balancer}, targets: [{', '.join(listed)}]}}}}"
    )


def test_a_plugin_is_a_deployment_that_is_called_like_its_route(bring: Import) -> None:
    came = bring(
        "kong.yaml",
        deck(
            """{name: ai-proxy, config: {route_type: llm/v1/chat, logging: {log_payloads: true},
            auth: {header_name: Authorization, header_value: 'Bearer ${{ env "DECK_KEY" }}'},
            model: {provider: openai, name: gpt-4o, options: {max_tokens: 99, temperature: 0.5,
            input_cost: 2.5, output_cost: 10}}}}"""
        ),
    )
    assert came.imported.format == "kong"
    assert came.values["talk.model"] == "gpt-4o"
    assert came.values["talk.runtime.api_key"] == '[env("DECK_KEY")]'
    assert (came.values["talk.price.input"], came.values["talk.price.output"]) == ("$2.5", "$10")
    assert "force { max_tokens = 99, temperature = 0.5 }" in came.text
    lost = {f"{PLUGIN}.logging.log_payloads", "services[0].name", "services[0].url"}
    assert came.lost() == lost | {"services[0].routes[0].paths"}


@each_row(
    ("balancer", "weights", "written"),
    [
        (
            "{algorithm: round-robin}",
            (70, 30),
            'fallback [split { "talk-1": 70%, "talk-2": 30% }, "talk-1", "talk-2"]',
        ),
        ("{algorithm: round-robin}", (5, 5), 'balance ["talk-1", "talk-2"] by round_robin'),
        ("{}", (100, None), 'balance ["talk-1", "talk-2"] by round_robin'),
        ("{algorithm: lowest-usage}", (1, 2), 'balance ["talk-1", "talk-2"] by usage'),
        ("{algorithm: lowest-latency}", (1, 2), 'balance ["talk-1", "talk-2"] by least_latency'),
        ("{algorithm: least-connections}", (1, 2), 'balance ["talk-1", "talk-2"] by least_busy'),
        ("{algorithm: priority}", (1, 9, 9), 'fallback [balance ["talk-2", "talk-3"], "talk-1"]'),
        (
            "{algorithm: consistent-hashing, hash_on_header: x-session}",
            (1, 1),
            'balance ["talk-1", "talk-2"] by header("x-session")',
        ),
    ],
)
def test_targets_are_a_route_by_the_balancer_s_algorithm(
    bring: Import, balancer: str, weights: tuple[int | None, ...], written: str
) -> None:
    came = bring("kong.yaml", targets(balancer, *weights))
    assert f"route talk = {written}" in came.text
    assert f"{PLUGIN}.balancer.algorithm" not in came.lost()
    assert came.values["talk-2.runtime.api_key"] == '[env("KEY_2")]'
    is_unweighted = "connections" in balancer  # shares count in Kong, and not here
    assert (f"{PLUGIN}.targets[0].weight" in came.changed()) is is_unweighted


def test_a_name_of_several_targets_is_a_route_over_them(bring: Import) -> None:
    """And of what inferc does not serve, nothing comes over."""

    def target(alias: str, kind: str = "llm/v1/chat") -> str:
        return (
            f"{{route_type: {kind}, weight: {len(alias)}, "
            f"model: {{provider: openai, name: gpt-4o, model_alias: {alias}}}}}"
        )

    parts = target("auto"), target("auto"), target("big"), target("talk"), target("x", "realtime/v1/realtime")
    came = bring("kong.yaml", deck(f"{{name: ai-proxy-advanced, config: {{targets: [{', '.join(parts)}]}}}}"))
    assert 'route auto = balance ["talk-1", "talk-2"] by round_robin' in came.text
    assert 'route big = "talk-3"' in came.text
    assert "talk-5.model" not in came.values
    assert f"{PLUGIN}.targets[4].model.name" in came.lost()
    assert {f"{PLUGIN}.targets[{at}].model.model_alias" for at in range(3)}.isdisjoint(came.lost())


def test_what_the_balancer_says_counts_for_each_target(bring: Import) -> None:
    came = bring(
        "kong.yaml", targets("{algorithm: semantic, retries: 2, fail_timeout: 9000, slots: 9}", 1, 1)
    )
    for name in ("talk-1", "talk-2"):
        assert came.values[f"{name}.runtime.retry.max_retries"] == "2"
        assert came.values[f"{name}.runtime.circuit_breaker.open_duration"] == "9s"
    assert {f"{PLUGIN}.balancer.{each}" for each in ("algorithm", "slots")} <= came.lost()
    assert came.changed() == {f"{PLUGIN}.balancer.retries"}


def test_keys_stand_in_no_file_and_go_nowhere_else(bring: Import) -> None:
    came = bring(
        "kong.yaml",
        """
        _format_version: "3.0"
        plugins:
          - name: ai-proxy
            route: gemini
            config:
              auth: {param_name: key, param_value: "{vault://env/my-key}", param_location: query}
              model: {provider: gemini}
          - name: ai-proxy
            service: {name: own}
            config:
              auth: {header_name: X-Pass, header_value: plain-words}
              model:
                provider: llama2
                name: llama
                options: {llama2_format: openai, upstream_url: "http://llama:80/v1/chat/completions"}
          - name: ai-proxy
            route: elsewhere
            config:
              auth: {header_name: api-key, header_value: "$AZURE"}
              model: {provider: azure, name: gpt-4o, options: {azure_instance: west, upstream_url: "https://p"}}
          - {name: ai-proxy, enabled: false, config: {model: {provider: openai, name: off}}}
          - {name: cors, config: {max_age: 9}}
        """,
    )
    assert (came.values["gemini.model"], came.values["gemini.runtime.api_key"]) == ("*", '[env("MY_KEY")]')
    assert came.values["own.runtime.endpoint"] == "http://llama:80/v1"
    assert "plain-words" not in came.text
    assert 'headers { "X-Pass" = env("OWN_X_PASS") }' in came.text
    assert {"elsewhere.model", "off.model"}.isdisjoint(came.values)
    assert "plugins[2].config.auth.header_value" in came.lost()
    assert "plugins[4].config.max_age" in came.lost()


@each_row(
    ("provider", "address", "asks"),
    [
        ("anthropic", "https://proxy.example/v1/messages", "https://proxy.example"),
        ("mistral", "https://proxy.example/v1/chat/completions", "https://proxy.example/v1"),
        ("openai", "https://api.openai.com.example/v1", "https://api.openai.com.example/v1"),
    ],
)
def test_no_key_goes_to_an_address_that_kong_sends_none(
    provider: str, address: str, asks: str, bring: Import
) -> None:
    config = f'{{model: {{provider: {provider}, name: m, options: {{upstream_url: "{address}"}}}}}}'
    came = bring("kong.yaml", f'_format_version: "3.0"\nplugins: [{{name: ai-proxy, config: {config}}}]')
    assert came.values["kong.runtime.endpoint"] == asks
    assert "_API_KEY" not in came.text


def test_clouds_are_asked_with_their_own_credentials(bring: Import) -> None:
    models = """
        - auth: {aws_access_key_id: $ID, aws_secret_access_key: $SECRET}
          model: {provider: bedrock, name: amazon.nova-pro-v1:0, options: {bedrock: {aws_region: eu-west-1}}}
        - auth: {gcp_service_account_json: $ACCOUNT}
          model:
            provider: gemini
            name: gemini-2.5-pro
            options: {gemini: {project_id: p, location_id: global}}
        - auth: {header_name: api-key, header_value: $AZURE}
          model:
            provider: azure
            options: {azure_instance: west, azure_deployment_id: four, azure_api_version: v}
        - model: {provider: llama2, name: l, options: {llama2_format: raw, upstream_url: "http://l"}}
    """
    plugin = "kind: KongPlugin\nmetadata: {name: all}\nplugin: ai-proxy-advanced"
    came = bring(
        "kong.yaml",
        f"apiVersion: configuration.konghq.com/v1\n{plugin}\nconfig:\n  targets:{models}",
    )
    assert 'secret_access_key = env("SECRET")' in came.text
    assert came.values["all-2.runtime.credentials"] == 'env("ACCOUNT")'
    assert came.values["all-3.runtime.azure_deployment"] == "four"
    assert 'route all = balance ["all-1", "all-2", "all-3"] by round_robin' in came.text
    assert {each.partition(".model")[0] for each in came.lost()} == {"KongPlugin/all.config.targets[3]"}


def test_what_requests_say_is_left_to_clients(bring: Import) -> None:
    def named(model: str) -> str:
        return deck(f"{{name: ai-proxy, config: {{route_type: llm/v1/chat, model: {{{model}}}}}}}")

    came = bring("kong.yaml", named("provider: mistral, name: $(uri_captures.model), options: {}"))
    assert came.values["talk.model"] == "mistral/*"
    assert "they ask for `talk/…`" in came.comments()
    address = 'options: {upstream_url: "${{ env \\"DECK_URL\\" }}"}'
    came = bring("kong.yaml", named(f"provider: openai, name: m, model_alias: quick, {address}"))
    assert 'endpoint = env("DECK_URL")' in came.text
    assert "route quick = talk" in came.text
    azure = "options: {azure_instance: w, azure_deployment_id: west-$(headers.x-model)}"
    with pytest.raises(ImportFailed, match="no model in this file of Kong"):
        bring("kong.yaml", named(f"provider: azure, name: m, {azure}"))


def test_a_file_of_kong_without_models_is_named(bring: Import) -> None:
    with pytest.raises(ImportFailed, match="this is a file of Kong"):
        bring("kong.yaml", '_format_version: "3.0"\nservices: [{name: a, plugins: [{name: cors}]}]')


def test_two_plugins_for_one_route_have_two_names(bring: Import) -> None:
    plugin = "{name: ai-proxy, config: {route_type: llm/v1/chat, model: {provider: openai, name: NAME}}}"
    came = bring(
        "kong.yaml", deck(f"{plugin.replace('NAME', 'gpt-4o')}, {plugin.replace('NAME', 'gpt-4.1')}")
    )
    assert (came.values["talk.model"], came.values["talk-2.model"]) == ("gpt-4o", "gpt-4.1")
    assert "`talk` is another one: clients ask for `talk-2`" in came.comments()
    assert came.outcome("services[0].routes[0].name") is Outcome.CHANGED
