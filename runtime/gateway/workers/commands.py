"""What may be asked of a supervisor over its admin socket: each worker does its part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from ...admin import Answer, Command, Refused
from ...reload import Reloader
from ..commands import LogLevel, listening_at
from .merging import NOBODY, merged_cost, merged_stories
from .supervisor import Supervisor

Asked = Mapping[str, Any]


def admin_of_all(path: Path) -> Callable[[Supervisor, Reloader], AbstractAsyncContextManager[None]]:
    """Listens for commands at `path` while workers serve."""

    return listening_at(path, AllWorkers)


class AllWorkers:
    """Asks all workers; what one of them refuses is refused. Each raises Refused."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self.reading: dict[str, Command] = {"status": self.status, "cost": self.cost, "why": self.why}
        self.changing: dict[str, Command] = {
            name: self._by_each(name) for name in ("breaker", "hold", "drain", "keys")
        } | {"log": self.log}
        self._level = LogLevel()

    async def status(self, _: Asked) -> Answer:
        """How everything is."""
        return await self._supervisor.health()

    async def cost(self, asked: Asked) -> Answer:
        """What all of them have spent."""
        return merged_cost(await self._each("cost", asked))

    async def why(self, asked: Asked) -> Answer:
        """The story of a request, whichever worker answered it; or the last ones that went wrong."""
        story = merged_stories(await self._supervisor.ask_all({**asked, "command": "why"}), asked)
        if "refused" in story:
            raise Refused(story["refused"])
        return story

    async def log(self, asked: Asked) -> Answer:
        """Let all say as much as `level` has it, this process too."""
        await self._level.set(asked)
        await self._supervisor.ask_all({**asked, "command": "log"})
        return {}

    def _by_each(self, command: str) -> Command:
        """What every worker does."""

        async def act(asked: Asked) -> Answer:
            told = await self._each(command, asked)
            return {
                key: sum(each[key] for each in told) if type(value) is int else value
                for key, value in told[0].items()
            }

        return act

    async def _each(self, command: str, asked: Asked) -> list[Answer]:
        told = await self._supervisor.ask_all({**asked, "command": command})
        for each in told:
            if "refused" in each:
                raise Refused(str(each["refused"]))
        if not told:
            raise Refused(NOBODY)
        return told
