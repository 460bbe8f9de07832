"""The remote models that are known: context window, prices, age, and how much a provider lets through.

The data are files beside this module. `model_prices.json` and, for the providers of `presets`,
`preset_model_prices.json`, which has those of Bedrock, too, are written by `scripts/build_catalogue.py` and
name their source and date; `tiers.json` is kept by hand, with a source and a date per entry.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import orjson
from attrs import field

from ..kinds import ProviderKind, RuntimeKind
from ..late_pattern import late_pattern
from ..record import frozen
from ..units import Money
from .bedrock_names import listed_names
from .presets import PRESETS

_FOLDER = Path(__file__).parent
_MODELS, _PRESET_MODELS = "model_prices.json", "preset_model_prices.json"
_VENDORS: dict[str, ProviderKind | None] = {
    "anthropic": ProviderKind.ANTHROPIC,
    "gemini": ProviderKind.GEMINI,
    "google": ProviderKind.GEMINI,
    "litellm": None,
    "models": None,
    "openai": ProviderKind.OPENAI,
    "text-completion-openai": ProviderKind.OPENAI,
    **dict.fromkeys(("azure_ai", "litellm_proxy", "vertex_ai", "vertex_ai_beta")),
}
_PRESETS = frozenset(ProviderKind(kind.value) for kind in PRESETS)
_LONGEST_START = 64
_ANYBODY = (None, ProviderKind.LITELLM)
_DATED = late_pattern(r"(.+)[-@](?:20\d{6}|20\d\d-\d\d-\d\d)")


@frozen
class ModelInfo:
    """What is known of a remote model. Prices are per million tokens; None is unknown."""

    provider: ProviderKind
    name: str
    context_window: int | None = None
    max_output: int | None = None
    input_price: Money | None = None
    output_price: Money | None = None
    cached_input_price: Money | None = None
    cache_write_price: Money | None = None
    cache_write_1h_price: Money | None = None
    audio_input_price: Money | None = None
    audio_output_price: Money | None = None
    image_input_price: Money | None = None
    image_output_price: Money | None = None
    per_second: Money | None = None
    per_search: Money | None = None
    per_image: Money | None = None
    per_character: Money | None = None
    fast: float | None = field(
        default=None, metadata={"doc": "tokens in the provider's fast mode cost so many times as much"}
    )
    flex: float | None = field(default=None, metadata={"doc": "the same of the tier `flex`"})
    flex_cached: float | None = field(default=None, metadata={"doc": "the same of cached tokens there"})
    priority: float | None = field(default=None, metadata={"doc": "the same of the tier `priority`"})
    ultrafast: float | None = field(default=None, metadata={"doc": "the same of the tier `ultrafast`"})
    tiered: bool = field(default=False, metadata={"doc": "long prompts cost more than the prices here"})
    deprecated: bool = False
    replaced_by: str | None = None
    released: str | None = field(
        default=None, metadata={"doc": "day of the first dated snapshot: 2024-07-18"}
    )


@frozen(slots=False)
class Tier:
    """The most that a provider lets an account reach without an agreement of its own.

    tokens_per_minute: None where none is published. as_of: the day, or only the year, on which `source`
    said so.
    """

    provider: ProviderKind
    name: str
    requests_per_minute: int
    tokens_per_minute: int | None
    source: str
    as_of: str


def find_model(name: str, provider: ProviderKind | None = None) -> ModelInfo | None:
    """The model that `name` means at `provider`, or None when it is not in the catalogue.

    `name` may be an alias or a dated snapshot, with or without the path of a vendor before it, such as
    `openai/gpt-4o-mini-2024-07-18`. No provider, and a LiteLLM proxy, stand for whoever has the model. Prices
    are those of today.
    """
    return find_model_on(datetime.now(UTC).date().isoformat(), name, provider)


@lru_cache(maxsize=4096)
def find_model_on(day: str, name: str, provider: ProviderKind | None = None) -> ModelInfo | None:
    """The same, with the prices of a day, `2026-12-01`."""
    if provider is ProviderKind.BEDROCK:
        index = _index(_PRESET_MODELS, provider)
        if index is None:
            return None
        row = next((row for each in listed_names(name.lower()) if (row := index.find(each))), None)
        return None if row is None else _model(provider, row, day)
    if provider in _PRESETS:
        return _find_at_preset(name.lower(), provider, day)
    vendor, bare = _without_vendor(name.lower().removesuffix("-via-litellm"))
    wanted = vendor if provider in _ANYBODY else provider
    for each in _priced() if wanted is None else (wanted,):
        index = _index(_MODELS, each)
        if index is not None and (row := index.find(bare)):
            return _model(each, row, day)
    return None


def _find_at_preset(name: str, provider: ProviderKind, day: str) -> ModelInfo | None:
    """The same at a provider of `presets`, with or without what LiteLLM writes before its models."""
    index = _index(_PRESET_MODELS, provider)
    prefixes = PRESETS[RuntimeKind(provider.value)].prefixes
    bare = next((name.removeprefix(each) for each in prefixes if name.startswith(each)), name)
    row = (index.find(bare) or index.find(name)) if index is not None else None
    return _model(provider, row, day) if row is not None else None


@lru_cache(maxsize=4096)
def find_tier(provider: ProviderKind, model: str) -> Tier | None:
    """The highest published tier of `provider` for `model`, or None when none is known."""
    info = find_model(model, provider)
    return _tiers().get((provider, info.name)) if info else None


@cache
def _priced() -> tuple[ProviderKind, ...]:
    """Those whose models are looked through where nobody says whose one is."""
    return tuple(
        ProviderKind(name) for name in dict.fromkeys(row["provider"] for row in _load(_MODELS)["models"])
    )


@cache
def known_models() -> tuple[str, ...]:
    """The name of every model in the catalogue, sorted."""
    return tuple(sorted(row["name"] for row in _load(_MODELS)["models"]))


def without_date(name: str) -> str | None:
    """`gpt-4o` of `gpt-4o-2024-08-06`; None for a name without the date of a snapshot."""
    dated = _DATED.fullmatch(name) if "20" in name else None
    return dated[1] if dated else None


@frozen(slots=False)
class _Index:
    """The models of one provider by what their names may look like; the longest pattern wins."""

    provider: ProviderKind
    names: dict[str, dict[str, Any]] = field(factory=dict)
    starts: dict[str, dict[str, Any]] = field(factory=dict)
    regexes: dict[str, dict[str, Any]] = field(factory=dict)

    def add(self, row: dict[str, Any]) -> None:
        self.names[row["name"].lower()] = row
        for written in row.get("match", ()):
            pattern = written if written.startswith("^") else written.lower()
            if pattern.startswith("^"):
                self.regexes[pattern] = row
            elif pattern.endswith("*"):
                self.starts[pattern[:-1]] = row
            else:
                self.names[pattern] = row

    def find(self, name: str) -> dict[str, Any] | None:
        undated = without_date(name)
        return self._find_as_written(name) or (self._find_as_written(undated) if undated else None)

    def _find_as_written(self, name: str) -> dict[str, Any] | None:
        return self.names.get(name) or self._by_start(name) or self._by_regex(name)

    def _by_start(self, name: str) -> dict[str, Any] | None:
        starts = (name[:length] for length in range(min(len(name), _LONGEST_START), 0, -1))
        return next((self.starts[start] for start in starts if start in self.starts), None)

    def _by_regex(self, name: str) -> dict[str, Any] | None:
        return next((row for regex, row in self.regexes.items() if re.match(regex, name)), None)


@cache
def _index(file: str, provider: ProviderKind) -> _Index | None:
    """The models of one provider in a file; None where it has none."""
    rows = [row for row in _load(file)["models"] if row["provider"] == provider]
    if not rows:
        return None
    index = _Index(provider)
    for row in rows:
        index.add(row)
    retrieval = _load("retrieval_prices.json")
    for row in retrieval["models"]:
        if row["provider"] == provider and row["name"] not in index.names:
            index.add(row)
    for more in retrieval["more"]:
        if more["provider"] == provider:
            known = index.names.get(more["name"]) or index.find(more["name"])
            for name, price in more.items():
                if known is not None:
                    known.setdefault(name, price)
    return index


@cache
def _tiers() -> dict[tuple[ProviderKind, str], Tier]:
    return {
        (ProviderKind(row["provider"]), model): Tier(
            provider=ProviderKind(row["provider"]),
            name=row["tier"],
            requests_per_minute=row["requests_per_minute"],
            tokens_per_minute=_tokens_per_minute(row),
            source=row["source"],
            as_of=row["date"],
        )
        for row in _load("tiers.json")["tiers"]
        for model in row["models"]
    }


def _tokens_per_minute(row: dict[str, Any]) -> int | None:
    """Prompt and answer together, also where a provider counts them apart."""
    if "input_tokens_per_minute" in row:
        return int(row["input_tokens_per_minute"]) + int(row["output_tokens_per_minute"])
    return row.get("tokens_per_minute")


def _model(provider: ProviderKind, row: dict[str, Any], day: str) -> ModelInfo:
    for change in row.get("later", ()):
        if change["from"] <= day:
            row = row | change
    return ModelInfo(
        provider=provider,
        name=row["name"],
        context_window=row.get("context_window"),
        input_price=_money(row.get("input")),
        output_price=_money(row.get("output")),
        cached_input_price=_money(row.get("cached_input")),
        cache_write_price=_money(row.get("cache_write")),
        cache_write_1h_price=_money(row.get("cache_write_1h")),
        audio_input_price=_money(row.get("audio_input")),
        audio_output_price=_money(row.get("audio_output")),
        image_input_price=_money(row.get("image_input")),
        image_output_price=_money(row.get("image_output")),
        per_second=_money(row.get("per_second")),
        per_search=_money(row.get("per_search")),
        per_image=_money(row.get("per_image")),
        per_character=_money(row.get("per_character")),
        fast=row.get("fast"),
        flex=row.get("flex"),
        flex_cached=row.get("flex_cached"),
        priority=row.get("priority"),
        ultrafast=row.get("ultrafast"),
        tiered=row.get("tiered", False),
        deprecated=row.get("deprecated", False),
        released=row.get("released"),
    )


def _money(text: str | None) -> Money | None:
    return None if text is None else Money(text)


def _without_vendor(name: str) -> tuple[ProviderKind | None, str]:
    """`litellm/openai/gpt-4o` as OpenAI and `gpt-4o`."""
    *path, bare = name.split("/")
    vendors = [_VENDORS[part] for part in path if part in _VENDORS]
    if len(vendors) < len(path):
        return None, name
    return next((vendor for vendor in reversed(vendors) if vendor), None), bare


@cache
def _load(file: str) -> Any:
    return orjson.loads((_FOLDER / file).read_bytes())
