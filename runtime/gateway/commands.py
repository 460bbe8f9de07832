"""What may be asked of a running gateway over its admin socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ..admin import AdminSocket, Answer, Refused
from ..reload import Reloader
from .serve import Running, Service


def admin_at(path: Path) -> Running:
    """Listens for commands at `path` while a gateway serves."""

    @asynccontextmanager
    async def listening(service: Service, reloader: Reloader) -> AsyncIterator[None]:
        commands = _Commands(service, reloader)
        reading = {"difference": commands.difference}
        changing = {"reload": commands.reload}
        async with AdminSocket(path, reading, changing):
            yield

    return listening


class _Commands:
    def __init__(self, service: Service, reloader: Reloader) -> None:
        self._service = service
        self._reloader = reloader

    async def difference(self, _: Mapping[str, Any]) -> Answer:
        """What a reload would change."""
        changes, problems = await self._reloader.difference()
        if problems:
            raise Refused("; ".join(problems))
        return {"changes": changes}

    async def reload(self, _: Mapping[str, Any]) -> Answer:
        changes, problems = await self._reloader.difference()
        problems = problems or await self._reloader.reload("inferc reload")
        if problems:
            raise Refused("; ".join(problems))
        return {"changes": changes}
