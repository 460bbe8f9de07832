"""Providers by name: what is known of each, and what its models are called there."""

from __future__ import annotations

from datetime import date

from attrs import evolve

from inferc.compiler.plan import AuthScheme, WireFormat
from inferc.dsl.catalogues.inference import infer_runtime, name_at
from inferc.dsl.catalogues.presets import PRESETS
from inferc.dsl.kinds import ProviderKind, RuntimeKind, TaskKind

from ..support.projects import Project
from ..support.rows import each_row

KINDS = list(PRESETS)


@each_row("kind", KINDS)
def test_each_preset_says_where_it_is_from(kind: RuntimeKind) -> None:
    preset = PRESETS[kind]
    assert preset.source
    assert date.fromisoformat(preset.as_of) <= date.today()
    assert preset.endpoint is None or preset.endpoint.startswith(("https://", "http://127.0.0.1"))
    assert all(prefix.endswith("/") for prefix in preset.prefixes)
    assert kind.provider is ProviderKind(kind.value)


def test_no_prefix_stands_for_two_providers() -> None:
    prefixes = [prefix for preset in PRESETS.values() for prefix in preset.prefixes]
    assert len(prefixes) == len(set(prefixes))


@each_row("kind", [kind for kind in KINDS if kind is not RuntimeKind.AZURE])
def test_its_name_is_enough(project: Project, kind: RuntimeKind) -> None:
    preset = PRESETS[kind]
    key = f'api_key = env("{preset.key}")' if preset.key else ""
    plan = project.remote(f'deployment it {{ model = "some-model", runtime {kind} {{ {key} }} }}')
    assert (plan.provider, plan.wire, plan.endpoint) == (kind.provider, WireFormat.OPENAI, preset.endpoint)
    assert plan.auth is AuthScheme.BEARER
    assert plan.model == "some-model"


@each_row("kind", ["fireworks", "openrouter", "together"])
def test_some_rank_documents(project: Project, kind: str) -> None:
    runtime = f'runtime {kind} {{ api_key = env("K") }}'
    plan = project.remote(f'deployment it {{ model = "cohere/rerank-v3.5", task = rerank, {runtime} }}')
    assert plan.task is TaskKind.RERANK


@each_row("kind", [kind for kind in KINDS if PRESETS[kind].key])
def test_a_missing_key_is_an_error_that_names_the_usual_variable(project: Project, kind: RuntimeKind) -> None:
    resource = 'resource = "r"' if kind is RuntimeKind.AZURE else ""
    [item] = project.findings(f'deployment it {{ model = "some-model", runtime {kind} {{ {resource} }} }}')
    assert item.code == "E0305"
    assert f'env("{PRESETS[kind].key}")' in item.help[0]


@each_row("prefix", [prefix for kind in KINDS for prefix in PRESETS[kind].prefixes])
def test_a_prefix_says_the_runtime_and_is_not_sent(prefix: str) -> None:
    kind = infer_runtime(f"{prefix}some-model")
    assert prefix in PRESETS[kind].prefixes
    assert name_at(kind, f"{prefix}some-model") == "some-model"


@each_row(
    ("kind", "model", "sent"),
    [
        (RuntimeKind.GROQ, "openai/gpt-oss-120b", "openai/gpt-oss-120b"),
        (RuntimeKind.GROQ, "groq/openai/gpt-oss-120b", "openai/gpt-oss-120b"),
        (RuntimeKind.OPENROUTER, "openrouter/anthropic/claude-sonnet-4", "anthropic/claude-sonnet-4"),
        (RuntimeKind.OPENAI, "openai/gpt-4o", "gpt-4o"),
        (RuntimeKind.GEMINI, "gemini/gemini-2.5-flash", "gemini-2.5-flash"),
        (RuntimeKind.VLLM, "openai/gpt-oss-120b", "openai/gpt-oss-120b"),
        (RuntimeKind.VLLM, "mistralai/Mistral-7B", "mistralai/Mistral-7B"),
    ],
)
def test_only_the_prefix_of_the_runtime_itself_is_taken_off(kind: RuntimeKind, model: str, sent: str) -> None:
    assert name_at(kind, model) == sent


def test_open_weights_of_openai_are_not_at_openai() -> None:
    assert infer_runtime("openai/gpt-oss-120b") is RuntimeKind.VLLM
    assert infer_runtime("openai/gpt-4o") is RuntimeKind.OPENAI


