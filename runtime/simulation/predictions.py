"""What is said of the requests of a log before they come again: the median of several runs, and how far those
are apart.

Chance decides when a retry is sent, and so who finds the last slot, or the last second before a deadline: one
run is one of many that might have been.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from attrs import frozen

from .runs import Run

SEEDS = 5
"""Runs of a log that is played, from as many seeds."""
LONG = 20_000
"""Requests from which on one run says enough: chance evens out, and more take long."""

MEASURES: dict[str, Callable[[Run], float | None]] = {
    "p50": lambda run: run.tally.percentile(0.5),
    "p99": lambda run: run.tally.percentile(0.99),
    "failures": lambda run: round(run.tally.failures * run.scale),
    "429": lambda run: round(run.tally.limited * run.scale),
    "cost": lambda run: run.cost,
}


@frozen
class Predicted:
    """value: the median of all runs; None: not known. least, most: of all of them."""

    value: float | None
    least: float | None
    most: float | None


def runs_for(requests: int) -> int:
    """How often so many requests are played."""
    return SEEDS if requests <= LONG else 1


def predicted(runs: Sequence[Run]) -> dict[str, Predicted]:
    """Each measure, over all runs."""
    return {name: _over([measure(run) for run in runs]) for name, measure in MEASURES.items()}


def _over(values: Sequence[float | None]) -> Predicted:
    known = [each for each in values if each is not None]
    return Predicted(median(known), min(known), max(known)) if known else Predicted(None, None, None)
