"""State that is gone with the process: what each policy remembers by itself."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from .problems import Problems
from .protocol import SharedHealth, SharedLimits, SharedSpend, SharedValues

MAX_VALUES = 64 << 20
"""Characters of all values together; those that were put first go first."""


class MemoryStore:
    """Nothing is shared."""

    where = "memory"
    limits: SharedLimits | None = None
    health: SharedHealth | None = None
    spend: SharedSpend | None = None

    def __init__(self) -> None:
        self.problems = Problems()
        self.values: SharedValues = MemoryValues()

    async def start(self) -> None:
        """Nothing to do."""

    async def stop(self) -> None:
        """Nothing to do."""


class MemoryValues:
    """Values of this process."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._size = 0

    async def put(self, name: str, value: str, seconds: float) -> None:
        self._drop(name)
        now = asyncio.get_running_loop().time()
        self._kept[name] = (now + seconds, value)
        self._size += len(value)
        while self._size > MAX_VALUES or (self._kept and next(iter(self._kept.values()))[0] <= now):
            self._drop(next(iter(self._kept)))

    async def get(self, name: str) -> str | None:
        until, value = self._kept.get(name, (0.0, ""))
        return value if asyncio.get_running_loop().time() < until else None

    async def swap(self, name: str, before: str, value: str, seconds: float) -> bool:
        same = await self.get(name) == before
        if same:
            await self.put(name, value, seconds)
        return same

    async def delete(self, name: str) -> bool:
        there = await self.get(name) is not None
        self._drop(name)
        return there

    def _drop(self, name: str) -> None:
        _, value = self._kept.pop(name, (0.0, ""))
        self._size -= len(value)