def test_azure_is_found_by_its_resource(project: Project) -> None:
    plan = project.remote(
        'deployment it { model = "prod", runtime azure { resource = "acme", api_key = env("K") } }'
    )
    assert (plan.endpoint, plan.auth) == ("https://acme.openai.azure.com/openai/v1", AuthScheme.API_KEY)
    assert plan.query == {}
    [item] = project.findings('deployment it { model = "prod", runtime azure { api_key = env("K") } }')
    assert (item.code, item.message) == ("E0305", "`azure` needs the name of a `resource`, or an `endpoint`")


@each_row("kind", ["litellm", "openai_compatible"])
def test_servers_that_speak_openai_can_be_launched(project: Project, kind: str) -> None:
    plan = project.remote(
        f'deployment it {{ model = "m", runtime {kind} {{ launch {{ command = ["serve", "{{port}}"] }} }} }}'
    )
    assert plan.endpoint == "http://127.0.0.1:{port}/v1"
    assert plan.launch is not None


def test_a_star_leaves_the_name_to_clients(project: Project) -> None:
    plan = project.remote(
        'deployment any { model = "openrouter/*", runtime openrouter { api_key = env("K") } }'
    )
    assert (plan.model, plan.is_wildcard) == ("*", True)


@each_row(
    ("body", "model"),
    [
        ('model = "anthropic/*", runtime anthropic { api_key = env("K") }', "*"),
        ('model = "claude-*", runtime anthropic { project = "p", region = "global" }', "claude-*"),
        ('model = "gemini-*", runtime gemini { api_key = env("K") }', "gemini-*"),
        ('model = "*", runtime gemini { project = "p", region = "global" }', "*"),
        ('model = "bedrock/*", runtime bedrock { region = "eu-west-1" }', "*"),
    ],
)
def test_so_it_does_in_every_protocol_and_nothing_is_known_of_the_model(
    project: Project, body: str, model: str
) -> None:
    plan = project.remote(f"deployment any {{ {body} }}")
    assert (plan.model, plan.is_wildcard, plan.price) == (model, True, None)
    assert "E0413" in project.codes(
        f"deployment any {{ {body}, budget {{ max_spend_per_day = $5, on_exceeded = reject }} }}"
    )


@each_row(
    "body",
    [
        'model = "*/*", runtime openrouter { api_key = env("K") }',
        'model = "a*b*", runtime openrouter { api_key = env("K") }',
        'model = "x*", runtime custom("mine") {}',
        'model = "bedrock/*", task = embed, runtime bedrock { region = "eu-west-1" }',
        'model = "openrouter/*", task = embed, runtime openrouter { api_key = env("K") }',
    ],
)
def test_a_star_stands_only_where_clients_can_say_the_rest(project: Project, body: str) -> None:
    assert "E0420" in project.codes(f"deployment any {{ {body} }}")


@each_row("target", ["any", "both"])
def test_a_pipeline_cannot_leave_the_name_to_clients(project: Project, target: str) -> None:
    [item] = [
        item
        for item in project.findings(
            'deployment any { model = "openrouter/*", runtime openrouter { api_key = env("K") } }\n'
            'deployment gpt { model = "gpt-4o-mini", runtime openai { api_key = env("K") } }\n'
            "route both = fallback [gpt, any]\n"
            f"pipeline p(message: text) -> text {{ return {target}(message) }}\n"
        )
        if item.is_error
    ]
    assert item.code == "E0420"
    assert f"`{target}` leaves the name of its model to clients" in item.message


OPEN = 'deployment "{}" {{ model = "{}", runtime anthropic {{ api_key = env("K") }} }}\n'


@each_row(
    ("declared", "said"),
    [
        (OPEN.format("a*b*", "claude-x"), "a `*` stands once in a name"),
        (
            OPEN.format("a", "claude-*") + OPEN.format("a/*", "claude-x"),
            "`a` and `a/*` are asked by the same names",
        ),
        (OPEN.format("a", "claude-x") + 'route "*b*" = a', "a `*` stands once in a name"),
        (
            OPEN.format("a", "claude-x") + 'pipeline "p*"(m: text) -> text { return a(m) }',
            "a pipeline has no `*`",
        ),
    ],
)
def test_which_names_clients_may_say_a_part_of(project: Project, declared: str, said: str) -> None:
    [item] = [item for item in project.findings(declared) if item.is_error]
    assert (item.code, said in item.message) == ("E0420", True)


def test_a_key_names_what_fits_a_name_with_a_star(project: Project) -> None:
    text = (
        OPEN.format("claude-*", "claude-*")
        + OPEN.format("any", "claude-*")
        + 'gateway { key a { secret = env("A"), models = ["FITS"] } }'
    )
    for fits in ("claude-*", "claude-opus", "claude-o*", "*", "any", "any/x", "any/x*", "c*x"):
        assert project.codes(text.replace("FITS", fits)) == []
    assert project.codes(text.replace("FITS", "gpt-5")) == ["E0201"]
    assert project.codes(text.replace("FITS", "gpt-*")) == ["W0430"]


