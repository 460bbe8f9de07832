"""What was answered, to whom, by whom and how fast."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from .....compiler.plan import RemotePoolPlan, TaskKind
from ....requests.usage import PICODOLLARS
from ....serving.counters import Counters
from ....serving.deployment import Deployment
from ..accounting import Spend
from ..gen_ai import OPERATIONS, provider_name
from .histograms import add_durations

if TYPE_CHECKING:
    from ....serving.pipelines.pipeline import Pipeline
    from ....serving.routes.route import Route


def of_errors(refused: Mapping[str, int]) -> Metric:
    errors = CounterMetricFamily(
        "inferc_gateway_errors", "Requests answered with an error, at any path", labels=("code",)
    )
    for code, count in refused.items():
        errors.add_metric((code,), count)
    return errors


def of_keys(outcomes: Iterable[tuple[tuple[str, str], int]]) -> Iterable[Metric]:
    requests = CounterMetricFamily(
        "inferc_key_requests",
        "Requests by the key they came with, and how they ended",
        labels=("key", "outcome"),
    )
    for (key, outcome), count in outcomes:
        requests.add_metric((key, outcome), count)
    return (requests,)


def of_spend(totals: Iterable[tuple[tuple[str, str, str], Spend]]) -> Iterable[Metric]:
    labels = ("key", "model", "deployment")
    tokens = CounterMetricFamily(
        "inferc_spent_tokens",
        "Tokens by who asked, what was asked, and who answered",
        labels=(*labels, "kind"),
    )
    cost = CounterMetricFamily("inferc_spent_dollars", "What they cost, where that is known", labels=labels)
    for row, spend in totals:
        tokens.add_metric((*row, "prompt"), spend.prompt_tokens)
        tokens.add_metric((*row, "completion"), spend.completion_tokens)
        cost.add_metric(row, spend.cost / PICODOLLARS)
    return tokens, cost


def of_requests(deployments: Iterable[Deployment]) -> Iterable[Metric]:
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


def of_gen_ai(deployments: Iterable[Deployment]) -> Iterable[Metric]:
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
        add_durations(waits, (each.name,), each.counters.waits)
        if each.task not in OPERATIONS:
            continue
        plan, counters = each.plan, each.counters
        who = ("inferc", each.name)
        if isinstance(plan, RemotePoolPlan):
            who = provider_name(plan.provider), plan.model
        values = (OPERATIONS[each.task], *who, each.name)
        for error, durations in counters.operations.items():
            add_durations(operations, (*values, error), durations)
        add_durations(served, values, counters.durations)
        add_durations(usage, (*values, "input"), counters.input_tokens)
        add_durations(usage, (*values, "output"), counters.output_tokens)
        if each.task is not TaskKind.EMBED:
            add_durations(first, values, counters.firsts)
            add_durations(per_token, values, counters.per_token)
    return first, per_token, operations, served, usage, waits


def of_routes(routes: Iterable[Route]) -> Iterable[Metric]:
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


def of_pipelines(pipelines: Iterable[Pipeline]) -> Iterable[Metric]:
    steps = HistogramMetricFamily(
        "inferc_pipeline_step_duration_seconds",
        "Of each call, with its further tries",
        labels=("pipeline", "step"),
    )
    counters = {each.name: each.counters for each in pipelines}
    for name, its in counters.items():
        for step, durations in its.steps.items():
            add_durations(steps, (name, step), durations)
    return *_ended("inferc_pipeline_runs", "inferc_pipeline", "Runs", "pipeline", counters), steps


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
        add_durations(durations, (name,), its.durations)
    return requests, durations
