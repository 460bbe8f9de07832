"""Write `model_prices.json` and `preset_model_prices.json` in `dsl/catalogues/` from what genai-prices ships.

    python scripts/build_catalogue.py [--date 2026-01-31] [--output FILE]

What the library does not say is left out, so nothing in the file is a guess. Prices that change on
a known day are those of `--date`. The file is left alone when nothing but the date would change.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices import types
from genai_prices.data import providers

LIBRARY = "genai-prices"
OUTPUT = Path(__file__).resolve().parent.parent / "dsl" / "catalogues" / "model_prices.json"

PROVIDERS = {"anthropic": "anthropic", "google": "gemini", "openai": "openai"}
"""The library's name of each provider that has a runtime of its own, and the language's."""

PRESETS = {
    "aws": "bedrock",
    "cerebras": "cerebras",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "fireworks": "fireworks",
    "groq": "groq",
    "mistral": "mistral",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "together": "together",
    "x-ai": "xai",
}
"""The same for Bedrock, and for providers that speak OpenAI's protocol. Their models
have a file of their own, which is read only where one of them is used."""

FOREIGN = {"google": ("claude-",)}
"""Models that a provider sells but that do not speak its wire format."""

HOURS = tuple(time(hour) for hour in range(24))
"""Prices may hang on the hour, in UTC: the dearest of the day count, so that no budget is overrun."""

DATED = re.compile(r"(?P<stem>.+)[-@](?P<year>20\d{2})(?P<dash>-?)(?P<month>\d{2})(?P=dash)(?P<day>\d{2})")
DATED_PATTERN = re.compile(r"\^.*(\\d\{8\}|\\d\{4\}-\\d\{2\}-\\d\{2\})\$")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--date", type=date.fromisoformat, default=datetime.now(UTC).date())
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    output: Path = arguments.output
    _write(build(arguments.date, PROVIDERS), output)
    _write(build(arguments.date, PRESETS), output.with_name(f"preset_{output.name}"))


def _write(catalogue: dict[str, Any], output: Path) -> None:
    if output.exists() and _undated(json.loads(output.read_bytes())) == _undated(catalogue):
        print(f"{output}: unchanged")
        return
    output.write_text(render(catalogue), encoding="utf-8")
    print(f"{output}: {len(catalogue['models'])} models")


def build(day: date, wanted: dict[str, str]) -> dict[str, Any]:
    """The catalogue of the providers in `wanted` as JSON-ready values, prices as they are on `day`."""
    models = [
        row
        for provider in providers
        if provider.id in wanted
        for row in _provider_rows(provider, wanted[provider.id], day)
    ]
    return {
        "source": LIBRARY,
        "version": version(LIBRARY),
        "date": day.isoformat(),
        "currency": "USD",
        "per": "1M tokens",
        "models": sorted(models, key=lambda row: (row["provider"], row["name"])),
    }


def render(catalogue: dict[str, Any]) -> str:
    """JSON with one model per line, so that a diff shows which models changed."""
    header = {key: value for key, value in catalogue.items() if key != "models"}
    models = ",\n".join(json.dumps(row, separators=(",", ":")) for row in catalogue["models"])
    return f'{json.dumps(header, indent=0)[:-2]},\n"models": [\n{models}\n]\n}}\n'


def _undated(catalogue: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in catalogue.items() if key != "date"}


def _provider_rows(provider: types.Provider, called: str, day: date) -> Iterator[dict[str, Any]]:
    foreign = FOREIGN.get(provider.id, ())
    models = [model for model in provider.models if not model.id.startswith(foreign)]
    first_snapshots = _first_snapshots(models)
    for model in models:
        prices = _dearest(model, day)
        heard = prices.audio_hours or prices.input_audio_hours
        spoken = prices.input_mchars
        if prices.input_mtok is None and prices.output_mtok is None and heard is None and spoken is None:
            continue  # sold neither by the token nor by the second nor by the character
        searched = prices.web_searches_kcount or prices.requests_kcount
        patterns = sorted({*_patterns(model.match)} - {model.id})
        row = {
            "provider": called,
            "name": model.id,
            "match": patterns or None,
            "context_window": model.context_window,
            **({} if heard is None and spoken is None else {"input": "0"}),
            **_by_token(prices),
            "per_second": _price(heard, 3600),
            "per_search": _price(searched, 1000),
            "per_character": _price(spoken, 10**6),
            "cache_write_1h": _price(getattr(prices, "cache_write_1h_mtok", None)),
            "tiered": any(isinstance(price, types.TieredPrices) for price in vars(prices).values()) or None,
            "deprecated": model.deprecated or None,
            "released": _released([model.id, *patterns], first_snapshots),
            "later": _later(model, day) or None,
        }
        yield {key: value for key, value in row.items() if value is not None}


def _dearest(model: types.ModelInfo, day: date) -> types.ModelPrice:
    """The prices of the hour of that day at which they are highest."""
    by_hour = [model.get_prices(datetime.combine(day, hour, UTC)) for hour in HOURS]
    different = {id(prices): prices for prices in by_hour}  # most models have the same at all hours
    return max(different.values(), key=_dearness)


def _later(model: types.ModelInfo, day: date) -> list[dict[str, str]]:
    """What tokens cost from a later day on, as far as it is known and is not what they cost before."""
    told = model.prices if isinstance(model.prices, list) else []
    starts = {
        each.constraint.start_date for each in told if isinstance(each.constraint, types.StartDateConstraint)
    }
    changes: list[dict[str, str]] = []
    before = _by_token(_dearest(model, day))
    for start in sorted(each for each in starts if each > day):
        after = _by_token(_dearest(model, start))
        if changed := {name: price for name, price in after.items() if before.get(name) != price}:
            changes.append({"from": start.isoformat(), **changed})
        before = after
    return changes


def _by_token(prices: types.ModelPrice) -> dict[str, str]:
    found = {
        "input": _price(prices.input_mtok),
        "output": _price(prices.output_mtok),
        "cached_input": _price(prices.cache_read_mtok),
        "cache_write": _price(prices.cache_write_mtok),
        "audio_input": _price(prices.input_audio_mtok),
        "audio_output": _price(prices.output_audio_mtok),
        "image_input": _price(prices.input_image_mtok),
        "image_output": _price(prices.output_image_mtok),
    }
    return {name: price for name, price in found.items() if price is not None}


def _dearness(prices: types.ModelPrice) -> Decimal:
    """What a million tokens of each kind cost together."""
    each = (prices.input_mtok, prices.output_mtok)
    return sum((Decimal(_price(price) or 0) for price in each), Decimal())


def _price(price: Decimal | types.TieredPrices | None, units: int = 1) -> str | None:
    """The price of a short prompt, as a plain decimal; units: how many are sold for it."""
    if price is None:
        return None
    base = price.base if isinstance(price, types.TieredPrices) else price
    return format((base / units).normalize(), "f")


def _patterns(clause: types.MatchLogic) -> Iterator[str]:
    """What a name may look like: the name itself, its start with a `*`, or a regular expression from `^`.

    Names are looked up without the path of a vendor before them, so what the library finds anywhere
    in a name is matched from its start. Dated snapshots need no pattern: the catalogue knows dates.
    """
    match clause:
        case types.ClauseOr(or_=inner):
            for part in inner:
                yield from _patterns(part)
        case types.ClauseEquals(equals=text) | types.ClauseEndsWith(ends_with=text):
            yield text
        case types.ClauseStartsWith(starts_with=text) | types.ClauseContains(contains=text):
            yield f"{text}*"
        case types.ClauseRegex(regex=regex) if regex.startswith("^"):
            if not DATED_PATTERN.fullmatch(regex):
                yield regex
        case types.ClauseAnd(and_=[types.ClauseStartsWith(starts_with=text), types.ClauseRegex(regex=regex)]):
            yield f"^(?={re.escape(text)}){regex.removeprefix('^')}"
        case _:
            raise TypeError(f"no pattern is known for {clause!r}")


def _first_snapshots(models: list[types.ModelInfo]) -> dict[str, date]:
    """The day of the earliest dated snapshot of each undated name, over all models of a provider."""
    first: dict[str, date] = {}
    for model in models:
        for name in (model.id, *_patterns(model.match)):
            if (found := DATED.fullmatch(name)) and (day := _day(found)):
                stem = found["stem"]
                first[stem] = min(first.get(stem, day), day)
    return first


def _released(names: list[str], first_snapshots: dict[str, date]) -> str | None:
    """The day of the earliest snapshot under any of `names`."""
    days = [
        day
        for name in names
        if (day := _day(found) if (found := DATED.fullmatch(name)) else first_snapshots.get(name))
    ]
    return min(days).isoformat() if days else None


def _day(found: re.Match[str]) -> date | None:
    try:
        return date(int(found["year"]), int(found["month"]), int(found["day"]))
    except ValueError:
        return None


if __name__ == "__main__":
    main()
