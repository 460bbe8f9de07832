"""What models can do: the tables are in order, and each model finds the facts that are about it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import attrs

from inferc.compiler.plan import Capabilities
from inferc.dsl.catalogues.bedrock_names import id_of
from inferc.dsl.catalogues.capabilities import BEYOND_THE_PLAN, Facts, apis, find_facts, rules
from inferc.dsl.convert import converter
from inferc.dsl.kinds import ProviderKind, RuntimeKind

from ..support.rows import each_row

ROOT = Path(__file__).resolve().parents[2] / "dsl" / "catalogues"
SCRIPT = ROOT.parents[1] / "scripts" / "build_capabilities.py"
CATALOGUE = json.loads((ROOT / "model_prices.json").read_bytes())["models"]
SOLD_ELSEWHERE = json.loads((ROOT / "preset_model_prices.json").read_bytes())["models"]
RETRIEVAL = json.loads((ROOT / "retrieval_prices.json").read_bytes())["models"]
PACKAGE = json.loads((ROOT / "capabilities" / "models.json").read_bytes())
RUNTIMES = {kind.provider: kind for kind in RuntimeKind if kind.provider is not None}
RULES = [rule for provider in ProviderKind for rule in rules(provider)]
APIS = [api for provider in ProviderKind for api in apis(provider)]
FIELDS = {attribute.name for attribute in attrs.fields(Capabilities)}


def known_names(provider: str) -> list[str]:
    """Every name that either table lists for `provider`, patterns as one name that they match."""
    priced = [row for row in CATALOGUE + SOLD_ELSEWHERE + RETRIEVAL if row["provider"] == provider]
    patterns = [each.rstrip("*") for row in priced for each in row.get("match", ()) if each[0] != "^"]
    names = [*(row["name"] for row in priced), *patterns, *PACKAGE["models"].get(provider, {})]
    return [id_of(name.removeprefix("regional.")) for name in names] if provider == "bedrock" else names


def every_fact() -> list[dict[str, Any]]:
    return [
        *(each.facts for each in (*APIS, *RULES)),
        *(row for models in PACKAGE["models"].values() for row in models.values()),
    ]


UNLISTED = ("azure", "openai_compatible", "vllm", "ollama")
"""Where models are whatever somebody puts there."""


class TestTables:
    def test_the_package_is_named_with_its_version(self) -> None:
        assert PACKAGE["source"]
        assert PACKAGE["version"]

    def test_every_rule_is_of_a_provider_that_there_is(self) -> None:
        written = json.loads((ROOT / "capabilities" / "rules.json").read_bytes())["rules"]
        assert len(written) == len(RULES)

    def test_a_rule_says_its_source_and_its_day(self) -> None:
        for rule in (*APIS, *RULES):
            assert re.fullmatch(r"https://[a-z0-9.-]+/\S+", rule.source), rule
            assert date.fromisoformat(rule.date) <= date.today(), rule
            assert rule.facts, rule

    def test_a_rule_is_about_some_model_that_is_known(self) -> None:
        known = {provider: known_names(provider.value) for provider in ProviderKind}
        for rule in RULES:
            if "endpoints" in rule.facts or rule.inferred or rule.provider in UNLISTED:
                continue  # no table lists all models that speak, draw or hear, last week's, Azure's, others'
            assert any(rule.holds_for(name, rule.service) for name in known[rule.provider]), rule

    def test_facts_have_names_that_the_plan_knows(self) -> None:
        assert {name for facts in every_fact() for name in facts} <= FIELDS | set(BEYOND_THE_PLAN)

    def test_facts_have_the_types_that_the_plan_wants(self) -> None:
        for facts in every_fact():
            converter.structure({k: v for k, v in facts.items() if k not in BEYOND_THE_PLAN}, Capabilities)

    def test_a_model_that_thinks_says_how(self) -> None:
        for row in CATALOGUE:
            facts = find_facts(row["name"], RuntimeKind(row["provider"])).values
            if facts.get("reasons"):
                nobody_says = {None} if row["provider"] == "gemini" else set()
                assert facts.get("thinks") in {"effort", "budget", "adaptive", "level"} | nobody_says, row

    def test_each_claude_and_each_gemini_for_text_belongs_to_a_family(self) -> None:
        families = {"anthropic": "claude-*", "gemini": "gemini-*"}
        for row in CATALOGUE:
            pattern = families.get(row["provider"])
            if pattern is None or not fnmatchcase(row["name"], pattern):
                continue
            if any(
                word in row["name"]
                for word in ("image", "tts", "live", "omni", "robotics", "banana", "vision", "embedding")
            ):
                continue
            facts = find_facts(row["name"], RuntimeKind(row["provider"])).values
            assert {"tools", "thinks"} <= facts.keys(), row["name"]


class TestLookup:
    @each_row(
        ("model", "runtime", "facts"),
        [
            ("gpt-5-mini", "openai", {"token_limit": "max_completion_tokens", "thinks": "effort"}),
            ("gpt-5-mini", "openai", {"most_stop": 0}),
            (
                "gpt-5.1",
                "openai",
                {"most_stop": 0, "refused_sampling": ["presence_penalty", "frequency_penalty", "logit_bias"]},
            ),
            ("deepseek-reasoner", "deepseek", {"tools": True, "calls_need_thoughts": True}),
            ("gpt-5-2025-08-07", "openai", {"efforts": ["minimal", "low", "medium", "high"]}),
            ("gpt-5.1", "openai", {"efforts": ["none", "low", "medium", "high"]}),
            ("gpt-5-chat-latest", "openai", {"thinks": "no"}),
            ("o3", "openai", {"most_stop": 0, "parallel_tools": False}),
            ("gpt-4o-mini", "openai", {"greatest_output": 16384, "reasons": False}),
            ("openai/gpt-4o-mini", "openai", {"greatest_output": 16384}),
            ("ft:gpt-4o-mini-2024-07-18:acme::abc", "openai", {"greatest_output": 16384}),
            ("text-embedding-3-small", "openai", {"task": "embed"}),
            ("claude-3-haiku-20240307", "anthropic", {"greatest_output": 4096, "json_schema": False}),
            ("claude-sonnet-4-20250514", "anthropic", {"json_schema": False, "thinks": "budget"}),
            ("claude-opus-4-1", "anthropic", {"json_schema": True, "greatest_output": 32000}),
            ("claude-sonnet-4-5-20250929", "anthropic", {"one_of_sampling": [["temperature", "top_p"]]}),
            ("claude-opus-4-5", "anthropic", {"efforts": ["low", "medium", "high"], "thinks": "budget"}),
            ("claude-opus-4-6", "anthropic", {"efforts": ["low", "medium", "high", "max"]}),
            ("claude-opus-4-8", "anthropic", {"refused_sampling": ["temperature", "top_p", "top_k"]}),
            ("claude-fable-5-1", "anthropic", {"can_rest": False}),
            ("gemini-2.5-pro", "gemini", {"least_thinking": 128, "most_thinking": 32768, "can_rest": False}),
            ("gemini-2.5-flash", "gemini", {"most_thinking": 24576, "can_rest": True}),
            ("gemini-2.5-flash-lite", "gemini", {"least_thinking": 512}),
            ("gemini-3-pro-preview", "gemini", {"thinks": "level", "efforts": ["low", "high"]}),
            ("groq/llama-3.3-70b-versatile", "groq", {"most_choices": 1}),
            ("mistral-embed", "mistral", {"most_inputs": 256, "greatest_dimensions": 0}),
            ("codestral-embed", "mistral", {"most_inputs": 256, "greatest_dimensions": 3072}),
            ("mistral-large-latest", "mistral", {"call_ids": "[a-zA-Z0-9]{9}"}),
            ("us.meta.llama3-3-70b-instruct-v1:0", "bedrock", {"user_after_results": False}),
            ("mistral.mistral-large-2407-v1:0", "bedrock", {"user_after_results": False}),
            ("deepseek-v4-flash", "deepseek", {"calls_need_thoughts": True, "thinks_unasked": True}),
            ("moonshotai/kimi-k2.6", "openrouter", {"calls_need_thoughts": True}),
        ],
    )
    def test_a_model_has_the_facts_that_its_provider_documents(
        self, model: str, runtime: str, facts: dict[str, Any]
    ) -> None:
        found = find_facts(model, RuntimeKind(runtime))
        assert facts.items() <= {k: v for k, v in found.values.items() if k in facts}.items()
        assert found.sources

    @each_row(
        ("model", "lacks"),
        [
            *(
                (name, True)
                for name in ("gpt-4o", "gpt-4.1-mini", "o3", "gpt-5-chat-latest", "gpt-5.1-codex")
            ),
            *((name, False) for name in ("gpt-5", "gpt-5-mini", "gpt-5.1", "gpt-5.1-codex-max", "gpt-5.4")),
        ],
    )
    def test_how_much_is_said_can_be_chosen_of_later_models_alone(self, model: str, lacks: bool) -> None:
        lacking = find_facts(model, RuntimeKind.OPENAI).values.get("lacking_fields", ())
        assert ("verbosity" in lacking) is lacks

    def test_what_is_only_inferred_is_told_and_does_not_count(self) -> None:
        found = find_facts("gemini-4-carbon", RuntimeKind.GEMINI)
        assert found.inferred["efforts"] == (["low", "medium", "high"], found.inferred["efforts"][1])
        assert "efforts" not in found.values
        assert not find_facts("gemini-4-argon", RuntimeKind.GEMINI).inferred

    def test_a_later_rule_overrides_an_earlier_one(self) -> None:
        assert find_facts("gpt-5", RuntimeKind.OPENAI).values["efforts"] != ["high"]
        assert find_facts("gpt-5-pro", RuntimeKind.OPENAI).values["efforts"] == ["high"]

    @each_row(
        ("model", "runtime"),
        [("somebody/else", RuntimeKind.OPENAI), ("gpt-5", RuntimeKind.CUSTOM), ("gpt-*", RuntimeKind.OPENAI)],
    )
    def test_nothing_is_assumed_of_a_model_that_is_not_known(self, model: str, runtime: RuntimeKind) -> None:
        assert find_facts(model, runtime) == Facts()

    @each_row("model", ["gpt-5", "*", "meta-llama/*"])
    def test_what_is_true_of_all_models_of_a_provider_is_assumed_of_those_that_are_not_known(
        self, model: str
    ) -> None:
        found = find_facts(model, RuntimeKind.VLLM)
        assert "web_search_options" in found.values["lacking_fields"]
        assert found.sources

    @each_row("name", ["gpt-5", "claude-opus-4-8", "gemini-2.5-pro", "llama-3", "x" * 5000, "[", ""])
    def test_any_name_at_any_provider_has_an_answer(self, name: str) -> None:
        for runtime in RUNTIMES.values():
            assert isinstance(find_facts(name, runtime), Facts)


class TestBuild:
    def build(self, tmp_path: Path, table: dict[str, Any]) -> dict[str, Any]:
        source, output = tmp_path / "table.json", tmp_path / "models.json"
        source.write_text(json.dumps(table))
        command = [sys.executable, SCRIPT, "--file", source, "--version", "1.2.3", "--output", output]
        subprocess.run(command, check=True, capture_output=True, timeout=200)
        written: dict[str, Any] = json.loads(output.read_bytes())
        assert written["version"] == "1.2.3"
        return dict(written["models"])

    def test_only_facts_that_the_package_tells_are_taken(self, tmp_path: Path) -> None:
        table = {
            "sample_spec": {"litellm_provider": "one of the list", "mode": "chat"},
            "groq/b": {"litellm_provider": "groq", "mode": "chat"},
            "groq/A": {"litellm_provider": "groq", "mode": "chat", "supports_function_calling": False},
            "x": {
                "litellm_provider": "openai",
                "mode": "chat",
                "max_output_tokens": 8.0,
                "supports_vision": True,
            },
            "tts": {"litellm_provider": "openai", "mode": "audio_speech"},
            "elsewhere": {"litellm_provider": "bedrock", "mode": "chat"},
        }
        assert self.build(tmp_path, table) == {
            "groq": {"a": {"task": "chat", "tools": False}, "b": {"task": "chat"}},
            "openai": {"x": {"task": "chat", "greatest_output": 8, "reads": ["image"]}},
        }

    def test_how_a_model_thinks_is_told_in_the_words_of_its_provider(self, tmp_path: Path) -> None:
        thinks = {"mode": "chat", "supports_reasoning": True}
        minimal = {"supports_minimal_reasoning_effort": True, "supports_xhigh_reasoning_effort": False}
        adaptive = {
            "supports_adaptive_thinking": True,
            "supports_output_config": True,
            "thinking_always_on": True,
        }
        models = self.build(
            tmp_path,
            {
                "one": {"litellm_provider": "openai", **thinks, **minimal},
                "two": {"litellm_provider": "anthropic", **thinks, **adaptive},
                "old": {"litellm_provider": "anthropic", **thinks},
            },
        )
        assert models["openai"]["one"]["efforts"] == ["minimal", "low", "medium", "high"]
        assert (
            models["anthropic"]["two"] | {"thinks": "adaptive", "can_rest": False}
            == models["anthropic"]["two"]
        )
        assert (models["anthropic"]["old"]["thinks"], models["anthropic"]["old"]["efforts"]) == ("budget", [])


@each_row("service", [None, "vertex"])
@each_row("model", ["claude-opus-4-8", "claude-opus-5", "claude-sonnet-5", "claude-fable-5"])
def test_later_claudes_take_system_prompts_in_the_middle(model: str, service: str | None) -> None:
    facts = find_facts(model, RuntimeKind.ANTHROPIC, service).values
    assert facts["system_prompts"] == "after_user"


def test_claude_on_vertex_is_known_by_its_name_there() -> None:
    at_vertex = find_facts("claude-opus-4@20250514", RuntimeKind.ANTHROPIC, "vertex").values
    at_anthropic = find_facts("claude-opus-4-20250514", RuntimeKind.ANTHROPIC).values
    assert at_anthropic.pop("batches")  # of Anthropic's own, which says nothing of Google's
    assert at_vertex == {**at_anthropic, "media_by_url": []}
    assert (
        find_facts("claude-sonnet-4-5@20250929", RuntimeKind.ANTHROPIC, "vertex").values["json_schema"]
        is False
    )
