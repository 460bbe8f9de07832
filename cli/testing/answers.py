"""Answers that are kept beside a file: once recorded, later ones must be the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import orjson

from ...dsl.diagnostics import Diagnostic, Severity, make
from ...runtime.regular_file import read_regular
from ...runtime.simulation.tests import Outcome
from ..files import write_atomically

_LARGEST = 16 << 20


def kept_at(file: Path) -> Path:
    """Where the answers to the tests of `file` are."""
    return file.with_suffix(".answers.json")


def record(file: Path, outcomes: list[Outcome]) -> None:
    """Keep what was answered, beside what other tests were. Raises OSError."""
    try:
        kept = _recorded(kept_at(file))
    except (OSError, ValueError):
        kept = {}
    kept |= {outcome.title: outcome.answers for outcome in outcomes if outcome.answers}
    write_atomically(kept_at(file), json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


def compare(file: Path, outcomes: list[Outcome]) -> Iterator[Diagnostic]:
    """What is answered otherwise than it was when it was recorded."""
    kept = kept_at(file)
    if not kept.is_file():
        return
    try:
        recorded = _recorded(kept)
    except (OSError, ValueError) as error:
        yield make(Severity.ERROR, "E0711", f"{kept}: no recorded answers: {error}", None, help=_AGAIN)
        return
    for outcome in outcomes:
        before = recorded.get(outcome.title)
        if before is None or before == outcome.answers:
            continue
        pairs = zip_longest(before if isinstance(before, list) else [before], outcome.answers)
        notes = [f"recorded: {was!r}, now: {now!r}" for was, now in pairs if was != now]
        message = f"`{outcome.title}` is answered otherwise than recorded in {kept}"
        yield make(Severity.ERROR, "E0711", message, None, notes=notes[:5], help=_AGAIN)


def _recorded(kept: Path) -> dict[str, object]:
    """Answers by the titles of tests. Raises OSError and ValueError."""
    recorded = orjson.loads(read_regular(kept, _LARGEST))
    if not isinstance(recorded, dict):
        raise ValueError("it holds no object")
    return recorded


_AGAIN = "if that is right, record it anew: `inferc test --record`"
