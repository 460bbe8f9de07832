"""What is written for another system, and read back, means the same."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, strategies as st

from inferc.compiler.compile import Checked, check_file
from inferc.compiler.exporters import export
from inferc.compiler.importers import Outcome, import_text
from inferc.compiler.provenance import effective_values

from ...support import onnx_models as models
from ...support.examples import FEWER

RUNTIMES = {
    "openai": ("gpt-4o", 'api_key = env("A")'),
    "anthropic": ("claude-sonnet-4-0", 'api_key = env("B")'),
    "groq": (
        "llama-3.3-70b-versatile",
        'api_key = env("C"), endpoint = env("URL", "https://g.example.com/v1")',
    ),
    "vllm": ("Qwen/Q", 'endpoint = "http://10.0.0.5:8000/v1"'),
    "openai_compatible": ("q", 'endpoint = "http://h:1/v1", headers { "X-Team" = "a" }'),
    "gemini": ("gemini-2.5-flash", 'project = "p", region = "europe-west4"'),
}

SEEDS = st.integers(0, 2**32)
TIMES = ("250ms", "1s", "7500ms", "45s", "2m", "1h")
TIERS = ("", ", flex = 0.5, flex_cached = 0.8", ", priority = 2, ultrafast = 6")


def some(choose: Random, parts: list[str]) -> list[str]:
    """Some of the parts, in any order."""
    return choose.sample(parts, choose.randint(0, len(parts)))


def deployment(choose: Random, name: str) -> str:
    """A deployment of which LiteLLM can say all."""
    kind = choose.choice(sorted(RUNTIMES))
    model, settings = RUNTIMES[kind]
    total = choose.choice(TIMES)
    limits = [
        f"rate_limits {{ requests_per_minute = {whole(choose)}, tokens_per_minute = {whole(choose)} }}",
        f"retry {{ max_retries = {choose.randint(0, 9)} }}",
        f"circuit_breaker {{ open_duration = {choose.choice(TIMES)} }}",
        f"timeouts {{ total = {total}, request = {total} }}",
    ]
    fields = [
        f"serving {{ max_concurrent = {whole(choose)} }}",
        f"request {{ defaults {{ temperature = 0.5, max_tokens = {whole(choose)} }}, unsupported = drop }}",
        f"price {{ input = $1, output = $2, cached_input = $0.5{choose.choice(TIERS)} }}",
        f"model_info {{ context_window = {whole(choose)} }}",
        *(["task embed { }"] if kind == "openai" else []),
    ]
    chosen = some(choose, fields)
    if any("task" in each for each in chosen):
        chosen = [each for each in chosen if "request" not in each]
    inner = ", ".join([settings, *some(choose, limits)])
    body = "\n  ".join([f'model = "{model}"', f"runtime {kind} {{ {inner} }}", *chosen])
    return f"deployment {name} {{\n  {body}\n}}\n"


def whole(choose: Random) -> int:
    return choose.randint(1, 5000)


def checked(text: str, folder: Path) -> Checked:
    found = check_file("a.infer", folder / "a.infer", text=text)
    assert not [each.message for each in found.diagnostics if each.is_error], text
    return found


def values(found: Checked) -> dict[str, dict[str, str]]:
    assert found.program is not None
    return {
        name: {".".join(each.path): each.value for each in listed}
        for name, listed in effective_values(found.program)
    }


def there_and_back(text: str, target: str, folder: Path, file: str) -> tuple[Checked, Checked, str]:
    before = checked(text, folder)
    assert before.program is not None
    exported = export(before.program, target)
    assert exported.lost == ()
    [written] = exported.files.values()
    back = import_text(written, file, folder, folder / "a.infer")
    lost = {entry.setting for entry in back.report.of(Outcome.LOST)}
    assert lost <= {"litellm_settings.cache_params.type"}
    return before, checked(back.text, folder), back.text


@FEWER
@given(seed=SEEDS)
def test_deployments_come_back_from_litellm(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    choose = Random(seed)
    text = deployment(choose, "one") + deployment(choose, "two")
    before, after, _ = there_and_back(text, "litellm", tmp_path_factory.getbasetemp(), "config.yaml")
    assert values(after) == values(before)


ROUTES = {
    "route r = fallback [a, b]": "route r = fallback [a, b]",
    "route r = balance [a, b] by least_busy": "route r = balance [a, b] by least_busy",
    "route r = fallback [split { a: 75%, b: 25% }, c]": "fallback [split { a: 75%, b: 25% }, a, b, c]",
    "route r = balance [a, b] by round_robin": "route r = balance [a, b] by round_robin",
    "route r = a": "route r = a",
    "route s = fallback [a, b]\nroute r = s": "route r = s",
}


@pytest.mark.parametrize("route", ROUTES)
def test_routes_come_back_from_litellm(tmp_path: Path, route: str) -> None:
    made = [
        f'deployment {name} {{ model = "gpt-4o", runtime openai {{ api_key = env("K"), '
        f"rate_limits {{ requests_per_minute = {most} }} }} }}"
        for name, most in zip("abc", (900, 100, 50), strict=True)
    ]
    _, _, text = there_and_back("\n".join([*made, route]), "litellm", tmp_path, "config.yaml")
    assert ROUTES[route] in text


def whole_deployment(choose: Random) -> str:
    """A deployment of which atomr can say all."""
    jitter, wait = choose.choice(("none", "equal", "full")), choose.choice(TIMES)
    retry = f"max_retries = {choose.randint(0, 9)}, backoff_multiplier = 1.5, jitter = {jitter}"
    probes = f"failure_threshold = {whole(choose)}, half_open_max_probes = {whole(choose)}"
    parts = [
        f"retry {{ {retry}, initial_backoff = {wait}, max_backoff = 2h }}",
        f"timeouts {{ request = {choose.choice(TIMES)}, read = {choose.choice(TIMES)} }}",
        f"circuit_breaker {{ {probes} }}",
        f"rate_limits {{ requests_per_minute = {whole(choose)}, strict = true }}",
        choose.choice(('organization = "o"', 'endpoint = "https://e.example.com/v1"')),
    ]
    fields = [
        f"replicas = {choose.randint(1, 9)}",
        f"serving {{ max_concurrent = {whole(choose)}, on_capacity_exhausted = reject }}",
        "budget { max_spend_per_day = $2.5, on_exceeded = throttle }",
    ]
    inner = ", ".join(['api_key = file("/run/key")', *some(choose, parts)])
    body = "\n  ".join([f"runtime openai {{ {inner} }}", *some(choose, fields)])
    return f'deployment one {{\n  model = "gpt-4o-mini"\n  {body}\n}}\n'


@FEWER
@given(seed=SEEDS)
def test_deployments_come_back_from_atomr(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    text = whole_deployment(Random(seed))
    before, after, _ = there_and_back(text, "atomr", tmp_path_factory.getbasetemp(), "atomr.toml")
    assert values(after) == values(before)


def test_a_model_comes_back_from_triton(tmp_path: Path) -> None:
    models.save(models.embedder(), tmp_path / "1" / "model.onnx")
    text = """
