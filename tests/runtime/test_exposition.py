"""The text of many metrics is the one that `prometheus_client` writes."""

from __future__ import annotations

from math import inf, nan

from prometheus_client.core import (
    CounterMetricFamily,
    Exemplar,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    Timestamp,
)
from prometheus_client.exposition import choose_encoder

from inferc.runtime.gateway.telemetry.metric_families.exposition import Collected, as_text, content_type_for
from inferc.runtime.gateway.telemetry.metric_families.histograms import add_buckets

from ..support.rows import each_row

ACCEPTED = [
    "",
    "text/plain; version=1.0.0; escaping=allow-utf-8",
    "application/openmetrics-text; version=0.0.1",
    "application/openmetrics-text; version=1.0.0; escaping=underscores",
    "application/openmetrics-text; version=1.0.0; escaping=allow-utf-8",
    "application/openmetrics-text; version=1.0.0; escaping=values",
    "text/plain; version=1.0.0; escaping=dots",
]
NAMES = ["gpt", 'a"b', "a\\b", "a\nb", "ü", "", '\\n"']
VALUES = [0, 1, 1.0, True, False, 0.1, 1e20, 123456789012, -3.5, inf, -inf, nan, 1e-9, 100000.0, 1234567.0]


def families(rows: int) -> list[Metric]:
    gauge = GaugeMetricFamily("a_gauge", "One\nline", labels=("zone", "deployment"))
    counter = CounterMetricFamily("a_counter", 'Of "all"', labels=("deployment",))
    dated = CounterMetricFamily("dated", "With the time of their beginning", labels=("deployment",))
    took = HistogramMetricFamily("took_seconds", "How long", labels=("deployment", "part"), unit="seconds")
    summed = GaugeMetricFamily("summed", "Each and all together", labels=("zone",))
    shown = HistogramMetricFamily("shown", "With examples", labels=("deployment",))
    for row in range(rows):
        name, value = NAMES[row % len(NAMES)] + str(row), VALUES[row % len(VALUES)]
        gauge.add_metric((f"z{row}", name), value)
        summed.add_metric((name,), value)
        counter.add_metric((name,), row)
        dated.add_metric((name,), row, created=1.5)
        add_buckets(took, (name, "whole"), (0.1, 1, 10.0), (row, 0, 2, 1), row / 7)
        example = Exemplar({"trace_id": "ab"}, 0.5, Timestamp(5, 10))
        add_buckets(shown, (name,), (1.0,), (row, 1), 2.5, {0: example} if row % 2 else {})
    summed.add_sample("summed", {}, rows)
    return [gauge, summed, GaugeMetricFamily("alone", "Without labels", value=3), counter, dated, took, shown]


@each_row("accept", ACCEPTED)
@each_row("rows", [0, 1, 40, 120])
def test_the_text_is_that_of_the_library(rows: int, accept: str) -> None:
    encode, content_type = choose_encoder(accept)
    assert content_type_for(accept) == content_type
    assert as_text(families(rows), accept).decode() == encode(Collected(families(rows))).decode()
    assert as_text([], accept) == encode(Collected([]))


def test_a_row_of_buckets_is_that_of_the_library() -> None:
    ours, theirs = (HistogramMetricFamily("h", "H", labels=("a", "b")) for _ in range(2))
    example = Exemplar({"trace_id": "ab"}, 0.5, Timestamp(5, 10))
    add_buckets(ours, ("x", "y"), (0.5, 1), (1, 0, 2), 4.5, {2: example})
    theirs.add_metric(("x", "y"), [("0.5", 1), ("1.0", 1), ("+Inf", 3, example)], 4.5)  # type: ignore[list-item]
    assert ours.samples == theirs.samples
