"""Rules for Prometheus: what somebody should look at, and what cannot wait, with tests for promtool.

They name the metrics of `docs/operations.md`, and the ceilings that the file sets.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import field

from ...dsl.record import frozen
from ..plan import Plan, RemotePoolPlan
from .quoting import environment, promql_literal, yaml_literal
from .workloads import Options

NEAR = 0.8
"""The share of a budget from which on its owner hears of it."""


@frozen
class Alert:
    """A rule.

    series: what a test feeds it so that it fires, by series of one sample a minute. marks: labels by which it
    differs from others of its name.
    """

    name: str
    expr: str
    wait: str
    severity: str
    summary: str
    series: tuple[tuple[str, str], ...]
    labels: dict[str, str]
    marks: dict[str, str] = field(factory=dict)

    @property
    def test_labels(self) -> dict[str, str]:
        """Of the alert that the test expects."""
        return {**self.own_labels, **self.labels}

    @property
    def own_labels(self) -> dict[str, str]:
        """Those that the rule gives it."""
        return {"severity": self.severity, **self.marks}

    @property
    def test_summary(self) -> str:
        """What the alert then says."""
        text = self.summary
        for name, value in self.labels.items():
            text = text.replace("{{ $labels.%s }}" % name, value)  # noqa: UP031
        return text


def prometheus(name: str, plan: Plan, options: Options) -> dict[str, str]:
    """The rules, and their tests."""
    templates = environment(yaml_literal)
    return {
        path: templates.get_template(f"{path}.j2").render(name=name, alerts=list(alerts(plan)))
        for path in ("rules.yaml", "rules.test.yaml")
    }


def alerts(plan: Plan) -> Iterator[Alert]:
    """The rules for a plan."""
    pool = {"deployment": "a", "replica": "0"}
    yield Alert(
        "InfercCircuitOpen",
        "inferc_circuit_open == 1",
        "2m",
        "warning",
        "{{ $labels.deployment }} is left alone, because it keeps failing",
        (('inferc_circuit_open{deployment="a",replica="0"}', "1+0x30"),),
        pool,
    )
    yield Alert(
        "InfercHeld",
        "inferc_hold_seconds > 60",
        "2m",
        "warning",
        "the provider of {{ $labels.deployment }} asked to wait for more than a minute",
        (('inferc_hold_seconds{deployment="a",replica="0"}', "300+0x30"),),
        pool,
    )
    yield Alert(
        "InfercKeyRefused",
        "inferc_key_refused == 1",
        "0m",
        "critical",
        "the provider of {{ $labels.deployment }} refuses the key of replica {{ $labels.replica }}",
        (('inferc_key_refused{deployment="a",replica="0"}', "1+0x30"),),
        pool,
    )
    yield Alert(
        "InfercReplicaNotReady",
        "inferc_replica_ready == 0",
        "5m",
        "critical",
        "replica {{ $labels.replica }} of {{ $labels.deployment }} takes no requests",
        (('inferc_replica_ready{deployment="a",replica="0"}', "0+0x30"),),
        pool,
    )
    yield Alert(
        "InfercQueue",
        "inferc_requests_waiting > inferc_requests_running",
        "5m",
        "warning",
        "more requests wait for {{ $labels.deployment }} than it answers",
        (
            ('inferc_requests_waiting{deployment="a"}', "50+0x30"),
            ('inferc_requests_running{deployment="a"}', "32+0x30"),
        ),
        {"deployment": "a"},
    )
    yield Alert(
        "InfercFailing",
        'sum by (deployment) (rate(inferc_requests_total{outcome!~"ok|cancelled"}[5m])) > '
        "0.05 * sum by (deployment) (rate(inferc_requests_total[5m]))",
        "5m",
        "critical",
        "more than 5 % of the requests to {{ $labels.deployment }} fail",
        (
            ('inferc_requests_total{deployment="a",outcome="ok"}', "0+60x30"),
            ('inferc_requests_total{deployment="a",outcome="server_error"}', "0+30x30"),
        ),
        {"deployment": "a"},
    )
    yield Alert(
        "InfercSlow",
        "histogram_quantile(0.99, sum by (deployment, le) "
        f"(rate(inferc_request_duration_seconds_bucket[5m]))) > {_slow(plan):g}",
        "10m",
        "warning",
        f"one request of a hundred to {{{{ $labels.deployment }}}} takes longer than {_slow(plan):g} s",
        (
            ('inferc_request_duration_seconds_bucket{deployment="a",le="1.0"}', "0+0x30"),
            (f'inferc_request_duration_seconds_bucket{{deployment="a",le="{_slow(plan) * 4:g}"}}', "0+60x30"),
            ('inferc_request_duration_seconds_bucket{deployment="a",le="+Inf"}', "0+60x30"),
        ),
        {"deployment": "a"},
    )
    yield Alert(
        "InfercReloadFailed",
        "inferc_reload_problems > 0",
        "0m",
        "warning",
        "a changed file was not taken over: what was served before goes on",
        (("inferc_reload_problems", "1+0x30"),),
        {},
    )
    yield Alert(
        "InfercStateLost",
        "inferc_state_available == 0",
        "1m",
        "critical",
        "spend and shared limits cannot be kept",
        (("inferc_state_available", "0+0x30"),),
        {},
    )
    yield Alert(
        "InfercLoopLag",
        "inferc_event_loop_lag_seconds > 0.5",
        "2m",
        "warning",
        "something holds the event loop for more than half a second",
        (("inferc_event_loop_lag_seconds", "1+0x30"),),
        {},
    )
    yield from _budgets(plan)


def _budgets(plan: Plan) -> Iterator[Alert]:
    for each in plan.deployments:
        if isinstance(each, RemotePoolPlan) and each.budget is not None:
            for window, ceiling in each.budget.ceilings().items():
                labels = {"deployment": str(each.deployment), "window": window}
                yield _budget(
                    "inferc_budget_spent_dollars", labels, float(ceiling), f"deployment {each.deployment}"
                )
    shared = [("gateway", plan.gateway.budget), *((f"route {r.route}", r.budget) for r in plan.routes)]
    for whose, budget in shared:
        if budget is not None:
            for window, ceiling in budget.ceilings().items():
                labels = {"whose": whose, "window": window}
                yield _budget("inferc_shared_budget_spent_dollars", labels, float(ceiling), whose)


def _budget(metric: str, labels: dict[str, str], ceiling: float, whose: str) -> Alert:
    series = _series(metric, labels)
    return Alert(
        "InfercBudgetNear",
        f"max without (instance, pod) ({series}) > {NEAR * ceiling:g}",
        "1m",
        "warning",
        _harmless(f"{whose} has spent {NEAR:.0%} of ${ceiling:g}, its budget for a {labels['window']}"),
        ((series, f"{ceiling:g}+0x30"),),
        labels,
        {"budget": _harmless(f"{whose}, {labels['window']}")},
    )


def _series(metric: str, labels: dict[str, str]) -> str:
    return metric + "{" + ",".join(f"{name}={promql_literal(value)}" for name, value in labels.items()) + "}"


def _harmless(text: str) -> str:
    """`text`, where nothing begins a template of Prometheus's."""
    return text.replace("{{", "{ {")


def _slow(plan: Plan) -> float:
    """Seconds that no request should take: as long as the slowest deployment waits for a first byte."""
    waits = [float(each.timeouts.request) for each in plan.deployments if isinstance(each, RemotePoolPlan)]
    return max(waits, default=30.0)
