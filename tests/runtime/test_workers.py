"""What several workers say of themselves, as one server says it; and their parts of a plan."""

from __future__ import annotations

from attrs import evolve
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from inferc.compiler.plan import Plan
from inferc.runtime.gateway.workers.merging import (
    merged_cost,
    merged_metrics,
    merged_status,
    metrics_as_json,
)
from inferc.runtime.gateway.workers.part import part_of

from ..support.remote import plan_of, remote_plan


def deployment(running: int, *, ready: bool = True, circuit_open: bool = False) -> dict[str, object]:
    replica = {"ready": ready, "circuit_open": circuit_open, "held_seconds": running, "warnings": []}
    return {"name": "gpt", "ready": ready, "running": running, "drained": False, "replicas": [replica]}


def test_status_adds_up_what_is_done_and_says_once_what_is_shared() -> None:
    one = {
        "status": "ok",
        "deployments": [deployment(2)],
        "keys": [{"name": "team", "requests": {"ok": 3}, "cost": 0.5, "budget": {"day": 2.0}}],
        "budgets": {"gateway": {"day": 2.0}},
        "findings": [{"part": "state", "reason": "away"}],
    }
    other = {
        "status": "degraded",
        "deployments": [deployment(3, ready=False, circuit_open=True)],
        "keys": [{"name": "team", "requests": {"ok": 1, "x": 2}, "cost": 0.25, "budget": {"day": 2.5}}],
        "budgets": {"gateway": {"day": 2.5}},
        "findings": [{"part": "state", "reason": "away"}],
    }
    found = merged_status([one, other])
    assert found["status"] == "degraded"
    [gpt] = found["deployments"]
    assert (gpt["running"], gpt["ready"]) == (5, False)
    assert gpt["replicas"][0]["circuit_open"]
    assert gpt["replicas"][0]["held_seconds"] == 3
    [key] = found["keys"]
    assert (key["requests"], key["cost"], key["budget"]) == ({"ok": 4, "x": 2}, 0.75, {"day": 2.5})
    assert found["budgets"] == {"gateway": {"day": 2.5}}
    assert found["findings"] == one["findings"]


def test_metrics_add_up_but_those_that_all_workers_share() -> None:
    def counted(count: int, spent: float, ready: int) -> list[list[object]]:
        requests = CounterMetricFamily("inferc_requests", "", labels=("outcome",))
        requests.add_metric(("ok",), count)
        budget = GaugeMetricFamily("inferc_budget_spent_dollars", "", value=spent)
        return metrics_as_json([requests, budget, GaugeMetricFamily("inferc_replica_ready", "", value=ready)])

    values = {
        metric.name: [(sample.name, sample.labels, sample.value) for sample in metric.samples]
        for metric in merged_metrics([counted(2, 5.0, 1), counted(3, 7.0, 0)])
    }
    assert values == {
        "inferc_requests": [("inferc_requests_total", {"outcome": "ok"}, 5)],
        "inferc_budget_spent_dollars": [("inferc_budget_spent_dollars", {}, 7.0)],
        "inferc_replica_ready": [("inferc_replica_ready", {}, 0)],
    }


def test_costs_of_the_same_group_add_up() -> None:
    def told(name: str, cost: float, since: float) -> dict[str, object]:
        spent = {"requests": 1, "prompt_tokens": 2, "completion_tokens": 3, "cost": cost, "unpriced": 0}
        return {"since": since, "rows": [{"group": [name], **spent}]}

    found = merged_cost([told("a", 1.0, 20.0), told("b", 1.5, 10.0), told("a", 1.0, 30.0)])
    assert found["since"] == 10.0
    assert [(row["group"], row["cost"], row["requests"]) for row in found["rows"]] == [
        (["a"], 2.0, 2),
        (["b"], 1.5, 1),
    ]


def test_parts_of_a_plan_add_up_to_it() -> None:
    remote = remote_plan("gpt", "http://127.0.0.1:9")
    plan = plan_of(evolve(remote, serving=evolve(remote.serving, max_concurrent=7)))

    def slots(part: Plan) -> int:
        return part.deployments[0].serving.max_concurrent

    assert [slots(part_of(plan, index, 3)) for index in range(3)] == [3, 2, 2]
    assert part_of(plan, 0, 1) is plan


def test_what_guards_have_seen_is_added_up() -> None:
    def told(passed: int) -> dict[str, object]:
        return {"guards": [{"name": "g", "seen": {"request": {"passed": passed}, "answer": {}}}]}

    [guard] = merged_status([told(2), told(3)])["guards"]
    assert guard["seen"] == {"request": {"passed": 5}, "answer": {}}
