"""`GET /metrics`: what was answered, and how everything is, as Prometheus reads it.

What writes it for Prometheus is imported when somebody asks, since a server starts without it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from aiohttp import web

from ...concurrency.loop_lag import LoopLag
from ...executor import Executor
from ...requests.errors import RequestError
from ..exchange import Exchange
from .accounting import Accounting
from .request_records import RECORDS

if TYPE_CHECKING:
    from prometheus_client.core import Metric


class Metrics:
    """The metrics of one gateway."""

    def __init__(self, executor: Executor, accounting: Accounting, lag: LoopLag) -> None:
        self._executor = executor
        self._accounting = accounting
        self._lag = lag
        self._refused: Counter[str] = Counter()

    def refused(self, error: RequestError) -> None:
        """A request was answered with `error`."""
        self._refused[type(error).code] += 1

    async def answer(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        """The text, in the format that the client prefers."""
        from .metric_families.exposition import as_text, content_type_for

        accept = request.headers.get("Accept", "")
        siblings = request.app[RECORDS].siblings
        found = await (self.collect() if siblings is None else siblings.metrics())
        text = await asyncio.to_thread(as_text, found, accept)  # megabytes where deployments are many
        return web.Response(body=text, headers={"Content-Type": content_type_for(accept)})

    async def collect(self) -> list[Metric]:
        """Everything as it is now."""
        from .metric_families import everything

        return await everything(self._executor, self._accounting, self._lag, self._refused)

    async def traffic(self) -> list[Metric]:
        """What requests did, and what their policies say."""
        from .metric_families import traffic

        return await traffic(self._executor, self._accounting)


METRICS: web.AppKey[Metrics] = web.AppKey("metrics", Metrics)
