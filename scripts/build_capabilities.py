"""Write `capabilities/models.json` in `dsl/catalogues/` from the facts about models that litellm ships, also
`retrieval_prices.json` there, and the list of its prefixes, which a test walks.

    python scripts/build_capabilities.py [--file model_prices.json --version 1.2.3] [--output FILE]

Without `--file`, the newest wheel is fetched, without what it depends on, and only read. A fact that the
package does not tell is left out, so nothing in the file is a guess.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import ROUND_UP, Decimal
from pathlib import Path
from typing import Any

OUTPUT = Path(__file__).resolve().parent.parent / "dsl" / "catalogues" / "capabilities" / "models.json"
PRICES = OUTPUT.parents[1] / "retrieval_prices.json"
TABLE = "litellm/model_prices_and_context_window_backup.json"
PREFIXES = OUTPUT.parents[3] / "tests" / "compiler" / "importers" / "litellm_prefixes.json"
KINDS = "litellm/types/utils.py"
LIKE_OPENAI = "litellm/llms/openai_like/providers.json"

PROVIDERS = {
    "anthropic": "anthropic",
    "bedrock": "bedrock",
    "cerebras": "cerebras",
    "cohere": "cohere",
    "cohere_chat": "cohere",
    "deepseek": "deepseek",
    "gemini": "gemini",
    "groq": "groq",
    "mistral": "mistral",
    "openai": "openai",
    "perplexity": "perplexity",
    "together_ai": "together",
    "xai": "xai",
}
"""The package's name of each provider, and the language's."""

_ALSO_PRICED = {"vertex_ai-embedding-models": "gemini"}
_TIERED = {"openai", "anthropic", "gemini", "bedrock", "fireworks"}
_ALSO_TIERED = {"bedrock_converse": "bedrock", "fireworks_ai": "fireworks"}
_TIERS = ("flex", "priority", "ultrafast")
_TOKENS = ("input_cost_per_token", "output_cost_per_token", "input_cost_per_audio_token")
_CACHED = "cache_read_input_token_cost"
_MISPRICED = ("embed-multilingual-light-v3.0",)
"""A price per thousand tokens that stands where the others have one per token."""

TASKS = {"chat": "chat", "responses": "chat", "embedding": "embed", "rerank": "rerank"}
"""The package's modes that the language has a task for."""

_UNITS = {
    "audio_speech": ("input_cost_per_character", "per_character"),
    "image_generation": ("input_cost_per_image", "per_image"),
}
"""What models are sold by that have another mode, where the table says so."""

_ALSO_SOLD_BY = ("input_cost_per_token", "output_cost_per_image_2K")
"""What makes such a price that of what is given, or of one size."""

_IN_PLACE = re.compile(r"(us|eu|global)\.|bedrock/")
"""Names of Bedrock's models that say where they run."""

_SOMEWHERE = re.compile(r"(us|eu|global|apac|jp|in|us-gov)\.|bedrock/")

_NO_MODELS = ("container",)
"""Rows that are about a price and no model."""

READS = {
    "supports_vision": "image",
    "supports_pdf_input": "pdf",
    "supports_audio_input": "audio",
    "supports_video_input": "video",
}

CHATS = "/v1/chat/completions"
BATCH = "/v1/batch"

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
ALWAYS = ("low", "medium", "high")
"""Efforts that the package does not list, because all models that know efforts have them."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--version", default="")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    output: Path = arguments.output
    if arguments.file:
        table, version = json.loads(arguments.file.read_bytes()), arguments.version
    else:
        table, version, prefixes = fetched()
        PREFIXES.write_text(json.dumps(prefixes, indent=0) + "\n", encoding="utf-8")
        print(f"{PREFIXES}: {len(prefixes['providers'])} prefixes")
        PRICES.write_text(
            render_prices(retrieval_prices(table), more_prices(table), version), encoding="utf-8"
        )
        print(f"{PRICES}: prices of models that embed, rank, speak or draw")
    output.write_text(render(build(table), version), encoding="utf-8")
    print(f"{output}: facts of litellm {version}")


def fetched() -> tuple[dict[str, Any], str, dict[str, Any]]:
    """The table of the newest wheel, the wheel's version, and what it writes before names of models."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
        subprocess.run([*command, "--only-binary", ":all:", "litellm"], check=True)
        wheel = next(Path(folder).glob("litellm-*.whl"))
        version = wheel.name.split("-")[1]
        with zipfile.ZipFile(wheel) as archive:
            kinds = archive.read(KINDS).decode().partition("class LlmProviders(")[2].partition("\n\n\n")[0]
            names = {*re.findall(r'= "([^"]+)"', kinds), *json.loads(archive.read(LIKE_OPENAI))}
            prefixes = {
                "source": f"litellm {version}: LlmProviders, and llms/openai_like/providers.json",
                "date": datetime.now(UTC).date().isoformat(),
                "providers": sorted(names),
            }
            return json.loads(archive.read(TABLE)), version, prefixes


