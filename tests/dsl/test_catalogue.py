"""The catalogue of remote models: its data are in order, and names find the model they mean."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from datetime import date
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from genai_prices.data import providers
from hypothesis import given, strategies as st

from inferc.dsl.catalogues.inference import infer_runtime
from inferc.dsl.catalogues.models import find_model, find_model_on, find_tier, known_models
from inferc.dsl.kinds import ProviderKind
from inferc.dsl.units import Money

from ..support.rows import each_row

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "dsl" / "catalogues" / "model_prices.json"
TIERS = ROOT / "dsl" / "catalogues" / "tiers.json"
SCRIPT = ROOT / "scripts" / "build_catalogue.py"
PRICES = ("input", "output", "cached_input", "cache_write", "cache_write_1h")


def rows() -> list[dict[str, Any]]:
    return list(json.loads(CATALOGUE.read_bytes())["models"])


def tier_rows() -> list[dict[str, Any]]:
    return list(json.loads(TIERS.read_bytes())["tiers"])


def build(output: Path, day: str) -> None:
    """Run the script in this process, which has read the prices already."""
    with patch.object(sys, "argv", [str(SCRIPT), "--output", str(output), "--date", day]):
        runpy.run_path(str(SCRIPT), run_name="__main__")


def build_with(hash_seed: int, output: Path, day: str) -> None:
    subprocess.run(
        [sys.executable, str(SCRIPT), "--output", str(output), "--date", day],
        check=True,
        capture_output=True,
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
        timeout=200,
    )


class TestData:
    def test_the_header_names_source_version_date_currency_and_unit(self) -> None:
        header = json.loads(CATALOGUE.read_bytes())
        assert header["source"] == "genai-prices"
        assert header["version"]
        assert date.fromisoformat(header["date"])
        assert (header["currency"], header["per"]) == ("USD", "1M tokens")

    def test_models_are_sorted_and_named_once(self) -> None:
        keys = [(row["provider"], row["name"]) for row in rows()]
        assert keys == sorted(set(keys))

    def test_each_model_has_a_line_of_its_own(self) -> None:
        lines = CATALOGUE.read_text().splitlines()
        assert sum(line.startswith('{"provider":') for line in lines) == len(rows())

    def test_no_name_or_pattern_belongs_to_two_models_of_a_provider(self) -> None:
        taken = [(row["provider"], name) for row in rows() for name in (row["name"], *row.get("match", ()))]
        assert len(taken) == len(set(taken))

    def test_every_price_is_a_plain_decimal_that_is_not_negative(self) -> None:
        for row in rows():
            for price in (row[key] for key in PRICES if key in row):
                assert isinstance(price, str)
                assert Decimal(price) >= 0
                assert "e" not in price.lower()

    def test_every_model_has_a_price_and_what_is_unknown_is_absent(self) -> None:
        for row in rows():
            assert "input" in row or "output" in row
            assert None not in row.values()

    def test_every_release_date_is_a_date(self) -> None:
        assert all(date.fromisoformat(row["released"]) for row in rows() if "released" in row)

    def test_every_tier_is_of_a_known_model_and_names_its_source_and_date(self) -> None:
        for row in tier_rows():
            provider = ProviderKind(row["provider"])
            for model in row["models"]:
                info = find_model(model, provider)
                assert info is not None, model
                assert info.name == model
                assert find_tier(provider, model) is not None
            assert row["source"].startswith("https://")
            assert date.fromisoformat(row["date"] + "-01-01"[: 10 - len(row["date"])])


class TestScript:
    def test_builds_the_same_bytes_whenever_it_runs(self, tmp_path: Path) -> None:
        build_with(1, tmp_path / "one.json", "2026-11-23")
        build(tmp_path / "two.json", "2026-11-23")  # with the seed of this process
        assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()

    def test_leaves_the_file_alone_when_only_the_date_would_change(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        output = tmp_path / "model_prices.json"
        build(output, "2026-11-22")
        before = output.read_bytes()
        capsys.readouterr()
        build(output, "2026-11-23")
        assert "unchanged" in capsys.readouterr().out
        assert output.read_bytes() == before

    def test_takes_the_prices_of_the_day_that_is_asked_for(self, tmp_path: Path) -> None:
        def price_of_o3(day: str) -> str:
            build(tmp_path / day, day)
            models = json.loads((tmp_path / day).read_bytes())["models"]
            return str(next(row["input"] for row in models if row["name"] == "o3"))

        assert price_of_o3("2025-06-09") == "10"
        assert price_of_o3("2025-06-10") == "2"

    def test_the_catalogue_in_the_package_is_what_it_builds(self, tmp_path: Path) -> None:
        header = json.loads(CATALOGUE.read_bytes())
        if header["version"] != version("genai-prices"):
            pytest.skip(f"the catalogue was built from genai-prices {header['version']}")
        build(tmp_path / "model_prices.json", header["date"])
        assert (tmp_path / "model_prices.json").read_bytes() == CATALOGUE.read_bytes()


class TestNames:
    @each_row(
        ("name", "provider", "expected"),
        [
            ("gpt-4o-mini", ProviderKind.OPENAI, "gpt-4o-mini"),
            ("gpt-4o", ProviderKind.OPENAI, "gpt-4o"),
            ("o3", ProviderKind.OPENAI, "o3"),
            ("claude-sonnet-4", ProviderKind.ANTHROPIC, "claude-sonnet-4-0"),
            ("claude-sonnet-4-5", ProviderKind.ANTHROPIC, "claude-sonnet-4-5"),
            ("gemini-2.5-flash", ProviderKind.GEMINI, "gemini-2.5-flash"),
            ("gemini-2.5-pro", ProviderKind.GEMINI, "gemini-2.5-pro"),
        ],
    )
    def test_a_name_finds_its_model_with_and_without_its_provider(
        self, name: str, provider: ProviderKind, expected: str
    ) -> None:
        for found in (find_model(name), find_model(name, provider)):
            assert found is not None
            assert (found.provider, found.name) == (provider, expected)

    @each_row(
        ("name", "expected"),
        [
            ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
            ("gpt-4o-mini-20240718", "gpt-4o-mini"),
            ("gpt-4o-mini-2031-01-31", "gpt-4o-mini"),
            ("claude-sonnet-4-20250514", "claude-sonnet-4-0"),
            ("claude-opus-4-1@20250805", "claude-opus-4-1"),
            ("gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ],
    )
    def test_a_dated_snapshot_finds_its_model(self, name: str, expected: str) -> None:
        found = find_model(name)
        assert found is not None
        assert found.name == expected

    @each_row(
        ("name", "expected"),
        [
            ("openai/gpt-4o", "gpt-4o"),
            ("anthropic/claude-sonnet-4-5", "claude-sonnet-4-5"),
            ("google/gemini-2.5-flash", "gemini-2.5-flash"),
            ("models/gemini-2.5-flash", "gemini-2.5-flash"),
            ("litellm/gpt-4o", "gpt-4o"),
            ("litellm/openai/gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
            ("gpt-4o-via-litellm", "gpt-4o"),
            ("GPT-4o", "gpt-4o"),
        ],
    )
    def test_a_vendor_before_the_name_and_its_case_do_not_matter(self, name: str, expected: str) -> None:
        for found in (find_model(name), find_model(name, infer_runtime(name.lower()).provider)):
            if found is None:
                assert infer_runtime(name.lower()).provider is ProviderKind.VLLM
            else:
                assert found.name == expected
        assert find_model(name) is not None

    def test_the_longest_pattern_wins(self) -> None:
        lite, image = find_model("gemini-3.1-flash-lite-preview"), find_model("gemini-3.1-flash-lite-image")
        assert lite is not None
        assert image is not None
        assert (lite.name, image.name) == ("gemini-3.1-flash-lite", "gemini-3.1-flash-lite-image")

    @each_row(
        "name",
        [
            "",
            "/",
            "nope",
            "gpt",
            "gpt-4o-mini/extra",
            "acme/gpt-4o",
            "openai/claude-sonnet-4-5",
            "llama-3.1-8b",
        ],
    )
    def test_an_unknown_name_finds_nothing(self, name: str) -> None:
        assert find_model(name) is None

    @each_row("provider", [ProviderKind.ANTHROPIC, ProviderKind.VLLM, ProviderKind.CUSTOM])
    def test_a_model_is_not_known_at_a_provider_that_does_not_sell_it(self, provider: ProviderKind) -> None:
        assert find_model("gpt-4o", provider) is None

    def test_a_litellm_proxy_may_serve_the_models_of_anybody(self) -> None:
        assert find_model("claude-sonnet-4-5", ProviderKind.LITELLM) == find_model("claude-sonnet-4-5")

    def test_every_known_model_finds_itself(self) -> None:
        assert list(known_models()) == sorted(known_models())
        for name in known_models():
            found = find_model(name)
            assert found is not None
            assert found.name == name

    def test_every_name_that_the_library_lists_finds_the_same_model_here(self) -> None:
        languages = {
            "anthropic": ProviderKind.ANTHROPIC,
            "google": ProviderKind.GEMINI,
            "openai": ProviderKind.OPENAI,
        }
        known = {(row["provider"], row["name"]) for row in rows()}
        for provider in providers:
            if provider.id not in languages:
                continue
            kind = languages[provider.id]
            for model in (m for m in provider.models if (kind.value, m.id) in known):
                for name in (model.id, f"{model.id}-2030-01-01", f"{model.id}-preview"):
                    expected = provider.find_model(name)
                    if expected is not None and (kind.value, expected.id) in known:
                        found = find_model(name, kind)
                        assert found is not None, name
                        assert found.name == expected.id

    @each_row(
        ("name", "provider", "expected"),
        [
            ("llama-3.3-70b-versatile", ProviderKind.GROQ, "llama-3.3-70b-versatile"),
            ("groq/llama-3.3-70b-versatile", ProviderKind.GROQ, "llama-3.3-70b-versatile"),
            ("mistral-large-latest", ProviderKind.MISTRAL, "mistral-large"),
            (
                "openrouter/anthropic/claude-sonnet-4.5",
                ProviderKind.OPENROUTER,
                "anthropic/claude-sonnet-4.5",
            ),
            ("perplexity/sonar-pro", ProviderKind.PERPLEXITY, "sonar-pro"),
            ("MiniMaxAI/MiniMax-M3", ProviderKind.TOGETHER, "MiniMaxAI/MiniMax-M3"),
        ],
    )
    def test_a_model_of_a_preset_is_found_at_its_provider_alone(
        self, name: str, provider: ProviderKind, expected: str
    ) -> None:
        found = find_model(name, provider)
        assert found is not None
        assert (found.provider, found.name) == (provider, expected)
        assert found.input_price is not None
        assert find_model(name) is None
        assert find_model(name, ProviderKind.AZURE) is None

    @each_row(("name", "price"), [("deepseek-chat", "0.27"), ("deepseek-flash", "0.3")])
    def test_a_price_that_depends_on_the_hour_is_the_dearest(self, name: str, price: str) -> None:
        """DeepSeek's was cheap at night, and is dear from 01:00 to 04:00 and from 06:00 to 10:00, in UTC."""
        model = find_model(name, ProviderKind.DEEPSEEK)
        assert model is not None
        assert model.input_price == Money(price)

    @given(st.text(max_size=40) | st.text("abgopt45-/.@20", max_size=40))
    def test_any_text_may_be_asked_for(self, name: str) -> None:
        find_model(name)
        find_tier(ProviderKind.OPENAI, name)

    def test_a_name_of_a_million_characters_is_answered_at_once(self) -> None:
        for part in ("x", "models/", "-20240718", "gpt-4o-mini-"):
            assert find_model(part * (1_000_000 // len(part))) is None


class TestFacts:
    def test_a_model_brings_its_prices_context_window_and_release(self) -> None:
        model = find_model("gpt-4o-mini")
        assert model is not None
        assert (model.input_price, model.output_price) == (Money("0.15"), Money("0.6"))
        assert model.cached_input_price == Money("0.075")
        assert isinstance(model.input_price, Money)
        assert model.context_window == 128_000
        assert model.released == "2024-07-18"
        assert not model.tiered
        assert not model.deprecated

    def test_the_first_snapshot_dates_a_model_even_when_it_is_priced_apart(self) -> None:
        model = find_model("gpt-4o")
        assert model is not None
        assert model.released == "2024-05-13"

    def test_a_price_by_length_of_prompt_is_the_lowest_and_says_so(self) -> None:
        model = find_model("gemini-2.5-pro")
        assert model is not None
        assert model.input_price == Money("1.25")
        assert model.tiered

    def test_a_deprecated_model_says_so(self) -> None:
        model = find_model("gemini-2.0-flash")
        assert model is not None
        assert model.deprecated

    def test_a_tier_is_that_of_the_model_behind_the_name(self) -> None:
        tier = find_tier(ProviderKind.OPENAI, "openai/gpt-4o-mini-2024-07-18")
        assert tier is not None
        assert (tier.name, tier.requests_per_minute, tier.tokens_per_minute) == (
            "Tier 5",
            30_000,
            150_000_000,
        )
        assert tier.source.endswith("/gpt-4o-mini")

    def test_prompt_and_answer_tokens_that_are_limited_apart_are_added(self) -> None:
        tier = find_tier(ProviderKind.ANTHROPIC, "claude-sonnet-4-5")
        assert tier is not None
        assert tier.tokens_per_minute == 2_000_000 + 400_000

    @each_row(
        ("provider", "model", "requests", "tokens"),
        [
            (ProviderKind.XAI, "grok-4.3", 10_000, 85_000_000),
            (ProviderKind.CEREBRAS, "cerebras/gpt-oss-120b", 1_000, 1_000_000),
            (ProviderKind.COHERE, "command-a-03-2025", 500, None),
        ],
    )
    def test_a_tier_may_bound_requests_alone(
        self, provider: ProviderKind, model: str, requests: int, tokens: int | None
    ) -> None:
        tier = find_tier(provider, model)
        assert tier is not None
        assert (tier.requests_per_minute, tier.tokens_per_minute) == (requests, tokens)

    @each_row(
        ("provider", "model"),
        [
            (ProviderKind.OPENAI, "nope"),
            (ProviderKind.GEMINI, "gemini-2.5-flash"),
            (ProviderKind.LITELLM, "gpt-4o"),
            (ProviderKind.VLLM, "gpt-4o"),
        ],
    )
    def test_no_tier_is_known_where_none_is_published(self, provider: ProviderKind, model: str) -> None:
        assert find_tier(provider, model) is None

    def test_the_library_behind_the_catalogue_is_not_needed_at_run_time(self) -> None:
        code = (
            "import sys; from inferc.dsl.catalogues.models import find_model; find_model('gpt-4o');"
            "assert not {'genai_prices', 'pydantic', 'cattrs'} & set(sys.modules)"
        )
        subprocess.run([sys.executable, "-c", code], check=True, timeout=200)


@each_row(
    ("model", "last", "first"),
    [("gemini-4-argon", "2026-11-30", "2026-12-01"), ("gemini-3.7-flash", "2026-12-31", "2027-01-01")],
)
def test_a_price_is_that_of_the_day(model: str, last: str, first: str) -> None:
    before, after = (find_model_on(day, model, ProviderKind.GEMINI) for day in (last, first))
    assert before is not None
    assert after is not None
    assert (before.input_price, before.cached_input_price) != (after.input_price, after.cached_input_price)
    assert after.output_price == 2 * (before.output_price or 0)
    assert after.per_search == before.per_search
