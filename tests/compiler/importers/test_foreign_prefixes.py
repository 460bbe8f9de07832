"""What LiteLLM writes before a model's name means the same here, or the file is told what to write.

The list is the one that the litellm package has (`litellm_prefixes.json`).
"""

from __future__ import annotations

import json
from pathlib import Path

from inferc.dsl.catalogues.inference import match_runtime, name_at
from inferc.dsl.catalogues.models import find_model
from inferc.dsl.catalogues.other_providers import find_other, other_providers
from inferc.dsl.kinds import ProviderKind, RuntimeKind

from ...support.projects import Project
from ...support.rows import each_row
from .conftest import Import

PREFIXES: list[str] = json.loads(Path(__file__).with_name("litellm_prefixes.json").read_bytes())["providers"]
MEANT = {
    "anthropic": "anthropic",
    "azure": "azure",
    "azure_ai": "azure",
    "azure_text": "azure",
    "bedrock": "bedrock",
    "cerebras": "cerebras",
    "cohere": "cohere",
    "cohere_chat": "cohere",
    "deepseek": "deepseek",
    "fireworks_ai": "fireworks",
    "gemini": "gemini",
    "github": "github",
    "groq": "groq",
    "hosted_vllm": "vllm",
    "huggingface": "huggingface",
    "litellm_proxy": "litellm",
    "mistral": "mistral",
    "nvidia_nim": "nvidia",
    "ollama": "ollama",
    "ollama_chat": "ollama",
    "openai": "openai",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "text-completion-openai": "openai",
    "together_ai": "together",
    "vllm": "vllm",
    "xai": "xai",
}
BY_NAME = {
    "vertex_ai/gemini-2.5-pro": "gemini",
    "vertex_ai_beta/gemini-2.5-pro": "gemini",
    "vertex_ai/text-embedding-005": "gemini",
    "vertex_ai/claude-sonnet-4-5": "anthropic",
    "azure_ai/claude-sonnet-4-5": "anthropic",
    "bedrock/converse/us.anthropic.claude-sonnet-4-5-20250929-v1:0": "bedrock",
}
OWN = (
    "vllm",
    "hosted_vllm",
    "azure",
    "azure_ai",
    "azure_text",
    "custom_openai",
    "openai_like",
    "aiohttp_openai",
)
"""Where each customer has an address, which a file of LiteLLM's says."""
AT = ", api_base: http://h:1/v1"
REST = [prefix for prefix in PREFIXES if prefix not in MEANT]


@each_row(
    ("model", "runtime"), [*((f"{prefix}/m", kind) for prefix, kind in MEANT.items()), *BY_NAME.items()]
)
def test_a_prefix_says_the_runtime_and_is_not_sent(model: str, runtime: str) -> None:
    kind = match_runtime(model)
    assert kind == runtime
    assert name_at(RuntimeKind(runtime), model) == model.rpartition("/")[2]


@each_row(("model", "runtime"), BY_NAME.items())
def test_a_prefix_hides_no_price(model: str, runtime: str) -> None:
    found = find_model(model, ProviderKind(runtime))
    assert found is not None
    assert found.input_price is not None


def test_every_other_prefix_is_an_error_that_says_what_to_write(project: Project) -> None:
    text = "".join(f'deployment d{at} {{\n  model = "{each}/mistral-x"\n}}\n' for at, each in enumerate(REST))
    findings = project.findings(text)
    assert {item.code for item in findings} == {"E0441"}
    told = {item.message.split("`")[1]: item for item in findings}
    assert set(told) == {f"{prefix}/" for prefix in REST}
    for prefix in REST:
        found = find_other(f"{prefix}/x")
        assert found is not None
        [said, *_] = told[f"{prefix}/"].help
        block = found.block()
        assert block or "ask" in said or "plug-in" in said or "pipeline" in said or "route" in said, prefix
        assert "runtime vllm" in said


def test_what_the_error_offers_is_right(project: Project) -> None:
    fixable = [prefix for prefix, each in other_providers().items() if each.endpoint and not each.is_blank]
    text = "".join(f'deployment d{at} {{\n  model = "{each}/org/x"\n}}\n' for at, each in enumerate(fixable))
    fixed = text
    edits = [edit for item in project.findings(text) for fix in item.fixes for edit in fix.edits]
    assert len(edits) == len(fixable)
    for edit in sorted(edits, key=lambda edit: -edit.span.start):
        fixed = fixed[: edit.span.start] + edit.replacement + fixed[edit.span.end :]
    plans = project.deployments(fixed)
    assert {plan.endpoint for plan in plans.values()} == {  # type: ignore[union-attr]
        other_providers()[each].endpoint for each in fixable
    }
    assert {plan.model for plan in plans.values()} == {"org/x"}  # type: ignore[union-attr]


def test_an_import_takes_each_prefix_for_the_same(bring: Import) -> None:
    rows = "\n".join(
        f"  - {{model_name: g{at}, litellm_params: {{model: {each}/m{AT if each in OWN else ''}}}}}"
        for at, each in enumerate(PREFIXES)
    )
    came = bring("config.yaml", f"model_list:\n{rows}\n")
    for at, prefix in enumerate(PREFIXES):
        runtime, other = came.values.get(f"g{at}.runtime"), find_other(f"{prefix}/m")
        expected = MEANT[prefix] if other is None else "openai_compatible" if other.endpoint else None
        assert runtime == expected, prefix


@each_row(
    ("body", "code", "said"),
    [
        ('model = "vertex_ai/gemini-2.5-pro"', "E0305", "project"),
        (
            'model = "vertex_ai/claude-sonnet-4-5", runtime anthropic { api_key = env("K") }',
            "E0305",
            "region",
        ),
        ('model = "azure_ai/claude-sonnet-4-5"', "E0305", "services.ai.azure.com"),
        ('model = "bedrock/us-east-1/amazon.nova-pro-v1:0"', "E0305", "us-east-1"),
        (
            'model = "bedrock/us-east-1/amazon.nova-pro-v1:0", runtime bedrock { region = "us-west-2" }',
            "E0308",
            "us-east-1/",
        ),
        (
            'model = "zai/glm", runtime openai_compatible { endpoint = "https://api.z.ai/api" }',
            "W0442",
            "glm",
        ),
    ],
)
def test_what_a_prefix_needs_besides_is_said(project: Project, body: str, code: str, said: str) -> None:
    [item] = [each for each in project.findings(f"deployment it {{ {body} }}") if each.code[0] in "EW"]
    assert item.code == code
    assert said in item.message + " ".join(item.help)


def test_a_server_of_ones_own_may_have_a_model_of_any_name(project: Project) -> None:
    plan = project.remote(
        'deployment it { model = "meta/llama", runtime vllm { endpoint = "http://h:1/v1" } }'
    )
    assert plan.model == "meta/llama"