deployment pages {
  model = "1/model.onnx"
  gpus = 1
  replicas = 2
  runtime ort {
    providers = [tensorrt, cuda]
    batching { max_size = 16, max_delay = 250us, preferred = [4, 8] }
    session { graph_optimization = extended, intra_op_threads = 3, memory_pattern = false }
    tensorrt { trt_fp16_enable = true, trt_max_workspace_size = 1GiB, trt_engine_cache_enable = true }
    cuda { gpu_mem_limit = 2GiB }
    warm_up { input_ids = [[1, 16], [8, 128]] }
  }
}
"""
    before, after, _ = there_and_back(text, "triton", tmp_path, "config.pbtxt")
    assert values(after) == values(before)


@pytest.mark.parametrize("batching", ["batching {}", ""])
def test_triton_s_own_reader_takes_the_file_and_warms_up_as_it_counts_batches(
    tmp_path: Path, batching: str
) -> None:
    """Source: `ModelWarmup` in Triton's model_config.proto: a model without batches has a batch of 1."""
    from google.protobuf import text_format
    from tritonclient.grpc import model_config_pb2

    models.save(models.embedder(), tmp_path / "1" / "model.onnx")
    runtime = f"runtime ort {{ {batching}\n warm_up {{ input_ids = [8, 128], attention_mask = [8, 128] }} }}"
    text = f'deployment pages {{ model = "1/model.onnx"\n {runtime} }}'
    before, after, _ = there_and_back(text, "triton", tmp_path, "config.pbtxt")
    assert before.program is not None
    [written] = export(before.program, "triton").files.values()
    config = text_format.Parse(written, model_config_pb2.ModelConfig())
    [warm_up] = config.model_warmup
    shape = warm_up.inputs["input_ids"]
    assert config.max_batch_size == (32 if batching else 0)
    assert config.HasField("dynamic_batching") == bool(batching)
    assert (warm_up.batch_size, [*shape.dims]) == ((8, [128]) if batching else (1, [8, 128]))
    assert shape.data_type == model_config_pb2.TYPE_INT64
    assert values(after) == values(before)


