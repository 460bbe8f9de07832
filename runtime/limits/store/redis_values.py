"""Values on a Redis server, which go by themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis.asyncio import Redis

_PREFIX = "inferc:value:"


class RedisValues:
    """do: runs a command, and makes a StoreError of what goes wrong with it."""

    def __init__(self, client: Redis, do: Callable[[Awaitable[Any]], Awaitable[Any]]) -> None:
        self._client = client
        self._do = do

    async def put(self, name: str, value: str, seconds: float) -> None:
        await self._do(self._client.set(_PREFIX + name, value, px=max(int(seconds * 1000), 1)))

    async def get(self, name: str) -> str | None:
        found = await self._do(self._client.get(_PREFIX + name))
        return None if found is None else str(found)

    async def delete(self, name: str) -> bool:
        return bool(await self._do(self._client.delete(_PREFIX + name)))
