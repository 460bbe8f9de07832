"""What may be asked of a running gateway over its admin socket."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ..admin import LEVELS, AdminSocket, Answer, Command, Refused
from ..limits.replica_policies import ReplicaPolicies
from ..reload import Reloader
from ..scaling import CannotScale, scaled
from ..serving.deployment import Deployment
from .door import DOOR
from .serve import Running, Service
from .status import health_of
from .telemetry.request_records import RECORDS, Records
from .telemetry.stories import costs, why

log = logging.getLogger(__name__)

LONGEST = 86400.0
"""Seconds for which an operator may open a circuit, or hold an account."""

Asked = Mapping[str, Any]
T = TypeVar("T")


class Taken(Protocol):
    """Commands by name: those that read, and those that change something."""

    reading: dict[str, Command]
    changing: dict[str, Command]


def admin_at(path: Path) -> Running:
    """Listens for commands at `path` while a gateway serves."""
    return listening_at(path, Commands)


def listening_at(
    path: Path, commands: Callable[[T], Taken]
) -> Callable[[T, Reloader], AbstractAsyncContextManager[None]]:
    """Takes the commands of what serves, and those that have to do with its file."""

    @asynccontextmanager
    async def listening(serving: T, reloader: Reloader) -> AsyncIterator[None]:
        own, reloading = commands(serving), Reloading(reloader)
        async with _admin_socket(
            path,
            {**own.reading, "difference": reloading.difference},
            {**own.changing, **reloading.changing},
        ):
            yield

    return listening


@asynccontextmanager
async def _admin_socket(
    path: Path, reading: Mapping[str, Command], changing: Mapping[str, Command]
) -> AsyncIterator[None]:
    """While the block runs, commands are taken at `path`, if that can be."""
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(AdminSocket(path, reading, changing))
        except OSError as error:
            log.warning("%s cannot be listened at, so that no commands are taken: %s", path, error)
        yield


def without_admin(reason: str) -> Running:
    """Takes no commands, and says why."""

    @asynccontextmanager
    async def nothing(service: Service, reloader: Reloader) -> AsyncIterator[None]:
        log.warning("no commands are taken: %s", reason)
        yield

    return nothing


class Reloading:
    """Commands that have to do with the file. Each raises Refused."""

    def __init__(self, reloader: Reloader) -> None:
        self._reloader = reloader
        self.changing: dict[str, Command] = {"reload": self.reload, "scale": self.scale}

    async def difference(self, _: Asked) -> Answer:
        """What a reload would change."""
        changes, problems = await self._reloader.difference()
        if problems:
            raise Refused("; ".join(problems))
        return {"changes": changes}

    async def reload(self, _: Asked) -> Answer:
        """Take over what has changed."""
        problems = await self._reloader.reload("inferc reload")
        if problems:
            raise Refused("; ".join(problems))
        return {"changes": self._reloader.changes}

    async def scale(self, asked: Asked) -> Answer:
        """Let a deployment have so many `replicas`, until the file is read again."""
        name, replicas = asked.get("name"), asked.get("replicas")
        if not isinstance(name, str) or type(replicas) is not int:
            raise Refused("`name` must be text, and `replicas` a whole number")
        try:
            problems = await self._reloader.change(lambda plan: scaled(plan, name, replicas))
        except CannotScale as error:
            raise Refused(str(error)) from None
        if problems:
            raise Refused("; ".join(problems))
        return {}


class LogLevel:
    """The level of the log, and when it is again what it was."""

    def __init__(self) -> None:
        self._log = logging.getLogger("inferc")
        self._usual = self._log.level
        self._back: asyncio.TimerHandle | None = None

    async def set(self, asked: Asked) -> Answer:
        """Say as much as `level` has it, for `seconds` or until it is set again. Raises Refused."""
        level = asked.get("level")
        if level not in LEVELS:
            raise Refused(f"the level of a log is one of {', '.join(LEVELS)}")
        seconds = _seconds(asked)
        if self._back is not None:
            self._back.cancel()
            self._back = None
        self._log.setLevel(str(level).upper())
        if seconds:
            self._back = asyncio.get_running_loop().call_later(seconds, self._log.setLevel, self._usual)
        else:
            self._usual = self._log.level
        return {}


class Commands:
    """What is asked of the process that answers requests. Each raises Refused."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.reading: dict[str, Command] = {"status": self.status, "cost": self.cost, "why": self.why}
        self.changing: dict[str, Command] = {
            "breaker": self.breaker,
            "hold": self.hold,
            "drain": self.drain,
            "log": LogLevel().set,
            "keys": self.keys,
        }

    @property
    def _records(self) -> Records:
        return self._service.app[RECORDS]

    async def status(self, _: Asked) -> Answer:
        """How everything is."""
        return health_of(self._service.app, self._service.executor)

    async def cost(self, asked: Asked) -> Answer:
        """What was spent in the last `seconds`, `by` some of the dimensions."""
        return costs(self._records, asked)

    async def why(self, asked: Asked) -> Answer:
        """The story of the request with the `id`; without one, the last ones that went wrong."""
        return why(self._records, asked)

    async def breaker(self, asked: Asked) -> Answer:
        """Open the circuit of the endpoint of a deployment for `seconds`, or close it."""
        seconds, now = _seconds(asked), asyncio.get_running_loop().time()
        for policies in self._policies(asked):
            if seconds:
                policies.breaker.open_for_operator(now + seconds, seconds)
            else:
                policies.breaker.close_for_operator(now)
        return {}

    async def hold(self, asked: Asked) -> Answer:
        """Send nothing to the account of a deployment for `seconds`."""
        seconds = _seconds(asked)
        longest = max(float(each.plan.rate_limits.max_hold) for each in self._policies(asked))
        if not 0 < seconds <= longest:
            raise Refused(f"hold it for up to {longest:g} s, its `max_hold`")
        for policies in self._policies(asked):
            policies.limiter.hold(seconds)
            if policies.tell_hold is not None:
                policies.tell_hold(seconds)
        return {}

    async def drain(self, asked: Asked) -> Answer:
        """Let no requests come to a deployment, until this is undone."""
        deployment = self._deployment(asked)
        deployment.is_drained = not asked.get("undo")
        return {"running": deployment.running, "waiting": deployment.waiting}

    async def keys(self, asked: Asked) -> Answer:
        """Keys for people were made or revoked: follow that at once."""
        keys = self._service.app[DOOR].keys
        if keys is not None:
            await keys.look_again()
        return {}

    def _deployment(self, asked: Asked) -> Deployment:
        deployments = self._service.executor.deployments
        name = asked.get("name")
        if not isinstance(name, str) or name not in deployments:
            listed = ", ".join(f"`{each}`" for each in deployments)
            raise Refused(f"there is no deployment `{name}`; there are {listed}")
        return deployments[name]

    def _policies(self, asked: Asked) -> list[ReplicaPolicies]:
        deployment = self._deployment(asked)
        policies = [each for each in deployment.policies if each is not None]
        if not policies:
            raise Refused(f"`{deployment.name}` runs on this machine: it has neither circuits nor accounts")
        return policies


def _seconds(asked: Asked) -> float:
    seconds = asked.get("seconds", 0)
    if type(seconds) not in (int, float) or not 0 <= seconds <= LONGEST:
        raise Refused(f"`seconds` must be between 0 and {LONGEST:g}")
    return float(seconds)
