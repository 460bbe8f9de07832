"""`inferc bounds`: the most that one request can take, shown before anything runs."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from math import isfinite
from typing import TYPE_CHECKING, Any

from ..output import fail, in_line
from ..plans import VAST, add_analysis, chosen, is_vast, ready_plan
from ..tables import table

if TYPE_CHECKING:
    from ...compiler.analysis.bound import Part

EXAMPLES = """\
  inferc bounds shop.infer                 # every name that clients can use
  inferc bounds shop.infer assistant       # one of them, and why
  inferc bounds shop.infer --json
"""

_HEADINGS = ("NAME", "CALLS", "TOKENS", "COST", "TIME")


def configure(parser: ArgumentParser) -> None:
    add_analysis(
        parser, "; what has no limit is null", "a pipeline, route or deployment: show what it is made of"
    )


def run(arguments: Namespace) -> int:
    ready = ready_plan(arguments)
    if isinstance(ready, int):
        return ready
    from ...compiler.analysis.bound import spoken
    from ...compiler.analysis.bounds import bounds_of

    parts, name = chosen(bounds_of(ready.plan), arguments), arguments.name
    if isinstance(parts, int):
        return parts
    if (name is not None or arguments.json) and is_vast(parts.values()):
        return fail(VAST)
    if arguments.json:
        json.dump({each: _as_json(part) for each, part in parts.items()}, sys.stdout, indent=2)
        print()
        return 0
    rows: list[tuple[str, ...]] = []
    for part in parts.values():
        rows += _explained(part) if name is not None else (_row(part.name, part),)
    table(_HEADINGS, rows)
    searching = [part.per_search for part in parts.values() if part.per_search]
    if searching:
        each = spoken("dollars", max(searching))
        print(f"\nnot in the cost: searches of the web that clients let the models make, up to {each} each")
    if name is not None:
        print()
        for line in _why(parts[name]):
            print(in_line(line))
    return 0


def _row(name: str, part: Part) -> tuple[str, ...]:
    from ...compiler.analysis.bound import QUANTITIES, spoken

    return (name, *(spoken(each, float(getattr(part.bound, each))) for each in QUANTITIES))


def _explained(part: Part, depth: int = 0) -> Iterator[tuple[str, ...]]:
    yield _row("  " * depth + part.name, part)
    for each in part.parts:
        yield from _explained(each, depth + 1)


def _why(part: Part, depth: int = 0) -> Iterator[str]:
    ended = f"; its time is ended by `{part.ended_by}`" if part.ended_by else ""
    yield f"{'  ' * depth}{part.name}: {part.what}{ended}"
    for each in part.parts:
        yield from _why(each, depth + 1)


def _as_json(part: Part) -> dict[str, Any]:
    from ...compiler.analysis.bound import QUANTITIES

    numbers = {each: float(getattr(part.bound, each)) for each in QUANTITIES}
    return {
        **{each: number if isfinite(number) else None for each, number in numbers.items()},
        "per_search": part.per_search or None,
        "why": part.what,
        "parts": {each.name: _as_json(each) for each in part.parts},
    }
