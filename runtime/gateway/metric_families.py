"""What `GET /metrics` tells, as families of metrics: what was answered, and how everything is.

Nothing is computed before it is asked for. Labels hold names of the plan and words of inferc alone: no
label ever comes from a request, a provider or a secret.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from prometheus_client import ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    Exemplar,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    Timestamp,
)

from ...compiler.plan import RemotePoolPlan, TaskKind
from ..concurrency.loop_lag import LoopLag
from ..executor import Executor
from ..requests.usage import PICODOLLARS
from ..serving.counters import Counters, Durations
from ..serving.deployment import Deployment
from .accounting import Accounting
from .gen_ai import OPERATIONS, provider_name

if TYPE_CHECKING:
    from ..serving.pipelines.pipeline import Pipeline
    from ..serving.pipelines.workers.pool import PoolStatus
    from ..serving.routes.route import Route

_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_process = ProcessCollector(registry=None)


def everything(
    executor: Executor, accounting: Accounting, lag: LoopLag, refused: Mapping[str, int]
) -> Iterator[Metric]:
    """All that is told. refused: how many requests were answered with each code of an error, at any path."""
    deployments = tuple(executor.deployments.values())
    yield _errors(refused)
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
    yield from traffic(executor, accounting)
    yield from _workers(executor.workers)
    yield from _replicas(deployments)
    yield from _process.collect()


def traffic(executor: Executor, accounting: Accounting) -> Iterator[Metric]:
    """What requests did, and what their policies say."""
    deployments = tuple(executor.deployments.values())
    yield from _keys(accounting)
    yield from _requests(deployments)
    yield from _gen_ai(deployments)
    yield from _routes(executor.routes.values())
    yield from _pipelines(executor.pipelines.values())
    yield from _policies(deployments)
    yield _shared_budgets(executor)
    yield from _guards(executor)


def _errors(refused: Mapping[str, int]) -> Metric:
    errors = CounterMetricFamily(
        "inferc_gateway_errors", "Requests answered with an error, at any path", labels=("code",)
    )
    for code, count in refused.items():
        errors.add_metric((code,), count)
    return errors


def _gen_ai(deployments: Iterable[Deployment]) -> Iterable[Metric]:
    """What the conventions of OpenTelemetry name, as they name it."""
    labels = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "deployment")
    first = HistogramMetricFamily(
        "gen_ai_server_time_to_first_token_seconds",
        "Of streams, from sending the request to the first part of its answer",
        labels=labels,
    )
    per_token = HistogramMetricFamily(
        "gen_ai_server_time_per_output_token_seconds",
        "Of streams, for each token after the first, as far as tokens are told",
        labels=labels,
    )
    operations = HistogramMetricFamily(
        "gen_ai_client_operation_duration_seconds",
        "From sending to the last byte, by the error, where there was one",
        labels=(*labels, "error_type"),
    )
    served = HistogramMetricFamily(
        "gen_ai_server_request_duration_seconds", "From the arrival to the last byte", labels=labels
    )
    usage = HistogramMetricFamily(
        "gen_ai_client_token_usage",
        "Tokens of requests, as far as they are told",
        labels=(*labels, "gen_ai_token_type"),
    )
    waits = HistogramMetricFamily(
        "inferc_queue_wait_seconds",
        "From the arrival at a deployment to sending: for a slot, limits, and earlier attempts",
        labels=("deployment",),
    )
    for each in deployments:
        _add_durations(waits, (each.name,), each.counters.waits)
        if each.task not in OPERATIONS:
            continue
        plan, counters = each.plan, each.counters
        who = ("inferc", each.name)
        if isinstance(plan, RemotePoolPlan):
            who = provider_name(plan.provider), plan.model
        values = (OPERATIONS[each.task], *who, each.name)
        for error, durations in counters.operations.items():
            _add_durations(operations, (*values, error), durations)
        _add_durations(served, values, counters.durations)
        _add_durations(usage, (*values, "input"), counters.input_tokens)
        _add_durations(usage, (*values, "output"), counters.output_tokens)
        if each.task is not TaskKind.EMBED:
            _add_durations(first, values, counters.firsts)
            _add_durations(per_token, values, counters.per_token)
    return first, per_token, operations, served, usage, waits


def _keys(accounting: Accounting) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "inferc_key_requests",
        "Requests by the key they came with, and how they ended",
        labels=("key", "outcome"),
    )
    for (key, outcome), count in accounting.outcomes.items():
        requests.add_metric((key, outcome), count)
    labels = ("key", "model", "deployment")
    tokens = CounterMetricFamily(
        "inferc_spent_tokens",
        "Tokens by who asked, what was asked, and who answered",
        labels=(*labels, "kind"),
    )
    cost = CounterMetricFamily("inferc_spent_dollars", "What they cost, where that is known", labels=labels)
    for row, spend in accounting.totals.items():
        tokens.add_metric((*row, "prompt"), spend.prompt_tokens)
        tokens.add_metric((*row, "completion"), spend.completion_tokens)
        cost.add_metric(row, spend.cost / PICODOLLARS)
    yield from (requests, tokens, cost)


def _requests(deployments: Iterable[Deployment]) -> Iterable[Metric]:
    tokens = CounterMetricFamily(
        "inferc_tokens", "Tokens, as far as they are told", labels=("deployment", "kind")
    )
    adapted = CounterMetricFamily(
        "inferc_requests_adapted",
        "Requests in which something was changed, or left out, for the model",
        labels=("deployment",),
    )
    untold = CounterMetricFamily(
        "inferc_answers_untold",
        "Answers of which the client's protocol has no word for something",
        labels=("deployment",),
    )
    running = GaugeMetricFamily("inferc_requests_running", "Requests with a slot", labels=("deployment",))
    waiting = GaugeMetricFamily(
        "inferc_requests_waiting", "Requests that wait for a slot", labels=("deployment",)
    )
    units = CounterMetricFamily(
        "inferc_units",
        "What is paid for by something else than tokens: searches, pictures, characters, seconds of sound",
        labels=("deployment", "unit"),
    )
    for each in deployments:
        units.add_metric((each.name, "searches"), each.counters.searches)
        units.add_metric((each.name, "images"), each.counters.images)
        units.add_metric((each.name, "characters"), each.counters.characters)
        units.add_metric((each.name, "audio_seconds"), each.counters.audio_ms / 1000)
    for each in deployments:
        tokens.add_metric((each.name, "prompt"), each.counters.prompt_tokens)
        tokens.add_metric((each.name, "completion"), each.counters.completion_tokens)
        adapted.add_metric((each.name,), each.counters.adapted)
        untold.add_metric((each.name,), each.counters.untold)
        running.add_metric((each.name,), each.running)
        waiting.add_metric((each.name,), each.waiting)
    cached = CounterMetricFamily(
        "inferc_cache_requests", "Requests looked up in the cache", labels=("deployment", "result")
    )
    kept = GaugeMetricFamily("inferc_cache_bytes", "Answers that are kept", labels=("deployment",))
    for each in deployments:
        if each.cache is not None:
            cached.add_metric((each.name, "hit"), each.cache.counters.hits)
            cached.add_metric((each.name, "miss"), each.cache.counters.misses)
            kept.add_metric((each.name,), each.cache.size)
    counters = {each.name: each.counters for each in deployments}
    ended = _ended("inferc_requests", "inferc_request", "Requests", "deployment", counters)
    return *ended, tokens, units, adapted, untold, running, waiting, cached, kept


def _routes(routes: Iterable[Route]) -> Iterable[Metric]:
    answers = CounterMetricFamily(
        "inferc_route_answers", "Answers that each member has given", labels=("route", "member")
    )
    moves = CounterMetricFamily(
        "inferc_route_moves",
        "Requests for which another member was asked, and why: what this one did",
        labels=("route", "member", "reason"),
    )
    counters = {each.name: each.counters for each in routes}
    for name, its in counters.items():
        for member, count in its.answers.items():
            answers.add_metric((name, member), count)
        for (member, reason), count in its.moves.items():
            moves.add_metric((name, member, reason), count)
    ended = _ended("inferc_route_requests", "inferc_route", "Requests", "route", counters)
    return *ended, answers, moves


def _pipelines(pipelines: Iterable[Pipeline]) -> Iterable[Metric]:
    steps = HistogramMetricFamily(
        "inferc_pipeline_step_duration_seconds",
        "Of each call, with its further tries",
        labels=("pipeline", "step"),
    )
    counters = {each.name: each.counters for each in pipelines}
    for name, its in counters.items():
        for step, durations in its.steps.items():
            _add_durations(steps, (name, step), durations)
    return *_ended("inferc_pipeline_runs", "inferc_pipeline", "Runs", "pipeline", counters), steps


def _workers(pools: Iterable[PoolStatus]) -> Iterable[Metric]:
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


def _ended(
    counted: str, timed: str, what: str, label: str, counters: Mapping[str, Counters]
) -> tuple[Metric, Metric]:
    """How many requests have ended and how, and how long they took. label: what `counters` are named by."""
    requests = CounterMetricFamily(counted, f"{what} that have ended, and how", labels=(label, "outcome"))
    durations = HistogramMetricFamily(
        f"{timed}_duration_seconds", "From the arrival to the last byte", labels=(label,)
    )
    for name, its in counters.items():
        for outcome, count in its.outcomes.items():
            requests.add_metric((name, outcome), count)
        _add_durations(durations, (name,), its.durations)
    return requests, durations


def _add_durations(metric: HistogramMetricFamily, labels: Sequence[str], durations: Durations) -> None:
    buckets: list[Any] = _cumulative(durations.bounds, durations.buckets)
    for place, (trace_id, value, at) in durations.examples.items():
        example = Exemplar({"trace_id": trace_id}, value, Timestamp(int(at), int(at % 1 * 1e9)))
        buckets[place] = (*buckets[place], example)
    metric.add_metric(labels, buckets, durations.seconds)


def _replicas(deployments: Iterable[Deployment]) -> Iterable[Metric]:
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
                sizes.add_metric(labels, _cumulative(_SIZES, counts), total)
                in_place.add_metric(labels, status.run_sizes.in_place)
    return ready, providers, warnings, sizes, in_place


def _policies(deployments: Iterable[Deployment]) -> Iterable[Metric]:
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


def _guards(executor: Executor) -> Iterator[Metric]:
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


def _shared_budgets(executor: Executor) -> GaugeMetricFamily:
    spent = GaugeMetricFamily(
        "inferc_shared_budget_spent_dollars",
        "Spent within each window that has a ceiling, by the gateway and by routes",
        labels=("whose", "window"),
    )
    for whose, dollars in executor.spent().items():
        for window, amount in dollars.items():
            spent.add_metric((whose, window), amount)
    return spent


def _cumulative(bounds: Iterable[float], counts: Iterable[int]) -> list[tuple[str, float]]:
    """Buckets as Prometheus has them: each holds all that is not above its bound."""
    ends = (*(f"{float(bound)}" for bound in bounds), "+Inf")
    return list(zip(ends, accumulate(counts), strict=True))
