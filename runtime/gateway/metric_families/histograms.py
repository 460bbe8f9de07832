"""Histograms, as Prometheus has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client.core import Exemplar, HistogramMetricFamily, Timestamp

from ...serving.counters import Durations


def add_durations(metric: HistogramMetricFamily, labels: Sequence[str], durations: Durations) -> None:
    """To `metric`, those of one who has these labels, if there are any yet, with the traces of some."""
    if not any(durations.buckets):
        return
    buckets: list[Any] = cumulative(durations.bounds, durations.buckets)
    for place, (trace_id, value, at) in durations.examples.items():
        example = Exemplar({"trace_id": trace_id}, value, Timestamp(int(at), int(at % 1 * 1e9)))
        buckets[place] = (*buckets[place], example)
    metric.add_metric(labels, buckets, durations.seconds)


def cumulative(bounds: Iterable[float], counts: Iterable[int]) -> list[tuple[str, float]]:
    """Buckets as Prometheus has them: each holds all that is not above its bound."""
    ends = (*(f"{float(bound)}" for bound in bounds), "+Inf")
    return list(zip(ends, accumulate(counts), strict=True))