def build(table: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """The facts by provider and model, both sorted."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for written, row in table.items():
        provider = PROVIDERS.get(row.get("litellm_provider", ""))
        if provider is None or row.get("mode") not in TASKS:
            continue
        if provider == "bedrock" and (TASKS[row["mode"]] == "chat" or _IN_PLACE.match(written)):
            continue  # chats there have rules of their own, and a model is the same in each region
        name = written.lower().removeprefix(f"{row['litellm_provider']}/")
        if name in _NO_MODELS:
            continue
        found.setdefault(provider, {})[name] = dict(_facts(provider, row))
    return {provider: dict(sorted(models.items())) for provider, models in sorted(found.items())}


def retrieval_prices(table: dict[str, Any]) -> list[dict[str, Any]]:
    """Of models that embed, per million tokens, of those that rank, per token or search, and of those that
    are sold by the character that they speak, or by the picture."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for written, row in table.items():
        told_as = row.get("litellm_provider", "")
        provider = (PROVIDERS | _ALSO_PRICED).get(told_as)
        if provider is not None and (unit := _UNITS.get(row.get("mode"))) is not None:
            name, price = written.lower().removeprefix(f"{told_as}/"), row.get(unit[0])
            if price and "/" not in name and not any(map(row.get, _ALSO_SOLD_BY)):
                prices = {"input": "0", unit[1]: _decimal(price, 1)}
                found[provider, name] = {"provider": provider, "name": name, **prices}
            continue
        if provider is None or row.get("mode") not in ("embedding", "rerank") or _IN_PLACE.match(written):
            continue
        name = written.lower().removeprefix(f"{told_as}/")
        given = row.get("input_cost_per_token")
        searched = row.get("input_cost_per_query") if row["mode"] == "rerank" else None
        if not (given or searched) or name in _MISPRICED:
            continue
        prices = {"input": _decimal(given or 0, 10**6), "output": "0"}
        if searched:
            prices["per_search"] = _decimal(searched, 1)
        if pictured := row.get("input_cost_per_image_token"):
            prices["image_input"] = _decimal(pictured, 10**6)
        found[provider, name] = {"provider": provider, "name": name, **prices}
    return [found[key] for key in sorted(found)]


def more_prices(table: dict[str, Any]) -> list[dict[str, Any]]:
    """What the other catalogue of prices lacks: what is kept for 12 hours, and tiers of service."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for written, row in table.items():
        told_as = row.get("litellm_provider", "")
        provider = (PROVIDERS | _ALSO_TIERED).get(told_as)
        if provider not in _TIERED or row.get("mode") not in ("chat", "responses"):
            continue
        if provider == "bedrock" and _SOMEWHERE.match(written):
            continue  # tiers are the same multiple in each region, or nearly
        prices: dict[str, Any] = {}
        if long := row.get("cache_creation_input_token_cost_above_12hr"):
            prices["cache_write_1h"] = _decimal(long, 10**6)
        if fast := (row.get("provider_specific_entry") or {}).get("fast"):
            prices["fast"] = float(fast)
        prices |= _tiers(row)
        if prices:
            name = written.removeprefix(f"{told_as}/")
            if provider == "fireworks":
                name = name.rpartition("/")[2]
            found[provider, name] = {"provider": provider, "name": name, **prices}
    return [
        found[key]
        for key in sorted(found)
        if not (dated := _SNAPSHOT.fullmatch(key[1]))
        or _prices(found.get((key[0], dated[1]), {})) != _prices(found[key])
    ]


_SNAPSHOT = re.compile(r"(.+)-20\d\d-\d\d-\d\d")
"""Names that say the day, which cost what the plain name does unless they have a row that says else."""


def _prices(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "name"}


def _tiers(row: dict[str, Any]) -> dict[str, float]:
    """How many times as much tokens cost in each tier: as the kind for which that is most, so that nothing is
    counted too low. Cached ones are told apart where they are that kind."""
    found: dict[str, float] = {}
    for tier in _TIERS:
        most = max((_times(row, kind, tier) for kind in _TOKENS), default=0)
        cached = _times(row, _CACHED, tier)
        if most:
            found[tier] = most
        if most and cached > most:
            found[f"{tier}_cached"] = cached
    return found


def _times(row: dict[str, Any], kind: str, tier: str) -> float:
    usual, there = row.get(kind), row.get(f"{kind}_{tier}")
    if not usual or there is None:
        return 0.0
    times = Decimal(str(there)) / Decimal(str(usual))
    return float(times.quantize(Decimal("0.0001"), ROUND_UP))


def _decimal(price: float, units: int) -> str:
    return format((Decimal(str(price)) * units).normalize(), "f")


def render_prices(rows: list[dict[str, Any]], more: list[dict[str, Any]], version: str) -> str:
    """JSON with one model per line. more: what is added to the prices of models that are listed elsewhere."""
    added = ",\n".join(json.dumps(row, separators=(",", ":")) for row in more)
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    header = f'{{\n"source": "litellm",\n"version": "{version}",\n"currency": "USD",\n"models": ['
    return f'{header}\n{lines}\n],\n"more": [\n{added}\n]\n}}\n'


def _facts(provider: str, row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "task", TASKS[row["mode"]]
    endpoints = row.get("supported_endpoints") or ()
    if BATCH in endpoints or any(name.endswith("_batches") and row[name] for name in row):
        yield "batches", True  # that neither is told says nothing
    if TASKS[row["mode"]] != "chat":
        return
    if isinstance(most := row.get("max_output_tokens"), int | float) and most > 0:
        yield "greatest_output", int(most)
    if (tools := row.get("supports_function_calling")) is not None:
        yield "tools", tools
    if (forced := row.get("supports_forced_tool_use")) is not None:
        yield "forced_tools", forced
    schema = "supports_native_structured_output" if provider == "anthropic" else "supports_response_schema"
    if (held := row.get(schema)) is not None:
        yield "json_schema", held
    if row.get("supports_sampling_params") is False:
        yield "refused_sampling", ["temperature", "top_p", "top_k"]
    if reads := [what for flag, what in READS.items() if row.get(flag)]:
        yield "reads", reads
    elif row.get("supports_vision") is False:
        yield "media_inline", []
    if writes := row.get("supported_output_modalities"):
        yield "writes", writes
    if CHATS not in endpoints and (endpoints if provider == "openai" else row["mode"] == "responses"):
        yield "chat_endpoint", False
    yield from _thinking(provider, row)


def _thinking(provider: str, row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if row.get("supports_reasoning") is None:
        return
    yield "reasons", row["supports_reasoning"]
    if not row["supports_reasoning"]:
        return
    told = {each: row.get(f"supports_{each}_reasoning_effort") for each in EFFORTS}
    efforts = [each for each in EFFORTS if told[each] or each in ALWAYS]
    if provider == "openai":
        yield "thinks", "effort"
        if any(each is not None for each in told.values()):
            yield "efforts", efforts
    if provider == "anthropic":
        yield "thinks", "adaptive" if row.get("supports_adaptive_thinking") else "budget"
        yield "efforts", efforts if row.get("supports_output_config") else []
    if row.get("thinking_always_on") is not None:
        yield "can_rest", not row["thinking_always_on"]


def render(models: dict[str, dict[str, dict[str, Any]]], version: str) -> str:
    """JSON with one model per line, so that a diff shows which models changed."""
    header = json.dumps({"source": "litellm", "version": version}, indent=0)[:-2]
    blocks = []
    for provider, rows in models.items():
        lines = (f"{json.dumps(name)}:{json.dumps(row, separators=(',', ':'))}" for name, row in rows.items())
        blocks.append(f"{json.dumps(provider)}: {{\n" + ",\n".join(lines) + "\n}")
    return f'{header},\n"models": {{\n' + ",\n".join(blocks) + "\n}\n}\n"


if __name__ == "__main__":
    main()
