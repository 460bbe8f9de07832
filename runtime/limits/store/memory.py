"""State that is gone with the process: what each policy remembers by itself."""

from __future__ import annotations

from .problems import Problems
from .protocol import SharedHealth, SharedLimits, SharedSpend


class MemoryStore:
    """Nothing is shared."""

    where = "memory"
    limits: SharedLimits | None = None
    health: SharedHealth | None = None
    spend: SharedSpend | None = None

    def __init__(self) -> None:
        self.problems = Problems()

    async def start(self) -> None:
        """Nothing to do."""

    async def stop(self) -> None:
        """Nothing to do."""
