"""Files that cannot be imported: one error, with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inferc.compiler.compile import check_file
from inferc.compiler.importers import ImportFailed, Outcome, checked, import_text, read_text

from ...support.rows import each_row

BOMB = 'a: &a ["x", "x", "x", "x", "x", "x", "x", "x", "x", "x"]\n' + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


@each_row(
    ("name", "text", "line", "says"),
    [
        ("c.yaml", "model_list:\n  - a: 1\n   b: 2\n", 3, "no YAML"),
        ("c.yaml", "a:\n\t- b\n", 2, "no YAML"),
        ("c.yaml", "model_list: []\nmodel_list: []\n", 2, "`model_list` stands twice"),
        ("c.yaml", "a: &a [*a]\n", 1, "inside of itself"),
        ("c.yaml", "a: &a\n  <<: *a\n", 2, "inside of itself"),
        ("c.yaml", BOMB, 1, "more than 200,000 values"),
        ("c.yaml", "[" * 1000, None, "too deep"),
        ("c.yaml", "", None, "empty"),
        ("c.yaml", "services: {web: {image: nginx}}", None, "a file of Docker Compose"),
        ("c.yaml", "web: {image: nginx}", None, "which system"),
        ("c.yaml", "just a text", None, "which system"),
        ("c.yaml", "include: [../up.yaml]", 1, "outside of the folder"),
        ("c.yaml", "a: 1\ninclude: [gone.yaml]", 2, "`gone.yaml` cannot be read"),
        ("c.yaml", "include: [.]", 1, "no regular file"),
        ("c.yaml", "model_list: 5", None, "no model"),
        ("c.yaml", "model_list: [{model_name: a, litellm_params: {model: 2024-13-45}}]", None, "no model"),
        ("c.json", '{"a": 1,\n "b": }', 2, "no JSON"),
        ("c.json", '{"a": 1, "a": 2}', 1, "`a` stands twice"),
        ("c.json", "[" * 5000 + "]" * 5000, 1, "more than 100 deep"),
        ("c.toml", "a = 1\nb = \n", 2, "no TOML"),
        ("c.yaml", "model_list: [!!int '', !!bool x, !!float _]", None, "no model"),
        ("c.yaml", f"a: 1\nb: 0x{'f' * 5000}", 2, "too many digits"),
        ("c.toml", f"a = 1\nb = 0x{'f' * 5000}", 2, "too many digits"),
        ("c.toml", f"a = {'1' * 5000}", None, "too many digits"),
        ("c.pbtxt", f'name: "a"\nmax_batch_size: 0x{"f" * 5000}', 2, "too many digits"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    tmp_path: Path, name: str, text: str, line: int | None, says: str
) -> None:
    with pytest.raises(ImportFailed) as failed:
        import_text(text, name, tmp_path, tmp_path / "out.infer")
    assert says in failed.value.message
    assert failed.value.line == line


def test_files_have_a_size_and_are_text(tmp_path: Path) -> None:
    (tmp_path / "big.yaml").write_text("a" * (1 << 21))
    (tmp_path / "binary.yaml").write_bytes(b"a\n\xff")
    for name, says in (
        ("big.yaml", "larger than"),
        ("binary.yaml", "UTF-8"),
        ("none.yaml", "no such file"),
    ):
        with pytest.raises(ImportFailed, match=says):
            read_text(tmp_path / name)


@each_row(
    ("text", "title", "advice"),
    [
        ("models: {a: {cmd: llama-server --port 1}}", "llama-swap", "launch { command"),
        (
            "routes: [{uri: /a, plugins: {key-auth: {}}}]",
            "Apache APISIX",
            "each `ai-proxy`",
        ),
        ("provider: {type: qwen, apiTokens: [a]}", "Higress", "several are a route"),
        (
            "name: a\nelements: [{id: s, type: start, outputs: {next: {elementId: m}}}]",
            "Cloudflare's AI Gateway, a dynamic route",
            "each `model` in it is a deployment",
        ),
        ("llm: {port: 4000, models: [{name: a, provider: openAI}]}", "agentgateway", "each model"),
        ("binds: [{port: 1, listeners: [{routes: []}]}]", "agentgateway", "each model"),
        ("routers: {a: {load-balance: {chat: {strategy: latency}}}}", "Helicone's AI gateway", "each model"),
        ("modelArtifacts: {uri: 'hf://a/b'}\ndecode: {}", "llm-d, as Helm reads it", "launch { command"),
        ("apiVersion: extensions.higress.io/v1alpha1\nkind: WasmPlugin", "Higress", "several are a route"),
        (
            "apiVersion: production-stack.vllm.ai/v1\nkind: VLLMRuntime",
            "vLLM's production stack",
            "launch { command",
        ),
        (
            "apiVersion: inference.networking.k8s.io/v1\nkind: InferencePool",
            "the Gateway API's inference extension",
            "balance",
        ),
        ("version: 1.2.1\nendpoints: {custom: [{name: a}]}", "LibreChat", "OpenAI-like provider"),
        ("name: a\nmodels: [{name: b, provider: openai, model: c}]", "Continue", "OpenAI-like provider"),
        ("$schema: a\nmcp: {a: {type: local}}", "opencode, which names no provider", "OpenAI-like"),
        ("model: openai/a\nopenai-api-base: http://a", "aider", "OpenAI-like"),
        ("agent: {default_model: {provider: ollama, model: a}}", "Zed", "OpenAI-like"),
        ("Providers: [{name: a}]\nRouter: {default: a}", "Claude Code Router", "each model"),
        ("vllm_endpoints: [{name: a, address: b}]", "vLLM's semantic router", "each model"),
        ("data: [{base_url: 'http://a', models: a}]", "One API, channels of it", "each model"),
        ("catalog: {a: {url: 'hf://a/b', engine: VLLM}}", "KubeAI, as Helm reads it", "launch { command"),
        ("models: {a: {model: ai/gemma3, context_size: 9}}", "Docker Compose", "launch { command"),
        ("servingEngineSpec: {modelSpec: []}", "vLLM's production stack, as Helm reads it", "endpoint"),
        ("kind: Service\napiVersion: v1\nmetadata: {name: a}", "Kubernetes", "ConfigMap"),
    ],
)
def test_a_file_of_another_system_is_named_and_what_is_read(
    tmp_path: Path, text: str, title: str, advice: str
) -> None:
    with pytest.raises(ImportFailed) as failed:
        import_text(text, "c.yaml", tmp_path, tmp_path / "out.infer")
    assert failed.value.message == f"this is a file of {title}"
    assert advice in str(failed.value.help)
    assert "LiteLLM" in str(failed.value.help)


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        (".env", "# keys\nOPENAI_API_KEY=a\n", "variables of the environment"),
        ("house.env.example", "A=\n", "variables of the environment"),
        ("Modelfile", "FROM llama3.2\nPARAMETER temperature 1\n", "Ollama"),
    ],
)
def test_a_file_of_a_form_of_its_own_is_named(tmp_path: Path, name: str, text: str, title: str) -> None:
    with pytest.raises(ImportFailed) as failed:
        import_text(text, name, tmp_path, tmp_path / "out.infer")
    assert failed.value.message.startswith(f"this is a file of {title}")
    assert "LiteLLM" in str(failed.value.help)


@pytest.mark.parametrize(
    ("name", "text", "help"),
    [
        ("c.yaml", "{{- if .Values.on }}\n- a: {{ .b }}\n", "helm template"),
        ("c.yaml", "model_list:\n- model_name: {{ name }}\n", "helm template"),
        ("c.toml", "[gateway]\ndebug = true\n[functions.f]\ntype = 'chat'\n", "variants"),
        ("c.toml", "[gateway]\ndebug = true\n[models]\n", "names none"),
    ],
)
def test_why_is_told_of_the_models_and_of_nothing_beside_them(
    tmp_path: Path, name: str, text: str, help: str
) -> None:
    with pytest.raises(ImportFailed) as failed:
        import_text(text, name, tmp_path, tmp_path / "out.infer", None if "yaml" in name else "tensorzero")
    assert help in str(failed.value.help)


def test_a_key_that_names_a_setting_is_not_repeated(tmp_path: Path) -> None:
    key = "sk-live" + "Q7x" * 9
    text = f"model_list: [{{model_name: a, litellm_params: {{model: gpt-4o}}}}]\nkeys: {{{key}: {{team: b}}}}"
    imported = import_text(text, "c.yaml", tmp_path, tmp_path / "out.infer")
    told = [entry.setting for entry in imported.report.entries()]
    assert key not in imported.text + " ".join(told)
    assert any(setting.startswith("keys.") for setting in told)


def test_a_password_in_the_address_that_names_a_model_is_not_repeated(tmp_path: Path) -> None:
    text = "model_list: [{model_name: 'http://user:hunter2@host/x', litellm_params: {model: openai/gpt-4o}}]"
    imported = import_text(text, "c.yaml", tmp_path, tmp_path / "out.infer")
    assert "hunter2" not in imported.text + " ".join(map(str, imported.report.entries()))
    assert "deployment model {" in imported.text


BEDROCK = """{"providers": {"bedrock": {"keys": [{"models": ["m"], "bedrock_key_config":
  {"access_key": "env.ID", "secret_key": %s, "region": "us-east-1", "deployments": {"m": "m"}}}]}}}"""
AZURE = """{"providers": {"azure": {"keys": [{"value": "env.A", "models": ["m"], "azure_key_config":
  {"endpoint": %s}}]}, "openai": {"keys": [{"value": "env.B", "models": ["n"]}]}}}"""


@each_row("odd", ["null", "[]", "true", "7", "1e999", "{}"])
@each_row("text", [BEDROCK, AZURE])
def test_keys_and_addresses_that_are_no_texts_are_left_out_with_a_note(
    tmp_path: Path, text: str, odd: str
) -> None:
    imported = import_text(text % odd, "c.json", tmp_path, tmp_path / "out.infer")
    assert "None" not in imported.text
    assert "lost" in imported.text


def test_null_sets_nothing(tmp_path: Path) -> None:
    given = "{model: openai/gpt-4o, api_base: null, api_key: null, timeout: null}"
    text = (
        f"model_list: [{{model_name: a, litellm_params: {given}, model_info: null}}]\nrouter_settings: null\n"
    )
    imported = import_text(text, "c.yaml", tmp_path, tmp_path / "out.infer")
    assert 'runtime openai { api_key = env("OPENAI_API_KEY") }' in imported.text
    assert "lost" not in imported.text


def test_a_host_that_is_none_is_lost_and_no_fault(tmp_path: Path) -> None:
    given = "model: azure_ai/x, api_key: os.environ/K, api_base: 'http://[]'"
    models = "{model_name: a, litellm_params: {model: gpt-4o}}, {model_name: b, litellm_params: {%s}}"
    imported = import_text(f"model_list: [{models % given}]", "c.yaml", tmp_path, tmp_path / "out.infer")
    assert "deployment a {" in imported.text
    assert "deployment b {" not in imported.text


def test_a_step_of_a_graph_at_a_host_that_is_none_is_lost(tmp_path: Path) -> None:
    steps = "[{serviceUrl: 'http://[]'}, {serviceUrl: 'http://h/v1'}]"
    spec = f"{{nodes: {{root: {{routerType: Sequence, steps: {steps}}}}}}}"
    head = "apiVersion: serving.kserve.io/v1alpha1\nkind: InferenceGraph\nmetadata: {name: g}\n"
    imported = import_text(f"{head}spec: {spec}\n", "c.yaml", tmp_path, tmp_path / "out.infer")
    assert "it names a service that cannot be here" in imported.text


def test_many_budgets_without_a_price_are_seen_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look at the whole file takes as long as the file is: one for each budget would be forever."""
    looks = 0

    def look(*arguments: Any, **named: Any) -> Any:
        nonlocal looks
        looks += 1
        return check_file(*arguments, **named)

    monkeypatch.setattr(checked, "check_file", look)
    params = "{model: openai/mine, api_key: os.environ/K, max_budget: 5, budget_duration: 1d}"
    entries = (f"  - {{model_name: m{number}, litellm_params: {params}}}\n" for number in range(20))
    came = import_text("model_list:\n" + "".join(entries), "c.yaml", tmp_path, tmp_path / "out.infer")
    assert came.text.count("on_exceeded = warn") == 20
    assert looks <= 3


