"""What `GET /metrics` tells, as families of metrics: what was answered, and how everything is.

Nothing is computed before it is asked for. Labels hold names of the plan and words of inferc alone: no
label ever comes from a request, a provider or a secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import ProcessCollector
from prometheus_client.core import Metric

from ...concurrency.loop_lag import LoopLag
from ...executor import Executor
from ..accounting import Accounting
from . import answered, state

_process = ProcessCollector(registry=None)


def everything(
    executor: Executor, accounting: Accounting, lag: LoopLag, refused: Mapping[str, int]
) -> Iterator[Metric]:
    """All that is told. refused: how many requests were answered with each code of an error, at any path."""
    yield answered.of_errors(refused)
    yield from state.of_process(executor, lag)
    yield from traffic(executor, accounting)
    yield from state.of_workers(executor.workers)
    yield from state.of_replicas(executor.deployments.values())
    yield from _process.collect()


def traffic(executor: Executor, accounting: Accounting) -> Iterator[Metric]:
    """What requests did, and what their policies say."""
    deployments = tuple(executor.deployments.values())
    yield from answered.of_keys(accounting)
    yield from answered.of_requests(deployments)
    yield from answered.of_gen_ai(deployments)
    yield from answered.of_routes(executor.routes.values())
    yield from answered.of_pipelines(executor.pipelines.values())
    yield from state.of_policies(deployments)
    yield state.of_shared_budgets(executor)
    yield from state.of_guards(executor)
