"""Whether requests may come: what all parts have to say about it.

A part that can fail without being a deployment or a route says so in the `findings` of the executor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ..executor import Executor
from ..policies.capacity import MAX_WAITING
from ..requests.health import Finding, Health
from .incoming.bodies import Bodies

_ORDER = tuple(Health)


def findings(executor: Executor, bodies: Bodies) -> list[Finding]:
    """Everything that is not as it should be, the worst first."""
    found = [each for check in _CHECKS for each in check(executor)]
    if bodies.is_full:
        found.append(
            Finding("gateway", Health.DEGRADED, "the bodies of requests leave hardly any room for others")
        )
    return sorted(found, key=lambda each: -_ORDER.index(each.health))


def overall(found: Sequence[Finding]) -> Health:
    """The worst of what was found."""
    return max((each.health for each in found), key=_ORDER.index, default=Health.OK)


def _started(executor: Executor) -> Iterator[Finding]:
    if not executor.models and not executor.pipelines:
        yield Finding("executor", Health.NOT_READY, "it has not started")


def _deployments(executor: Executor) -> Iterator[Finding]:
    for name, each in executor.deployments.items():
        if name in executor.broken:
            yield Finding(
                f"deployment `{name}`", Health.DEGRADED, "it could not be started; routes do without it"
            )
        elif not each.is_ready() and not each.is_drained:
            yield Finding(f"deployment `{name}`", Health.NOT_READY, "no replica is ready")
        elif (missing := each.missing) and not each.is_drained:
            those = "1 replica is" if missing == 1 else f"{missing} replicas are"
            yield Finding(f"deployment `{name}`", Health.DEGRADED, f"{those} not ready; others are")
        elif each.waiting >= MAX_WAITING:
            yield Finding(
                f"deployment `{name}`", Health.DEGRADED, f"it is full: {each.waiting} requests wait"
            )


def _routes(executor: Executor) -> Iterator[Finding]:
    for name, each in executor.routes.items():
        if not each.is_ready():
            yield Finding(f"route `{name}`", Health.NOT_READY, "none of its members is ready")


def findings_of(executor: Executor) -> bool:
    """Whether every part of it takes requests."""
    return all(each.health is not Health.NOT_READY for check in _CHECKS for each in check(executor))


def _others(executor: Executor) -> Iterable[Finding]:
    return executor.findings()


_CHECKS: tuple[Callable[[Executor], Iterable[Finding]], ...] = (_started, _deployments, _routes, _others)
