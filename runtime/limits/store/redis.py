"""State on a Redis server: one truth for all processes that use it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from ....compiler.plan.installing import pip_install
from ...policies.sliding_window import MARGIN, SPAN
from ...redis_errors import NO_ANSWER, client_at, reason, shown
from ...requests.errors import StartError
from .problems import Problems, StoreError
from .protocol import SharedHealth, SharedLimits, SharedSpend, SharedValues
from .redis_health import RedisHealth
from .redis_limits import RedisLimits
from .redis_spend import RedisSpend
from .redis_values import RedisValues

_PATIENCE = 2.0


class RedisStore:
    """The server at `url`. A server that cannot be reached is an error of each use, not of the start.

    span: seconds of the window that limits are counted in, with its margin.
    """

    def __init__(self, url: str, *, span: float = SPAN + MARGIN) -> None:
        try:
            import redis.asyncio
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
        except ImportError:
            raise StartError(
                f"the state is at {shown(url)}, which needs redis: {pip_install('redis')}"
            ) from None
        try:
            self._client = client_at(
                redis.asyncio.Redis,
                url,
                decode_responses=True,
                encoding_errors="replace",  # what others wrote there is no text of ours, and is told as such
                socket_timeout=_PATIENCE,
                socket_connect_timeout=_PATIENCE,
                # A connection of before a restart of the server fails once. All that is asked counts once.
                retry=Retry(NoBackoff(), 1, supported_errors=(redis.exceptions.ConnectionError,)),
            )
        except ValueError as error:
            raise StartError(f"the state at {shown(url)}: {error}") from None
        self.where = shown(url)
        self.problems = Problems()
        self._errors = (redis.exceptions.RedisError, OSError)
        self._of_others = (redis.exceptions.ReadOnlyError, *NO_ANSWER)
        limits = RedisLimits(self._client, partial(self._do, "limits"), span=span)
        self.limits: SharedLimits | None = limits
        self.health: SharedHealth | None = RedisHealth(self._client, partial(self._do, "circuits"))
        self.spend: SharedSpend | None = RedisSpend(
            self._client, partial(self._do, "what is spent"), partial(self._do, "budgets")
        )
        self.values: SharedValues = RedisValues(self._client, partial(self._do, "values"))

    async def start(self) -> None:
        """Nothing to do: connections are made when they are needed."""

    async def stop(self) -> None:
        await self._client.aclose()

    async def _do(
        self, part: str, command: Awaitable[Any], read: Callable[[Any], Any] = lambda it: it
    ) -> Any:
        """What `read` makes of the answer to `command`. Raises StoreError."""
        with self.problems.watch(part):
            try:
                return read(await command)
            except (*self._errors, *NO_ANSWER) as error:
                # Its name may mean another server by now, or an answer to an earlier question was late.
                if isinstance(error, self._of_others):
                    await self._client.connection_pool.disconnect(inuse_connections=False)
                raise StoreError(f"the state at {self.where} cannot be used: {reason(error)}") from None
