"""A dashboard for Grafana: what is asked, what fails, how long it takes, what it costs, and how all is.

Each panel is a row of the table below; the metrics are those of `docs/operations.md`. Source: the JSON model
of Grafana's dashboards, schema version 39.
"""

from __future__ import annotations

import json
from typing import Any

from ...dsl.record import frozen
from ..plan import Plan
from .workloads import Options

_WIDTH, _HEIGHT = 12, 8


@frozen
class Panel:
    """title, unit in Grafana's words, and the queries with their legends."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    kind: str = "timeseries"


def _quantile(share: str, metric: str, only: str) -> str:
    return f"histogram_quantile({share}, sum by (le, deployment) (rate({metric}_bucket{only}[5m])))"


_DURATION, _FIRST = "inferc_request_duration_seconds", "gen_ai_server_time_to_first_token_seconds"
_FAILED = 'inferc_requests_total{$only,outcome!~"ok|cancelled"}'

PANELS: tuple[Panel, ...] = (
    Panel(
        "Requests",
        "reqps",
        (("sum by (deployment) (rate(inferc_requests_total{$only}[5m]))", "{{deployment}}"),),
    ),
    Panel(
        "Failures",
        "reqps",
        (
            (
                f"sum by (deployment, outcome) (rate({_FAILED}[5m]))",
                "{{deployment}} {{outcome}}",
            ),
        ),
    ),
    Panel(
        "Duration",
        "s",
        (
            (_quantile("0.5", _DURATION, "{$only}"), "{{deployment}} p50"),
            (_quantile("0.99", _DURATION, "{$only}"), "{{deployment}} p99"),
        ),
    ),
    Panel("Time to the first token, p95", "s", ((_quantile("0.95", _FIRST, "{$only}"), "{{deployment}}"),)),
    Panel(
        "Running and waiting",
        "short",
        (
            ("sum by (deployment) (inferc_requests_running{$only})", "{{deployment}} running"),
            ("sum by (deployment) (inferc_requests_waiting{$only})", "{{deployment}} waiting"),
        ),
    ),
    Panel(
        "Tokens",
        "short",
        (("sum by (deployment, kind) (rate(inferc_tokens_total{$only}[5m]))", "{{deployment}} {{kind}}"),),
    ),
    Panel(
        "Dollars an hour, by key",
        "currencyUSD",
        (("3600 * sum by (key) (rate(inferc_spent_dollars_total[5m]))", "{{key}}"),),
    ),
    Panel(
        "Budgets",
        "currencyUSD",
        (
            ("max by (deployment, window) (inferc_budget_spent_dollars{$only})", "{{deployment}} {{window}}"),
            ("max by (whose, window) (inferc_shared_budget_spent_dollars)", "{{whose}} {{window}}"),
        ),
    ),
    Panel(
        "Open circuits, holds and refused keys",
        "short",
        (
            ("max by (deployment, replica) (inferc_circuit_open{$only})", "{{deployment}} {{replica}} open"),
            (
                "max by (deployment, replica) (inferc_hold_seconds{$only} > bool 0)",
                "{{deployment}} {{replica}} held",
            ),
            (
                "max by (deployment, replica) (inferc_key_refused{$only})",
                "{{deployment}} {{replica}} refused",
            ),
        ),
    ),
    Panel(
        "Failover",
        "reqps",
        (
            (
                "sum by (route, member, reason) (rate(inferc_route_moves_total[5m]))",
                "{{route}}: {{member}} {{reason}}",
            ),
        ),
    ),
    Panel(
        "Rows of a run",
        "short",
        (
            (
                "sum by (deployment) (rate(inferc_run_rows_sum{$only}[5m])) / "
                "sum by (deployment) (rate(inferc_run_rows_count{$only}[5m]))",
                "{{deployment}}",
            ),
        ),
    ),
    Panel(
        "Replicas that are ready",
        "short",
        (("sum by (deployment) (inferc_replica_ready{$only})", "{{deployment}}"),),
    ),
    Panel(
        "Errors by code", "reqps", (("sum by (code) (rate(inferc_gateway_errors_total[5m]))", "{{code}}"),)
    ),
    Panel(
        "Event loop lag, memory",
        "short",
        (
            ("max by (instance) (inferc_event_loop_lag_seconds)", "{{instance}} lag"),
            ("process_resident_memory_bytes / 1e9", "{{instance}} GB"),
        ),
    ),
)


def grafana(name: str, plan: Plan, options: Options) -> dict[str, str]:
    """The dashboard, to be imported or provisioned."""
    board = {
        "title": f"inferc: {name}",
        "uid": f"inferc-{name}"[:40],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "tags": ["inferc"],
        "timezone": "",
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [_datasource(), _deployments()]},
        "panels": [_panel(number, each) for number, each in enumerate(PANELS)],
    }
    return {f"{name}.dashboard.json": json.dumps(board, indent=2, ensure_ascii=False) + "\n"}


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    return {
        "id": number + 1,
        "title": panel.title,
        "type": panel.kind,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "gridPos": {
            "x": number % 2 * _WIDTH,
            "y": number // 2 * _HEIGHT,
            "w": _WIDTH,
            "h": _HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "expr": expr.replace("$only", 'deployment=~"$deployment"'),
                "legendFormat": legend,
            }
            for index, (expr, legend) in enumerate(panel.queries)
        ],
    }


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}


def _deployments() -> dict[str, Any]:
    return {
        "name": "deployment",
        "type": "query",
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "query": {"query": "label_values(inferc_replica_ready, deployment)", "refId": "A"},
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }
