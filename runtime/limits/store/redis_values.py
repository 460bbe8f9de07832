"""Values on a Redis server, which go by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .problems import Do

if TYPE_CHECKING:
    from redis.asyncio import Redis

_PREFIX = "inferc:value:"
_SWAP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""


class RedisValues:
    """do: runs a command, and makes a StoreError of what goes wrong with it, or with reading its answer."""

    def __init__(self, client: Redis, do: Do) -> None:
        self._client = client
        self._do = do
        self._swap = client.register_script(_SWAP)

    async def put(self, name: str, value: str, seconds: float) -> None:
        await self._do(self._client.set(_PREFIX + name, value, px=max(int(seconds * 1000), 1)))

    async def get(self, name: str) -> str | None:
        found = await self._do(self._client.get(_PREFIX + name))
        return None if found is None else str(found)

    async def swap(self, name: str, before: str, value: str, seconds: float) -> bool:
        milliseconds = max(int(seconds * 1000), 1)
        return bool(await self._do(self._swap(keys=[_PREFIX + name], args=[before, value, milliseconds])))

    async def delete(self, name: str) -> bool:
        return bool(await self._do(self._client.delete(_PREFIX + name)))