@each_row("number", ["1" * 400, "-.inf", ".nan", "snan"])
def test_shares_and_limits_that_are_none_do_no_harm(tmp_path: Path, number: str) -> None:
    entry = f"{{model_name: a, litellm_params: {{model: openai/gpt-4o, weight: {number}, rpm: {number}}}}}"
    imported = import_text(f"model_list: [{entry}, {entry}]", "c.yaml", tmp_path, tmp_path / "out.infer")
    lost = {entry.setting for entry in imported.report.of(Outcome.LOST)}
    assert {f"model_list[{place}].litellm_params.rpm" for place in (0, 1)} <= lost


@pytest.mark.parametrize(
    "text",
    [
        "routes: [{name: ROUTE, plugins: {ai-proxy: {provider: openai, options: {model: gpt-4o}}}}]",
        "_format_version: '3.0'\n"
        "plugins: [{name: ai-proxy, route: ROUTE, config: {model: {provider: openai, name: gpt-4o}}}]",
    ],
)
def test_where_a_star_is_a_letter_it_opens_no_names(tmp_path: Path, text: str) -> None:
    written = import_text(text.replace("ROUTE", "team"), "c.yaml", tmp_path, tmp_path / "out.infer").text
    assert "deployment team {" in written
    with pytest.raises(ImportFailed) as failed:
        import_text(text.replace("ROUTE", '"team*"'), "c.yaml", tmp_path, tmp_path / "out.infer")
    assert "stands for a part of names here" in str(failed.value.help)


