"""What several workers say of themselves, as one server says it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prometheus_client.core import Exemplar, Metric, Timestamp

from ..telemetry.accounting import Spend
from ..telemetry.stories import LAST, MOST

NOBODY = "no worker answers: they are being replaced"

Told = list[Any]
"""A metric as JSON: its name, documentation, kind and samples."""

_SUMMED = frozenset({"running", "waiting", "tokens", "cost", "limits_used"})
_SUMMED_IN = frozenset({"requests", "request", "answer"})
_ALL = frozenset({"ready", "available"})
_BY_PLACE = frozenset({"replicas"})

_LARGEST = frozenset(
    {
        "inferc_reload_problems",
        "inferc_circuit_open",
        "inferc_hold_seconds",
        "inferc_key_refused",
        "inferc_event_loop_lag_seconds",
        "inferc_budget_spent_dollars",
        "inferc_shared_budget_spent_dollars",
        "process_max_fds",
    }
)
_SMALLEST = frozenset(
    {
        "inferc_replica_ready",
        "inferc_replica_provider",
        "inferc_state_available",
        "process_start_time_seconds",
    }
)


def metrics_of(ready: int, replaced: int, problems: int) -> list[Told]:
    """What no worker knows of itself. problems: what stood in the way of the last reload."""
    name = "inferc_gateway_workers_replaced"
    found = (
        ("inferc_reload_problems", "", "gauge", problems),
        ("inferc_gateway_workers", "Processes that answer requests", "gauge", ready),
        (name, "Processes that died, and were replaced", "counter", replaced),
    )
    return [
        [name, doc, kind, [[name + ("_total" if kind == "counter" else ""), {}, value, None]]]
        for name, doc, kind, value in found
    ]


def merged_status(told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How all workers are: what they do is added up, what they share is told once."""
    return {key: _merged(key, [each[key] for each in told if key in each]) for key in _keys(told)}


def _merged(key: str, values: Sequence[Any]) -> Any:
    present = [each for each in values if each is not None]
    if not present:
        return None
    first = present[0]
    if isinstance(first, Mapping):
        summed = key in _SUMMED_IN
        return {
            inner: sum(each.get(inner, 0) for each in present)
            if summed
            else _merged(inner, [each[inner] for each in present if inner in each])
            for inner in _keys(present)
        }
    if isinstance(first, list | tuple):
        return _merged_list(key, present)
    if isinstance(first, bool):
        return all(present) if key in _ALL else any(present)
    if isinstance(first, int | float):
        return sum(present) if key in _SUMMED else max(present)
    return _worst(present) if key == "status" else first


def _merged_list(key: str, lists: Sequence[Sequence[Any]]) -> list[Any]:
    if key in _BY_PLACE:
        most = max(map(len, lists))
        return [_merged("", [each[place] for each in lists if place < len(each)]) for place in range(most)]
    named: dict[str, list[Any]] = {}
    others: list[Any] = []
    for each in (item for items in lists for item in items):
        if isinstance(each, Mapping) and "name" in each:
            named.setdefault(each["name"], []).append(each)
        elif each not in others:
            others.append(each)
    return [*(_merged("", each) for each in named.values()), *others]


def _worst(told: Sequence[str]) -> str:
    order = ("ok", "degraded", "not_ready")
    return max(told, key=lambda each: order.index(each) if each in order else len(order))


def _keys(told: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for each in told for key in each))


def metrics_as_json(metrics: Iterable[Metric]) -> list[Told]:
    """`metrics`, for another process."""
    return [
        [
            each.name,
            each.documentation,
            each.type,
            [[sample.name, sample.labels, sample.value, _told(sample.exemplar)] for sample in each.samples],
        ]
        for each in metrics
    ]


def merged_metrics(told: Iterable[list[Told]]) -> list[Metric]:
    """The metrics of all workers: counts and sums are added up; of what they share, one says it."""
    metrics: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], tuple[float, Any]]] = {}
    for name, documentation, kind, samples in (metric for each in told for metric in each):
        metrics.setdefault(name, Metric(name, documentation, kind))
        found = values.setdefault(name, {})
        for sample, labels, value, exemplar in samples:
            place = sample, tuple(labels.items())
            before, last = found.get(place, (None, None))
            found[place] = value if before is None else _together(name, before, value), exemplar or last
    for name, metric in metrics.items():
        for (sample, labels), (value, exemplar) in values[name].items():
            metric.add_sample(sample, dict(labels), value, exemplar=_exemplar(exemplar))
    return list(metrics.values())


def _together(name: str, one: float, other: float) -> float:
    if name in _LARGEST:
        return max(one, other)
    return min(one, other) if name in _SMALLEST else one + other


def _told(exemplar: Exemplar | None) -> list[Any] | None:
    if exemplar is None:
        return None
    at = None if exemplar.timestamp is None else float(exemplar.timestamp)
    return [exemplar.labels, exemplar.value, at]


def _exemplar(told: list[Any] | None) -> Exemplar | None:
    if told is None:
        return None
    labels, value, at = told
    return Exemplar(labels, value, None if at is None else Timestamp(int(at), int(at % 1 * 1e9)))


def merged_cost(told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all workers have spent, by the same groups."""
    rows: dict[tuple[str, ...], dict[str, float]] = {}
    for row in (row for each in told for row in each["rows"]):
        group = tuple(row["group"])
        spent = rows.setdefault(group, dict.fromkeys(Spend().as_json(), 0))
        for name in spent:
            spent[name] += row[name]
    ordered = sorted(rows.items(), key=lambda each: (-each[1]["cost"], -each[1]["requests"], each[0]))
    return {
        "since": min(each["since"] for each in told),
        "rows": [{"group": list(group), **spent} for group, spent in ordered],
    }


def merged_stories(told: Sequence[Mapping[str, Any]], asked: Mapping[str, Any]) -> dict[str, Any]:
    """The story of a request, whichever worker answered it; or the last requests of all of them."""
    if asked.get("id") is None:
        requests = [request for each in told for request in each.get("requests", ())]
        recent = asked.get("recent")
        most = 2 * min(recent, MOST) if type(recent) is int and recent > 0 else LAST
        return {"requests": sorted(requests, key=lambda each: float(each["time"]))[-most:]}
    found = next((each for each in told if "refused" not in each), None)
    return dict(found or (told[0] if told else {"refused": NOBODY}))
