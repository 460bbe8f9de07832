"""uvloop, which remembers asynchronous generators in fewer steps."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any
from weakref import ref

import uvloop


class QuickLoop(uvloop.Loop):
    """Each stream has generators, and each one that begins is remembered, to be closed at the end of the
    loop: uvloop has a `WeakSet` for it, whose steps are Python's."""

    def __init__(self) -> None:
        super().__init__()
        self._begun: set[ref[AsyncGenerator[Any, Any]]] = set()
        self._forget = self._begun.discard

    def _asyncgen_firstiter_hook(self, generator: AsyncGenerator[Any, Any]) -> None:
        self._begun.add(ref(generator, self._forget))

    async def shutdown_asyncgens(self) -> None:
        """Close those that are left."""
        for each in tuple(self._begun):
            if (generator := each()) is not None:
                super()._asyncgen_firstiter_hook(generator)  # type: ignore[misc]  # no public name
        await super().shutdown_asyncgens()
