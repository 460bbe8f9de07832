"""The effective runtime: what is written wins, then the block, then the name of the model."""

from __future__ import annotations

from inferc.dsl.kinds import RuntimeKind
from inferc.dsl.runtimes import CONFIG_CLASSES

from ..support.projects import Project, place
from ..support.rows import each_row

NAMES = {
    "models/minilm.onnx": "ort",
    "gpt-4.onnx": "ort",
    "gpt-4": "openai",
    "gpt-4o-mini": "openai",
    "gpt-3.5-turbo": "openai",
    "gpt-5": "openai",
    "chatgpt-4o-latest": "openai",
    "o1": "openai",
    "o1-mini": "openai",
    "o3-mini": "openai",
    "o4-mini": "openai",
    "claude-sonnet-4": "anthropic",
    "anthropic/claude-3-opus": "anthropic",
    "gemini-2.0-flash": "gemini",
    "google/gemini-1.5-pro": "gemini",
    "litellm/gpt-4o": "litellm",
    "litellm/mistral-large": "litellm",
    "gpt-4o-via-litellm": "litellm",
    "claude-via-litellm-proxy": "litellm",
    "mistral-7b-instruct": "mistralrs",
    "TheBloke/mistral-7B": "mistralrs",
    "mixtral-via-litellm": "litellm",
}
GUESSED = [
    "llama-3-8b",
    "gpt-2",
    "google/gemma-2b",
    "my-gpt-4",
    "claude",
    "qwen.onnx.bak",
    "o2",
    "Mistral-7B",
]


def runtime_of(project: Project, body: str) -> str:
    checked = project.check(f"deployment it {{ {body} }}")
    assert checked.program is not None
    [declared] = checked.program.declared
    assert declared.deployment is not None
    return declared.deployment.effective_runtime.value


@each_row(("model", "runtime"), NAMES.items())
def test_the_name_of_a_model_says_its_runtime(project: Project, model: str, runtime: str) -> None:
    assert runtime_of(project, f'model = "{model}"') == runtime
    assert "N0414" not in project.codes(f'deployment it {{ model = "{model}" }}')


@each_row("model", GUESSED)
def test_a_name_that_says_nothing_is_taken_for_vllm_with_a_note(project: Project, model: str) -> None:
    assert runtime_of(project, f'model = "{model}"') == "vllm"
    [note] = [
        item for item in project.findings(f'deployment it {{ model = "{model}" }}') if not item.is_error
    ]
    assert (note.code, place(note)) == ("N0414", "main.infer:1:25")
    assert f"`{model}`" in note.message
    assert "`vllm`" in note.message


@each_row("kind", sorted({k.value for k in CONFIG_CLASSES} - {"python", "custom"}))
@each_row("model", ["gpt-4o", "model.onnx", "unknown-model"])
def test_what_is_written_wins_over_the_name(project: Project, model: str, kind: str) -> None:
    for body in (f"runtime = {kind}", f"runtime {kind} {{ }}", f"runtime = {kind}, runtime {kind} {{ }}"):
        assert runtime_of(project, f'model = "{model}", {body}') == kind
        assert not {"N0414", "E0406"} & set(project.codes(f'deployment it {{ model = "{model}", {body} }}'))


@each_row(
    "form", ['runtime = {}("x:y")', 'runtime {}("x:y") {{ }}', 'runtime = {0}, runtime {0}("x:y") {{ }}']
)
@each_row("kind", ["python", "custom"])
def test_a_runtime_that_names_its_program_wins_too(project: Project, kind: str, form: str) -> None:
    assert runtime_of(project, f'model = "gpt-4o", {form.format(kind)}') == kind


@each_row("order", [1, -1])
def test_a_runtime_beside_a_block_of_another_kind_is_an_error_and_the_field_wins(
    project: Project, order: int
) -> None:
    parts = ["runtime = vllm", 'runtime openai_compatible { endpoint = "http://h/v1" }'][::order]
    body = f'model = "gpt-4o", {", ".join(parts)}'
    assert runtime_of(project, body) == "vllm"
    [item] = [item for item in project.findings(f"deployment it {{ {body} }}") if item.is_error]
    assert item.code == "E0406"
    assert item.primary is not None
    assert (item.primary.span.text, item.secondary[0].span.text) == ("vllm", "openai_compatible")


def test_the_block_of_a_template_counts_and_the_field_of_the_deployment_wins(project: Project) -> None:
    template = 'template t { runtime vllm { endpoint = "http://h/v1" } }\n'
    plan = project.remote(template + 'deployment it from t { model = "gpt-4o" }')
    assert plan.provider.value == "vllm"
    text = template + 'deployment it from t { model = "gpt-4o", runtime = openai }'
    assert "E0406" in project.codes(text)


def test_a_block_that_names_no_runtime_gets_the_one_that_the_model_says(project: Project) -> None:
    text = 'deployment it { model = "claude-sonnet-4", runtime { api_key = env("KEY") } }'
    [item] = project.findings(text)
    assert item.code == "E0205"
    assert [fix.title for fix in item.fixes] == ["write `runtime anthropic`"]


@each_row(("word", "meant"), [("opnai", "openai"), ("anthropc", "anthropic"), ("VLLM", "vllm")])
@each_row("form", ["runtime = {}", "runtime {} {{ }}"])
def test_a_runtime_that_does_not_exist_offers_the_one_meant(
    project: Project, form: str, word: str, meant: str
) -> None:
    text = f'deployment it {{ model = "some-model", {form.format(word)} }}'
    [item] = [item for item in project.findings(text) if item.code == "E0303"]
    assert meant in "".join([*item.help, *(fix.title for fix in item.fixes)])


def test_cudarc_is_known_and_what_to_do_instead_is_said(project: Project) -> None:
    [item] = [
        item for item in project.findings('deployment it { model = "x", runtime = cudarc }') if item.is_error
    ]
    assert item.code == "E0405"
    assert 'custom("name")' in item.help[0]
    assert RuntimeKind.CUDARC in CONFIG_CLASSES
