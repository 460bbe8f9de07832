"""How everything is: replicas, policies, guards, budgets and worker processes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from ....concurrency.loop_lag import LoopLag
from ....executor import Executor
from ....serving.deployment import Deployment
from .histograms import add_buckets

if TYPE_CHECKING:
    from ....serving.pipelines.workers.pool import PoolStatus

_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def of_process(executor: Executor, lag: LoopLag) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "inferc_reload_problems",
        "What the last reload could not take over; 0 after a good one",
        value=len(executor.reload_problems),
    )
    state = executor.state
    if state is not None and (state.spend or state.limits):
        yield GaugeMetricFamily(
            "inferc_state_available",
            "0 while what processes share, or keep over a restart, cannot be reached",
            value=not state.problems.now,
        )
    yield GaugeMetricFamily(
        "inferc_event_loop_lag_seconds",
        "How late the event loop was at worst since this was asked last",
        value=lag.take(),
    )


def of_workers(pools: Iterable[PoolStatus]) -> Iterable[Metric]:
    """Of each extern, and of what the language computes outside of the executor, `built-in`."""
    there = GaugeMetricFamily("inferc_workers", "Processes there are", labels=("extern",))
    running = GaugeMetricFamily("inferc_worker_calls_running", "Calls that they have", labels=("extern",))
    waiting = GaugeMetricFamily("inferc_worker_calls_waiting", "Calls that wait for one", labels=("extern",))
    ended = CounterMetricFamily(
        "inferc_workers_ended",
        "Processes that were replaced: killed because a call took too long, or crashed",
        labels=("extern", "reason"),
    )
    for each in pools:
        there.add_metric((each.name,), each.workers)
        running.add_metric((each.name,), each.running)
        waiting.add_metric((each.name,), each.waiting)
        ended.add_metric((each.name, "killed"), each.killed)
        ended.add_metric((each.name, "crashed"), each.crashed)
    return there, running, waiting, ended


def of_replicas(deployments: Iterable[Deployment]) -> Iterable[Metric]:
    where = ("deployment", "replica")
    ready = GaugeMetricFamily("inferc_replica_ready", "1 when the replica takes requests", labels=where)
    providers = GaugeMetricFamily(
        "inferc_replica_provider",
        "1 for each execution provider that is used, 0 for each that was asked for and is missing",
        labels=(*where, "provider"),
    )
    warnings = GaugeMetricFamily(
        "inferc_replica_warnings",
        "How much is not as it was asked for: `inferc status` says what",
        labels=where,
    )
    sizes = HistogramMetricFamily(
        "inferc_run_rows", "Rows, or texts, that one run of the model had", labels=where
    )
    in_place = CounterMetricFamily(
        "inferc_runs_in_place",
        "Runs of the model that were so quick that they were made on the event loop, without a thread",
        labels=where,
    )
    for each in deployments:
        for index, status in enumerate(each.status()):
            labels = (each.name, str(index))
            ready.add_metric(labels, status.ready)
            warnings.add_metric(labels, len(status.warnings))
            for provider in status.providers:
                providers.add_metric((*labels, provider), 1)
            for provider in status.missing:
                providers.add_metric((*labels, provider), 0)
            if status.providers:
                runs = dict(status.run_sizes)
                counts = [0] * (len(_SIZES) + 1)
                for rows, count in runs.items():
                    counts[next((at for at, size in enumerate(_SIZES) if rows <= size), -1)] += count
                total = sum(rows * count for rows, count in runs.items())
                add_buckets(sizes, labels, _SIZES, counts, total)
                in_place.add_metric(labels, status.run_sizes.in_place)
    return ready, providers, warnings, sizes, in_place


def of_policies(deployments: Iterable[Deployment]) -> Iterable[Metric]:
    circuits = GaugeMetricFamily(
        "inferc_circuit_open",
        "1 while the endpoint of the replica is left alone",
        labels=("deployment", "replica"),
    )
    held = GaugeMetricFamily(
        "inferc_hold_seconds",
        "For how long nothing is sent, because the provider asked to wait",
        labels=("deployment", "replica"),
    )
    refused = GaugeMetricFamily(
        "inferc_key_refused",
        "1 while the replica gets no requests, because its key was refused",
        labels=("deployment", "replica"),
    )
    spent = GaugeMetricFamily(
        "inferc_budget_spent_dollars",
        "Spent within each window that has a ceiling",
        labels=("deployment", "window"),
    )
    limits = GaugeMetricFamily(
        "inferc_concurrency_limit",
        "Requests that may run at the same time, where that follows how the model answers",
        labels=("deployment",),
    )
    now = asyncio.get_running_loop().time()
    for each in deployments:
        if each.adaptive is not None:
            limits.add_metric((each.name,), each.limit)
        for index, policies in enumerate(each.policies):
            if policies is None:
                continue
            circuits.add_metric((each.name, str(index)), not policies.breaker.is_closed)
            held.add_metric((each.name, str(index)), policies.limiter.held_for(now))
            refused.add_metric((each.name, str(index)), index in each.refused)
            if index == 0 and policies.budget:
                for window, dollars in policies.budget.spent(now + policies.epoch).items():
                    spent.add_metric((each.name, window), dollars)
    return circuits, held, refused, spent, limits


def of_guards(executor: Executor) -> Iterator[Metric]:
    if executor.now.guards is None:
        return
    seen = CounterMetricFamily(
        "inferc_guard_seen",
        "Requests, and answers or pieces of them, that guards have seen",
        labels=("guard", "direction", "outcome"),
    )
    for guard in executor.now.guards.all:
        for (direction, outcome), count in guard.counters.outcomes.items():
            seen.add_metric((guard.plan.name, direction, outcome), count)
    yield seen


def of_shared_budgets(executor: Executor) -> Metric:
    spent = GaugeMetricFamily(
        "inferc_shared_budget_spent_dollars",
        "Spent within each window that has a ceiling, by the gateway and by routes",
        labels=("whose", "window"),
    )
    for whose, dollars in executor.spent().items():
        for window, amount in dollars.items():
            spent.add_metric((whose, window), amount)
    return spent
