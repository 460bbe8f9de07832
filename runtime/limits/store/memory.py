"""State that is gone with the process."""

from __future__ import annotations

from collections.abc import Mapping

from .protocol import SharedHealth, SharedLimits


class MemoryStore:
    """Keeps nothing beyond what each policy remembers by itself."""

    lasting = False
    limits: SharedLimits | None = None
    health: SharedHealth | None = None

    async def start(self) -> None:
        """Nothing to do."""

    async def stop(self) -> None:
        """Nothing to do."""

    async def spend(self, account: str, since: int) -> dict[int, int]:
        return {}

    async def add_spend(self, account: str, amounts: Mapping[int, int], oldest: int) -> None:
        """Nothing to do."""
