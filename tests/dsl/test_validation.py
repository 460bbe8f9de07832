"""Deployments built in plain Python: what is wrong with one alone, and their way to JSON and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from types import NoneType
from typing import Any

import attrs
from hypothesis import given, strategies as st

from inferc.compiler.globals import GatewayFields, NodeFields
from inferc.compiler.pipelines.call_options import CallOptions, LoopOptions
from inferc.dsl.catalogues.presets import PRESETS
from inferc.dsl.convert import converter
from inferc.dsl.deployment import Deployment
from inferc.dsl.field_words import hint, options
from inferc.dsl.kinds import (
    BudgetAction,
    ExecutionProvider,
    GraphOptimization,
    JitterKind,
    MissingProviderAction,
    RuntimeKind,
    TaskKind,
)
from inferc.dsl.policies import (
    Budget,
    CapacityPolicy,
    CircuitBreakerConfig,
    ModelFacts,
    Price,
    RateLimits,
    RetryPolicy,
    Scaling,
    Serving,
    Timeouts,
)
from inferc.dsl.problems import Problem
from inferc.dsl.ranges import Range
from inferc.dsl.record import fields
from inferc.dsl.runtimes import (
    CONFIG_CLASSES,
    AnthropicConfig,
    AzureConfig,
    Batching,
    BedrockConfig,
    CustomConfig,
    GeminiConfig,
    Launch,
    LiteLLMConfig,
    LocalServerConfig,
    OpenAICompatibleConfig,
    OpenAIConfig,
    OrtConfig,
    PresetConfig,
    RemoteConfig,
    RuntimeConfig,
    SecretRef,
    SessionOptions,
    XaiConfig,
    default_config,
)
from inferc.dsl.tasks import ClassifyTask, EmbedTask, GenerateTask, Labels, RerankTask, Task
from inferc.dsl.units import Duration, Money, Size
from inferc.dsl.validation import ranges

from ..support.rows import each_row


def gpt(**fields: Any) -> Deployment:
    return Deployment(**{"name": "gpt", "model": "gpt-4o-mini", **fields})


def limited(config: type[RemoteConfig], model: str, settings: dict[str, Any], **limits: Any) -> Deployment:
    return Deployment("it", model, runtime_config=config(rate_limits=RateLimits(**limits), **settings))


def found(deployment: Deployment) -> list[tuple[str, str]]:
    return [(problem.code, ".".join(problem.path)) for problem in deployment.problems]


class TestEmptiness:
    @each_row("blank", ["", " ", "\t\n"])
    def test_a_deployment_needs_a_name_and_a_model(self, blank: str) -> None:
        assert found(Deployment(blank, blank)) == [("E0305", "name"), ("E0305", "model")]

    def test_a_plain_deployment_has_no_problem(self) -> None:
        assert gpt().problems == ()


def numbers() -> Iterator[tuple[tuple[Any, str], Any]]:
    """Each field of the model that takes a number, and a value of its class."""
    values: list[Any] = [gpt(), Price(Money(1), Money(1)), Budget(BudgetAction.WARN)]
    values += [
        cls()
        for cls in (CircuitBreakerConfig, ModelFacts, RateLimits, RetryPolicy, Scaling, Serving, Timeouts)
    ]
    values += [Batching(), SessionOptions(), EmbedTask(), ClassifyTask(), GenerateTask(), RerankTask()]
    values += [GatewayFields(), NodeFields(1), CallOptions(), LoopOptions()]
    for value in values:
        for name in fields(type(value)):
            if {*options(hint(type(value), name))} & {int, float, Duration, Money, Size}:
                yield (type(value), name), value


NUMBERS = dict(numbers())


class TestRanges:
    @each_row(
        ("deployment", "path"),
        [
            (gpt(replicas=0), "replicas"),
            (gpt(replicas=-1), "replicas"),
            (gpt(replicas=Range(0, 2)), "replicas"),
            (gpt(replicas=Range(2, 1001)), "replicas"),
            (gpt(replicas=Range(8, 2)), "replicas"),
            (gpt(gpus=0), "gpus"),
            (gpt(task=GenerateTask(top_p=0.0)), "task.top_p"),
            (gpt(task=GenerateTask(top_p=1.5)), "task.top_p"),
            (gpt(serving=Serving(max_concurrent=0)), "serving.max_concurrent"),
            (
                gpt(budget=Budget(BudgetAction.WARN, max_spend_per_hour=Money("0"))),
                "budget.max_spend_per_hour",
            ),
            (
                gpt(runtime_config=OpenAIConfig(retry=RetryPolicy(max_retries=-1))),
                "runtime_config.retry.max_retries",
            ),
            (
                gpt(runtime_config=OpenAIConfig(retry=RetryPolicy(backoff_multiplier=0.5))),
                "runtime_config.retry.backoff_multiplier",
            ),
            (
                gpt(runtime_config=OpenAIConfig(timeouts=Timeouts(read=Duration(0)))),
                "runtime_config.timeouts.read",
            ),
            (
                gpt(runtime_config=OpenAIConfig(rate_limits=RateLimits(tokens_per_minute=0))),
                "runtime_config.rate_limits.tokens_per_minute",
            ),
            (
                gpt(runtime_config=OpenAIConfig(circuit_breaker=CircuitBreakerConfig(failure_threshold=0))),
                "runtime_config.circuit_breaker.failure_threshold",
            ),
            (
                Deployment("e", "e.onnx", runtime_config=OrtConfig(batching=Batching(max_size=0))),
                "runtime_config.batching.max_size",
            ),
            (Deployment("e", "e.onnx", task=EmbedTask("t.json", max_length=0)), "task.max_length"),
        ],
    )
    def test_a_number_out_of_range_is_found_at_its_field(self, deployment: Deployment, path: str) -> None:
        assert found(deployment) == [("E0304", path)]

    @each_row(
        "deployment",
        [
            gpt(replicas=Range(1, 1000)),
            gpt(replicas=1, serving=Serving(max_concurrent=1)),
            gpt(runtime_config=OpenAIConfig(retry=RetryPolicy(max_retries=0, backoff_multiplier=1))),
            gpt(budget=Budget(BudgetAction.REJECT, max_spend_per_day=Money("0.01"))),
            Deployment("e", "e.onnx", runtime_config=OrtConfig(batching=Batching(1, Duration(0)))),
        ],
    )
    def test_the_end_of_a_range_is_inside_it(self, deployment: Deployment) -> None:
        assert deployment.problems == ()

    @each_row(("cls", "name"), sorted(NUMBERS, key=str))
    def test_every_number_has_an_upper_bound(self, cls: Any, name: str) -> None:
        [kind] = [each for each in options(hint(cls, name)) if each not in (NoneType, Range)]
        much = kind(1 << 60 if kind is Size else 10**9)
        [problem] = ranges(attrs.evolve(NUMBERS[cls, name], **{name: much}))
        assert (problem.code, problem.path) == ("E0304", (name,))
        assert problem.message.startswith(f"`{name}` must be at most ")
        most = problem.message.split()[5].rstrip(",")
        if kind is int:
            assert list(ranges(attrs.evolve(NUMBERS[cls, name], **{name: int(most)}))) == []

    def test_the_message_names_the_field_the_bound_and_the_value(self) -> None:
        [problem] = gpt(replicas=0).problems
        assert problem == Problem("E0304", ("replicas",), "`replicas` must be at least 1, not 0")

    def test_all_problems_are_found_at_once(self) -> None:
        deployment = Deployment("", "m", replicas=0, serving=Serving(max_concurrent=0))
        assert found(deployment) == [
            ("E0305", "name"),
            ("E0304", "replicas"),
            ("E0304", "serving.max_concurrent"),
        ]


class TestTiers:
    def test_limits_above_the_highest_tier_are_found_each_at_its_field(self) -> None:
        deployment = limited(
            OpenAIConfig, "gpt-4o-mini", {}, requests_per_minute=30_001, tokens_per_minute=200_000_000
        )
        limits = "runtime_config.rate_limits"
        assert found(deployment) == [
            ("W0410", f"{limits}.requests_per_minute"),
            ("W0410", f"{limits}.tokens_per_minute"),
        ]

    def test_the_message_has_both_numbers_and_the_help_says_where_from(self) -> None:
        [problem] = limited(OpenAIConfig, "gpt-4o-mini", {}, tokens_per_minute=250_500_000).problems
        assert problem.message == (
            "250.5M tokens per minute is more than OpenAI's highest tier allows for gpt-4o-mini (150M)"
        )
        assert problem.help == (
            "the highest tier is Tier 5: https://developers.openai.com/api/docs/models/gpt-4o-mini, "
            "as of 2026-09-24"
        )

    @each_row(
        ("limit", "shown"),
        [(30_001, "30001"), (30_100, "30.1k"), (31_000, "31k"), (1_000_000, "1M")],
    )
    def test_a_number_is_shortened_where_it_stays_exact(self, limit: int, shown: str) -> None:
        [problem] = limited(OpenAIConfig, "gpt-4o-mini", {}, requests_per_minute=limit).problems
        assert problem.message.startswith(f"{shown} requests per minute is more")

    def test_limits_at_the_highest_tier_are_fine(self) -> None:
        deployment = limited(
            OpenAIConfig, "gpt-4o-mini", {}, requests_per_minute=30_000, tokens_per_minute=150_000_000
        )
        assert deployment.problems == ()

    def test_a_provider_that_counts_prompts_and_answers_apart_allows_their_sum(self) -> None:
        assert not limited(AnthropicConfig, "claude-sonnet-4", {}, tokens_per_minute=2_400_000).problems
        [problem] = limited(AnthropicConfig, "claude-sonnet-4", {}, tokens_per_minute=2_400_001).problems
        assert "Anthropic's highest tier allows for claude-sonnet-4 (2.4M)" in problem.message

    @each_row(
        ("config", "model", "settings"),
        [
            (OpenAIConfig, "gpt-4o-mini", {"azure_resource": "ours", "azure_deployment": "mini"}),
            (OpenAIConfig, "gpt-4o-mini", {"endpoint": "https://proxy.example"}),
            (OpenAIConfig, "my-own-finetune", {}),
            (GeminiConfig, "gemini-2.5-flash", {}),
            (LiteLLMConfig, "litellm/gpt-4o-mini", {}),
            (OpenAICompatibleConfig, "gpt-4o-mini", {"endpoint": "https://openrouter.example"}),
        ],
    )
    def test_limits_that_are_not_the_providers_published_ones_are_not_judged(
        self, config: type[RemoteConfig], model: str, settings: dict[str, Any]
    ) -> None:
        assert limited(config, model, settings, requests_per_minute=10**8).problems == ()


EVERYTHING: dict[RuntimeKind, RuntimeConfig] = {
    RuntimeKind.ORT: OrtConfig(
        providers=(ExecutionProvider.CUDA, ExecutionProvider.CPU),
        on_missing_provider=MissingProviderAction.WARN,
        batching=Batching(8, Duration(0.005), (2, 4)),
        session=SessionOptions(2, 1, GraphOptimization.BASIC, False, "cache"),
        cuda={"use_tf32": False},
        warm_up={"x": [[1, 2], [3, 4]]},
        share_weights=False,
    ),
    RuntimeKind.TENSORRT: OrtConfig(kind=RuntimeKind.TENSORRT, providers=(ExecutionProvider.TENSORRT,)),
    RuntimeKind.OPENAI: OpenAIConfig(
        api_key=(SecretRef.env("A"), SecretRef.file("/run/b")),
        organization="org",
        project="p",
        azure_resource="r",
        azure_deployment="d",
        api_version="2024-10-21",
        rate_limits=RateLimits(10, 20, 30, strict=True),
        retry=RetryPolicy(0, Duration(0.25), Duration(90), 1.5, JitterKind.FULL, respect_retry_after=False),
        timeouts=Timeouts(Duration(60), Duration(1.5)),
        circuit_breaker=CircuitBreakerConfig(3, Duration(5), 2),
    ),
    RuntimeKind.ANTHROPIC: AnthropicConfig(api_key=(SecretRef.env("K"),)),
    RuntimeKind.GEMINI: GeminiConfig(
        project="p", region="r", credentials=SecretRef.file("c.json"), safety={"harassment": "none"}
    ),
    RuntimeKind.BEDROCK: BedrockConfig(
        region="eu-central-1", access_key_id=SecretRef.env("K"), secret_access_key=SecretRef.file("s")
    ),
    RuntimeKind.LITELLM: LiteLLMConfig(endpoint="http://127.0.0.1:4000"),
    RuntimeKind.OPENAI_COMPATIBLE: OpenAICompatibleConfig(endpoint="http://h:1/v1"),
    RuntimeKind.VLLM: LocalServerConfig(
        kind=RuntimeKind.VLLM, launch=Launch(("vllm", "serve"), "/ready", {"A": "1"}, restart=False)
    ),
    RuntimeKind.MISTRALRS: LocalServerConfig(kind=RuntimeKind.MISTRALRS, endpoint="http://h:2"),
    RuntimeKind.CANDLE: LocalServerConfig(kind=RuntimeKind.CANDLE, endpoint="http://h:3"),
    RuntimeKind.PYTHON: LocalServerConfig(kind=RuntimeKind.PYTHON, target="pkg.module:factory"),
    RuntimeKind.CUSTOM: CustomConfig(target="plugin", settings={"a": [1, "two", {"three": None}]}),
    RuntimeKind.CUDARC: RuntimeConfig(RuntimeKind.CUDARC),
    **{kind: PresetConfig(kind=kind, api_key=(SecretRef.env("K"),)) for kind in PRESETS},
    RuntimeKind.AZURE: AzureConfig(resource="r", api_version="preview"),
    RuntimeKind.XAI: XaiConfig(responses=True, api_key=(SecretRef.env("K"),)),
}

milliseconds = st.integers(1, 10**9).map(lambda n: Duration(n / 1000))
cents = st.integers(1, 10**9).map(lambda n: Money(Decimal(n) / 100))
counts = st.integers(1, 10**12)
names = st.text(min_size=1, max_size=20)
policies = st.sampled_from(["queue", "reject"]).map(lambda word: converter.structure(word, CapacityPolicy))
remote_blocks: dict[str, st.SearchStrategy[Any]] = {
    "api_key": st.lists(names.map(SecretRef.env) | names.map(SecretRef.file), max_size=3).map(tuple),
    "endpoint": st.none() | names,
    "rate_limits": st.builds(RateLimits, *(st.none() | counts for _ in range(3)), st.booleans()),
    "retry": st.builds(
        RetryPolicy,
        st.integers(0, 99),
        milliseconds,
        milliseconds,
        st.floats(1, 10),
        st.sampled_from(JitterKind),
        st.booleans(),
    ),
    "timeouts": st.builds(Timeouts, milliseconds, milliseconds),
    "circuit_breaker": st.builds(CircuitBreakerConfig, counts, milliseconds, counts),
}
configs = st.sampled_from(list(EVERYTHING.values())) | st.sampled_from(
    [config for config in EVERYTHING.values() if isinstance(config, RemoteConfig)]
).flatmap(lambda config: st.fixed_dictionaries(remote_blocks).map(lambda new: attrs.evolve(config, **new)))
deployments = st.builds(
    Deployment,
    name=names,
    model=names,
    runtime=st.none() | st.sampled_from(RuntimeKind),
    runtime_config=st.none() | configs,
    gpus=st.none() | counts,
    replicas=counts,
    serving=st.builds(Serving, counts, policies | names.map(CapacityPolicy.fallback)),
    budget=st.none() | st.builds(Budget, st.sampled_from(BudgetAction), st.none() | cents, st.none() | cents),
    idempotent=st.booleans(),
    price=st.none() | st.builds(Price, cents, cents, st.none() | cents),
    model_info=st.none() | st.builds(ModelFacts, st.none() | counts, st.none() | counts),
    task=st.none()
    | st.builds(Task, st.sampled_from([TaskKind.TENSOR, TaskKind.CHAT]))
    | st.builds(EmbedTask, names)
    | st.builds(RerankTask, names)
    | st.builds(ClassifyTask, labels=st.none() | st.builds(Labels, st.lists(names).map(tuple)))
    | st.builds(ClassifyTask, labels=st.builds(Labels, st.just(()), names))
    | st.builds(GenerateTask, names, stop=st.lists(names).map(tuple)),
)


class TestJson:
    def test_the_table_has_every_runtime(self) -> None:
        assert set(EVERYTHING) == set(RuntimeKind)
        assert {kind: type(config) for kind, config in EVERYTHING.items()} == CONFIG_CLASSES

    @each_row("kind", RuntimeKind)
    def test_a_deployment_of_every_runtime_survives_json(self, kind: RuntimeKind) -> None:
        for config in (EVERYTHING[kind], default_config(kind), None):
            deployment = Deployment("it", "model", runtime=kind, runtime_config=config)
            text = json.dumps(converter.unstructure(deployment))
            back = converter.structure(json.loads(text), Deployment)
            assert back == deployment
            assert type(back.runtime_config) is type(config)

    @given(deployments)
    def test_any_deployment_survives_json(self, deployment: Deployment) -> None:
        text = json.dumps(converter.unstructure(deployment))
        assert converter.structure(json.loads(text), Deployment) == deployment

    def test_quantities_and_words_are_written_as_in_the_language(self) -> None:
        written = converter.unstructure(
            gpt(
                runtime_config=EVERYTHING[RuntimeKind.OPENAI],
                budget=Budget(BudgetAction.THROTTLE, max_spend_per_day=Money("1000")),
                serving=Serving(on_capacity_exhausted=CapacityPolicy.fallback("claude")),
            )
        )
        assert written["runtime_config"]["retry"]["initial_backoff"] == "250ms"
        assert written["runtime_config"]["api_key"] == [{"env": "A"}, {"file": "/run/b"}]
        assert written["budget"]["max_spend_per_day"] == "$1k"
        assert written["budget"]["on_exceeded"] == "throttle"
        assert written["serving"]["on_capacity_exhausted"] == {"fallback": "claude"}