def test_a_pipeline_calls_what_has_a_star_in_its_name_and_none_in_its_model(project: Project) -> None:
    text = OPEN.format("a-*", "claude-opus-4-7") + 'pipeline p(m: text) -> text { return "a-*"(m) }'
    assert project.codes(text) == []


MULTI_AGENT = 'deployment it {{ model = "grok-4.20-multi-agent", runtime xai {{ api_key = env("K"){} }} }}'


def test_a_model_of_xai_s_that_has_no_chats_is_asked_in_responses(project: Project) -> None:
    assert project.remote(MULTI_AGENT.format("")).responses
    elsewhere = MULTI_AGENT.format(', endpoint = "https://proxy.example.com/v1"')
    assert "W0431" in [item.code for item in project.findings(elsewhere)]
    assert not project.remote(MULTI_AGENT.format("").replace("-multi-agent", "-reasoning")).responses


def test_a_model_that_nvidia_has_switched_off_still_runs_on_ones_own_machines(project: Project) -> None:
    llama = (
        'deployment it {{ model = "meta/llama-3.3-70b-instruct", runtime nvidia {{ api_key = env("K"){} }} }}'
    )
    assert "W0445" in [item.code for item in project.findings(llama.format(""))]
    own = llama.format(', endpoint = "http://nim:8000/v1"')
    assert "W0445" not in [item.code for item in project.findings(own)]


def test_xai_is_asked_in_responses_where_the_file_says_so(project: Project) -> None:
    grok = 'deployment it {{ model = "grok-4.7", runtime xai {{ api_key = env("K"){} }} }}'
    assert not project.remote(grok.format("")).responses
    assert project.remote(grok.format(", responses = true")).responses
    assert project.remote(grok.format(', responses = true, endpoint = "https://us.api.x.ai/v1"')).responses
    assert not project.remote(MULTI_AGENT.format(", responses = false")).responses


@each_row("resource", ["https://r.openai.azure.com", "r.openai.azure.com", "r/x", ""])
def test_an_address_is_no_name_of_a_resource(project: Project, resource: str) -> None:
    azure = f'runtime azure {{ api_key = env("K"), resource = "{resource}" }}'
    found = project.findings(f'deployment it {{ model = "gpt-4o", {azure} }}')
    assert [item.code for item in found] == ["E0313"]


def test_a_prefix_of_another_runtime_says_what_to_write(project: Project) -> None:
    openai = 'runtime openai { api_key = env("K") }'
    [item] = project.findings(f'deployment it {{ model = "groq/llama-3.3-70b-versatile", {openai} }}')
    assert item.code == "N0415"
    assert "`runtime groq`" in item.help[0]


def at_azure(model: str, base: str = "", more: str = "") -> str:
    info = f'model_info {{ base_model = "{base}" }}, ' if base else ""
    azure = 'runtime azure { resource = "r", api_key = env("K") }'
    return f'deployment it {{ model = "{model}", {info}{azure}{more} }}'


@each_row("base", ["gpt-5-mini", "azure/gpt-5-mini"])
def test_a_name_of_ones_own_is_known_by_its_base_model(project: Project, base: str) -> None:
    openai = project.remote('deployment it { model = "gpt-5-mini", runtime openai { api_key = env("K") } }')
    plan = project.remote(at_azure("prod", base))
    assert (plan.model, plan.price, plan.timeouts) == ("prod", openai.price, openai.timeouts)
    assert openai.capabilities.batches
    assert plan.capabilities == evolve(
        openai.capabilities, batches=None
    )  # which take a deployment of their own
    assert project.remote(at_azure("prod")).price is None
    hot = ", request { defaults { temperature = 0.5 } }"
    assert project.codes(at_azure("prod", base, hot)) == ["E0423"]
    assert project.codes(at_azure("prod", "gpt-4o", hot)) == []


def test_what_models_of_others_refuse_at_azure_is_known_by_their_base_model(project: Project) -> None:
    lacks = project.remote(at_azure("prod", "DeepSeek-V4-Pro")).capabilities.lacking_fields
    assert lacks is not None
    assert {"prompt_cache_key", "user_security_context", "verbosity"} <= set(lacks)


def test_a_base_model_that_nobody_knows_is_told(project: Project) -> None:
    [item] = project.findings(at_azure("prod", "gpt-5.11"))
    assert (item.code, item.is_error) == ("N0415", False)
    assert "gpt-5.1" in item.help[0]