def test_a_picture_warms_triton_up_as_what_the_model_takes(tmp_path: Path) -> None:
    models.save(models.digits(), tmp_path / "1" / "model.onnx")
    program = checked(
        'deployment a { model = "1/model.onnx", runtime ort { warm_up { image = [1, 1, 28, 28] } } }',
        tmp_path,
    ).program
    assert program is not None
    exported = export(program, "triton")
    assert exported.lost == ()
    assert "data_type: TYPE_FP32 dims: [ 1, 1, 28, 28 ]" in exported.files["a/config.pbtxt"]


def test_what_another_system_has_no_word_for_is_said(tmp_path: Path) -> None:
    text = """
deployment a {
  model = "gpt-4o"
  runtime openai { api_key = file("/run/key"), retry { jitter = full }, timeouts { request = 5s } }
}
deployment b { model = "gpt-4o", runtime openai { api_key = env("K") } }
route r = hedge [a, b] after 400ms
route shuffled = balance [a, b] by round_robin
route least = balance [a, b] by least_busy
route behind = fallback [a, balance [b, a] by least_busy]
"""
    program = checked(text, tmp_path).program
    assert program is not None
    said = {each.where for each in export(program, "litellm").lost}
    assert said == {"a.api_key", "a.retry.jitter", "a.timeouts.request"} | {"r", "shuffled", "behind"}
    routes = {"r", "shuffled", "least", "behind"}
    assert {each.where for each in export(program, "triton").lost} == {"a", "b"} | routes
    assert "# a.retry.jitter: there is no word for it\n" in export(program, "litellm").files["config.yaml"]


def test_claude_on_vertex_comes_back_from_litellm_and_atomr_has_no_word_for_it(tmp_path: Path) -> None:
    text = """deployment a {
  model = "claude-opus-4-6"
  runtime anthropic { project = "p", region = "eu" }
}
"""
    before, _, back = there_and_back(text, "litellm", tmp_path, "config.yaml")
    assert "runtime anthropic {" in back
    assert 'region = "eu"' in back
    assert before.program is not None
    assert {each.where for each in export(before.program, "atomr").lost} == {"a.project", "a.region"}


