"""Models that end: each says when, what follows it, and where that is written."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

from inferc.dsl.catalogues.retirements import find_retirement, retirements
from inferc.dsl.kinds import RuntimeKind

RUNTIMES = {kind.provider: kind for kind in RuntimeKind if kind.provider is not None}


ALL = [row for provider in RUNTIMES for row in retirements(provider)]


def test_every_row_is_of_a_provider_that_there_is() -> None:
    path = Path(__file__).resolve().parents[2] / "dsl" / "catalogues" / "retirements.json"
    written = json.loads(path.read_bytes())["models"]
    assert len(written) == len(ALL) == len({*ALL}), "each is there once"


def test_a_row_says_its_day_its_source_and_a_successor_that_stays() -> None:
    for row in ALL:
        assert date.fromisoformat(row.day), row
        assert re.fullmatch(r"https://[a-z0-9.-]+/\S+", row.source), row
        for name in row.models:
            found = find_retirement(name.rstrip("*"), RUNTIMES[row.provider], row.service)
            assert found == row, "another row is found first"
        if row.successor:
            after = find_retirement(row.successor, RUNTIMES[row.provider], row.service)
            assert after is None or (not after.past and after.day > row.day), row


def test_a_model_is_found_under_the_names_that_it_has() -> None:
    for name in ("claude-3-opus-20240229", "anthropic/claude-3-opus-20240229", "Claude-3-Opus-20240229"):
        found = find_retirement(name, RuntimeKind.ANTHROPIC)
        assert found is not None
        assert found.past
    assert find_retirement("claude-3-opus@20240229", RuntimeKind.ANTHROPIC, "vertex") is None
    assert find_retirement("anthropic/*", RuntimeKind.ANTHROPIC) is None
    assert find_retirement("github/*", RuntimeKind.GITHUB) is not None, "there are no models any more"
    assert find_retirement("claude-3-opus-20240229", RuntimeKind.OPENAI_COMPATIBLE) is None