def test_names_of_headers_and_fields_are_whole(tmp_path: Path) -> None:
    params = """{model: openai/gpt-4o, extra_headers: {x.y: "1"}, extra_body: {"a.b": 1, 'e"f.g': 2}}"""
    text = f"model_list: [{{model_name: a, litellm_params: {params}}}]"
    written = import_text(text, "c.yaml", tmp_path, tmp_path / "out.infer").text
    assert 'headers { "x.y" = "1" }' in written
    assert 'extra_body { "a.b" = 1, "e\\"f.g" = 2 }' in written
    plugin = '{provider: openai, options: {model: gpt-4o, "a.b": 1}}'
    text = f"routes: [{{id: a, plugins: {{ai-proxy: {plugin}}}}}]"
    written = import_text(text, "c.yaml", tmp_path, tmp_path / "out.infer").text
    assert 'extra_body { "a.b" = 1 }' in written


def test_what_a_body_cannot_hold_here_is_lost(tmp_path: Path) -> None:
    params = "{model: openai/gpt-4o, extra_body: {a: 1, b: [null], c: {d: [{e: [null]}]}}}"
    text = f"model_list: [{{model_name: a, litellm_params: {params}}}]"
    imported = import_text(text, "c.yaml", tmp_path, tmp_path / "out.infer")
    lost = {entry.setting for entry in imported.report.of(Outcome.LOST)}
    assert lost == {f"model_list[0].litellm_params.extra_body.{each}" for each in ("b", "c.d[0].e")}
    assert "extra_body { a = 1" in imported.text


