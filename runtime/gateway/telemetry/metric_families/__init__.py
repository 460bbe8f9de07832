"""What `GET /metrics` tells, as families of metrics: what was answered, and how everything is.

Nothing is computed before it is asked for. Labels hold names of the plan and words of inferc alone: no
label ever comes from a request, a provider or a secret.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from prometheus_client import ProcessCollector
from prometheus_client.core import Metric

from ....concurrency.loop_lag import LoopLag
from ....executor import Executor
from ..accounting import Accounting
from . import answered, state

T = TypeVar("T")

_process = ProcessCollector(registry=None)


_AT_ONCE = 5
"""Deployments, or rows of another kind, that are told of before others on the event loop come first."""


async def everything(
    executor: Executor, accounting: Accounting, lag: LoopLag, refused: Mapping[str, int]
) -> list[Metric]:
    """All that is told. refused: how many requests were answered with each code of an error, at any path."""
    return [
        answered.of_errors(refused),
        *state.of_process(executor, lag),
        *await traffic(executor, accounting),
        *state.of_workers(executor.workers),
        *await _in_parts(state.of_replicas, executor.deployments.values()),
        *_process.collect(),
    ]


async def traffic(executor: Executor, accounting: Accounting) -> list[Metric]:
    """What requests did, and what their policies say."""
    deployments = tuple(executor.deployments.values())
    return [
        *await _in_parts(answered.of_keys, accounting.outcomes.items()),
        *await _in_parts(answered.of_spend, accounting.totals.items()),
        *await _in_parts(answered.of_requests, deployments),
        *await _in_parts(answered.of_gen_ai, deployments),
        *await _in_parts(answered.of_routes, executor.routes.values()),
        *await _in_parts(answered.of_pipelines, executor.pipelines.values()),
        *await _in_parts(state.of_policies, deployments),
        state.of_shared_budgets(executor),
        *state.of_guards(executor),
    ]


async def _in_parts(tell: Callable[[Sequence[T]], Iterable[Metric]], those: Iterable[T]) -> list[Metric]:
    """What `tell`, which gives the same families of any, says of all of `those`."""
    rows = tuple(those)
    metrics = list(tell(rows[:_AT_ONCE]))
    for begin in range(_AT_ONCE, len(rows), _AT_ONCE):
        await asyncio.sleep(0)
        for metric, more in zip(metrics, tell(rows[begin : begin + _AT_ONCE]), strict=True):
            metric.samples += more.samples
    return metrics
