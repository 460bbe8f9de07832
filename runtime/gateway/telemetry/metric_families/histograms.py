"""Histograms, as Prometheus has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType

from prometheus_client.core import Exemplar, HistogramMetricFamily, Sample, Timestamp

from ....serving.counters import Durations

NO_EXAMPLES: Mapping[int, Exemplar] = MappingProxyType({})


def add_durations(metric: HistogramMetricFamily, labels: Sequence[str], durations: Durations) -> None:
    """To `metric`, those of one who has these labels, if there are any yet, with the traces of some."""
    if not any(durations.buckets):
        return
    examples = {
        place: Exemplar({"trace_id": trace_id}, value, Timestamp(int(at), int(at % 1 * 1e9)))
        for place, (trace_id, value, at) in durations.examples.items()
    }
    add_buckets(metric, labels, durations.bounds, durations.buckets, durations.seconds, examples)


def add_buckets(
    metric: HistogramMetricFamily,
    labels: Sequence[str],
    bounds: Iterable[float],
    counts: Iterable[int],
    total: float,
    examples: Mapping[int, Exemplar] = NO_EXAMPLES,
) -> None:
    """What `add_metric` does, which makes the labels of each bucket anew. counts: between two bounds each."""
    name, same = metric.name, dict(zip(metric._labelnames, labels, strict=True))
    bucket, made = f"{name}_bucket", metric.samples
    below = 0
    for place, (end, count) in enumerate(zip(_ends(tuple(bounds)), counts, strict=True)):
        below += count
        made.append(Sample(bucket, {**same, "le": end}, below, None, examples.get(place)))
    made.append(Sample(f"{name}_count", same, below))
    made.append(Sample(f"{name}_sum", same, total))


@cache
def _ends(bounds: tuple[float, ...]) -> tuple[str, ...]:
    """Where buckets end, as Prometheus writes it: each holds all that is not above its bound."""
    return (*(f"{float(bound)}" for bound in bounds), "+Inf")
