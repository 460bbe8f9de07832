"""`inferc reach`: which features arrive at every deployment that may answer, and what is lost where."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..output import fail, in_line
from ..plans import VAST, add_analysis, chosen, is_vast, ready_plan
from ..tables import table

if TYPE_CHECKING:
    from ...compiler.analysis.features import Arrival
    from ...compiler.plan.features import Features

EXAMPLES = """\
  inferc reach shop.infer                 # every name that clients can use
  inferc reach shop.infer assistant       # one of them, and who loses what
  inferc reach shop.infer --json
"""


def configure(parser: ArgumentParser) -> None:
    add_analysis(
        parser, "; what is not known is null", "a route or deployment: show who may answer, and what is lost"
    )


def run(arguments: Namespace) -> int:
    ready = ready_plan(arguments)
    if isinstance(ready, int):
        return ready
    from ...compiler.analysis.features import HEADINGS, arrivals_of, asked_at

    arrivals, name = chosen(arrivals_of(ready.plan), arguments), arguments.name
    if isinstance(arrivals, int):
        return arrivals
    if name is not None and is_vast(arrivals.values()):
        return fail(VAST)
    if arguments.json:
        json.dump({each: _as_json(found) for each, found in arrivals.items()}, sys.stdout, indent=2)
        print()
        return 0
    rows: list[tuple[str, ...]] = []
    for found in arrivals.values():
        rows += _by_protocol(found)
        if name is not None:
            rows += [row for part in found.parts for row in _members(part, 1)]
    table(("NAME", "ASKED AT", *HEADINGS.values()), rows)
    if name is not None:
        print()
        for line in (*asked_at(arrivals[name]), *_lost(arrivals[name])):
            print(in_line(line))
    return 0


def _by_protocol(found: Arrival) -> Iterator[tuple[str, ...]]:
    """What arrives of the requests of each protocol."""
    from ...compiler.plan.features import PROTOCOLS, asked_in

    if found.features is None:
        yield _row(found.name, "-", None)
        return
    for place, protocol in enumerate(PROTOCOLS):
        asked = asked_in(protocol, found.features)
        yield _row(found.name if place == 0 else "", protocol, asked)


def _row(name: str, protocol: str, features: Features | None) -> tuple[str, ...]:
    from ...compiler.analysis.features import HEADINGS

    if features is None:
        return (name, protocol, *("-" for _ in HEADINGS))
    return (name, protocol, *(_cell(getattr(features, each)) for each in HEADINGS))


def _cell(value: bool | int | None) -> str:
    if value is None:
        return "?"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}"


def _members(found: Arrival, depth: int) -> Iterator[tuple[str, ...]]:
    """What arrives at it, and at each that it may ask; of a deployment, what it has itself."""
    features = found.own if found.own is not None else found.features
    yield _row("  " * depth + found.name, "", features)
    for each in found.parts:
        yield from _members(each, depth + 1)


def _lost(found: Arrival) -> Iterator[str]:
    from ...compiler.analysis.features import HEADINGS, MEANINGS, losses
    from ...compiler.plan.features import PROTOCOLS, wordless

    if found.features is None:
        yield f"`{found.name}` does not chat: nothing can be lost"
        return
    lost = False
    for feature in HEADINGS:
        for place, loss in enumerate(losses(found, feature)):
            if place == 0:
                yield f"{feature} ({MEANINGS[feature]}) is not sure to arrive:"
            yield f"  {loss.said()}"
            lost = True
    if not lost:
        yield "all of it arrives"
    for protocol in PROTOCOLS:
        if names := wordless(protocol):
            yield f"requests to /v1/{protocol} have no words for: {', '.join(names)}"


def _as_json(found: Arrival) -> dict[str, Any]:
    from ...compiler.analysis.features import HEADINGS, losses
    from ...compiler.plan.endpoints import told
    from ...compiler.plan.features import PROTOCOLS, asked_in

    where: dict[str, Any] = {"endpoints": told(found.abilities.endpoints)}
    if found.batches_shown is not None:
        where["batches"] = dict(found.batches_shown)
    if found.features is None:
        return {"features": None, "protocols": {}, "lost": [], **where}

    def shown(features: Features) -> dict[str, Any]:
        return {each: getattr(features, each) for each in HEADINGS}

    return {
        "features": shown(found.features),
        "protocols": {each: shown(asked_in(each, found.features)) for each in PROTOCOLS},
        "lost": [
            {"feature": each, "way": [step.name for step in loss.way], "known": loss.known}
            for each in HEADINGS
            for loss in losses(found, each)
        ],
        **where,
    }