def test_no_request_goes_elsewhere_since_its_address_holds_a_key(tmp_path: Path) -> None:
    params = "{model: groq/llama, api_base: 'https://a.example/sk-abcdefgh0123456789/v1'}"
    text = f"model_list: [{{model_name: a, litellm_params: {params}}}]"
    with pytest.raises(ImportFailed) as failed:
        import_text(text, "c.yaml", tmp_path, tmp_path / "out.infer")
    assert "looks like a key" in str(failed.value.help)


def test_no_remark_repeats_a_password_in_an_address(tmp_path: Path) -> None:
    text = """
model_list: [{model_name: a, litellm_params: {model: openai/gpt-4o}}]
router_settings: {fallbacks: [{a: ["https://bob:hunter2@a.example"]}]}
"""
    imported = import_text(text, "c.yaml", tmp_path, tmp_path / "out.infer")
    assert "hunter2" not in imported.text + "".join(each.says for each in imported.report.entries())
    assert "@a.example" in imported.text


def test_an_address_with_a_password_stands_nowhere(tmp_path: Path) -> None:
    body = "extra_body: {a: 1, hook: 'https://bob:hunter2@a.example/x'}"
    params = f"{{model: openai/gpt-4o, {body}, extra_headers: {{x-up: 'http://bob:hunter2@a.example'}}}}"
    text = f"model_list: [{{model_name: a, litellm_params: {params}}}]"
    imported = import_text(text, "c.yaml", tmp_path, tmp_path / "out.infer")
    assert "hunter2" not in imported.text
    lost = {entry.setting.rpartition(".")[2] for entry in imported.report.of(Outcome.LOST)}
    assert lost == {"hook", "x-up"}
