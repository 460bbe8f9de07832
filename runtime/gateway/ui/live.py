"""How everything is, now and each second after: nothing is looked at while nobody looks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import orjson

from ...executor import Executor
from ..telemetry.metrics import Metrics
from ..telemetry.request_records import Records
from ..telemetry.stories import costs, last_requests

if TYPE_CHECKING:
    from prometheus_client.core import Metric

EVERY = 1.0
"""Seconds from one look to the next."""

RECENT = 60
_EVER = 1e9
_FLOWS = ["key", "asked", "deployment"]


class Live:
    """What one who looks is told; what has not changed is not told again."""

    def __init__(
        self, executor: Executor, metrics: Metrics, records: Records, health: Callable[[], dict[str, Any]]
    ) -> None:
        self._executor = executor
        self._metrics = metrics
        self._records = records
        self._health = health
        self._told: dict[str, bytes] = {}

    async def changes(self) -> bytes:
        """Those since the last time, as an event."""
        now = {name: orjson.dumps(part, default=str) for name, part in (await self._parts()).items()}
        changed = {name: part for name, part in now.items() if self._told.get(name) != part}
        self._told |= changed
        fields = b",".join(b"%b:%b" % (orjson.dumps(name), part) for name, part in changed.items())
        return b"data: {%b}\n\n" % fields

    async def _parts(self) -> dict[str, Any]:
        siblings = self._records.siblings
        if siblings is None:
            flows = {"by": _FLOWS, "seconds": _EVER}
            return {
                "status": self._health(),
                "metrics": _compact(await self._metrics.traffic()),
                "flows": costs(self._records, flows)["rows"],
                "recent": last_requests(self._records, RECENT),
                "plan": id(self._executor.plan),
            }
        status, metrics, flows, recent = await asyncio.gather(
            siblings.status(),
            siblings.metrics(traffic=True),
            siblings.ask("cost", by=_FLOWS, seconds=_EVER),
            siblings.ask("why", recent=RECENT),
        )
        return {
            "status": status,
            "metrics": _compact(metrics),
            "flows": flows.get("rows", []),
            "recent": recent.get("requests", []),
            "plan": id(self._executor.plan),
        }


def _compact(metrics: Iterable[Metric]) -> dict[str, list[list[Any]]]:
    """The samples of each: labels and value."""
    found: dict[str, list[list[Any]]] = {}
    for metric in metrics:
        for sample in metric.samples:
            found.setdefault(sample.name, []).append([sample.labels, sample.value])
    return found