def test_bedrock_comes_back_from_litellm(tmp_path: Path) -> None:
    text = """deployment a {
  model = "amazon.nova-lite-v1:0"
  runtime bedrock { region = "us-east-1", access_key_id = env("ID"), secret_access_key = env("SECRET") }
}
"""
    _, _, back = there_and_back(text, "litellm", tmp_path, "config.yaml")
    for written in ('region = "us-east-1"', 'access_key_id = env("ID")', 'secret_access_key = env("SECRET")'):
        assert written in back


def test_what_is_signed_for_aws_is_not_sent_to_the_makers_own_api(tmp_path: Path) -> None:
    text = """deployment c {
  model = "claude-sonnet-5-5"
  runtime anthropic { aws { region = "eu-west-1" }, workspace = "wrkspc_1" }
}
"""
    program = checked(text, tmp_path).program
    assert program is not None
    exported = export(program, "litellm")
    assert {each.where for each in exported.lost} == {"c"}
    assert "claude-sonnet-5-5" not in exported.files["config.yaml"]


def test_addresses_of_azure_come_back_from_litellm(tmp_path: Path) -> None:
    text = """
let base = env("BASE")
deployment a { model = "gpt-4o", runtime azure { api_key = env("K"), endpoint = "${base}/openai/v1" } }
deployment b { model = "m", runtime azure { api_key = env("K"), endpoint = "https://x.example/openai/v1" } }
deployment c { model = "openai/oss", runtime openai_compatible { endpoint = "https://x.example/v1" } }
"""
    before, after, _ = there_and_back(text, "litellm", tmp_path, "config.yaml")
    assert values(after) == values(before)


def test_names_that_clients_complete_come_back_from_litellm(tmp_path: Path) -> None:
    made = [f'deployment {n} {{ model = "openai/*", runtime openai {{ api_key = env("K") }} }}' for n in "ab"]
    routes = ["route r = balance [a, b] by least_busy", "route s = a"]
    _, _, back = there_and_back("\n".join([*made, *routes]), "litellm", tmp_path, "config.yaml")
    assert all(each in back for each in routes)


def test_names_with_a_star_come_back_from_litellm(tmp_path: Path) -> None:
    made = [
        f'deployment "{name}" {{ model = "{model}", runtime openai {{ api_key = env("K") }} }}'
        for name, model in (("gpt-*", "gpt-*"), ("openai/*", "openai/*"), ("o*", "gpt-4o"), ("one", "gpt-4o"))
    ]
    routes = ['route "*" = one', 'route "x/*" = balance ["gpt-*", one] by least_busy']
    _, _, back = there_and_back("\n".join([*made, *routes]), "litellm", tmp_path, "config.yaml")
    assert all(each in back for each in routes)
    for name in ('"gpt-*"', '"o*"', "openai", "one"):
        assert f"deployment {name} " in back


def test_what_stands_beside_deployments_and_has_no_word_elsewhere_is_said(tmp_path: Path) -> None:
    text = """
let region = env("REGION")
deployment a { model = "gpt-4o", runtime openai { api_key = env("K"), headers { "X-Region" = region } } }
deployment b { model = "o", runtime openai { api_key = env("K"), endpoint = "https://${region}.example" } }
pipeline p(message: text) -> text { return a(message) }
gateway { bind = "127.0.0.1:80", max_body = 3MiB, cors { origins = ["*"] } }
cluster { node n { gpus = 2 } }
"""
    program = checked(text, tmp_path).program
    assert program is not None
    common = {"gateway.max_body", "gateway.cors.origins", "p", "cluster.n"}
    said = {each.where for each in export(program, "litellm").lost}
    assert common | {"gateway.bind"} <= said
    said = {each.where for each in export(program, "atomr").lost}
    assert common | {"a.headers", "b.endpoint"} <= said
    assert "gateway.bind" not in said


def test_a_system_that_has_none_of_the_deployments_gets_no_file(tmp_path: Path) -> None:
    text = 'deployment a { model = "llama", runtime groq { api_key = env("K") } }'
    program = checked(text, tmp_path).program
    assert program is not None
    assert export(program, "atomr").files == {}
