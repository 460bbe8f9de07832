"""One launched server through its life: started, waited for, started again when it dies, stopped."""

from __future__ import annotations

import asyncio
import logging
import shlex
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp

from ....compiler.plan import Launch, RemotePoolPlan, ReplicaPlacement
from ....compiler.plan.record import frozen
from ...requests.errors import ServerDown, StartError
from .command import Command, command_of
from .listeners import is_ours
from .process import STOP_GRACE, Process

log = logging.getLogger(__name__)

START_TIMEOUT = 600.0
"""Seconds from starting a server until its `ready` path must answer 200: large models load for minutes."""

SHOWN_LINES = 20
"""Last lines of a server's output that are shown when it does not start."""

_PROBE_TIMEOUT = 5.0
_FIRST_LOOK, _LONGEST_LOOK = 0.05, 1.0
_SAY_SO_EVERY = 30.0
_FOREIGN = (
    "is not what answers at {url}: no process that was started here listens there. Start it again if another "
    "program took the port; a server in a container is to be started elsewhere, and named by `endpoint`"
)


@frozen
class Pace:
    """How patient a launched server is, in seconds.

    start: until it must be ready. grace: from SIGTERM to SIGKILL. first_wait, longest_wait: between its
    end and the next start, doubled each time. steady: after running this long, a wait is the first again.
    """

    start: float = START_TIMEOUT
    grace: float = STOP_GRACE
    first_wait: float = 1.0
    longest_wait: float = 30.0
    steady: float = 60.0


class _NotReady(Exception):
    """The server did not become ready: why, in words that go on after its name."""


class LaunchedServer:
    """The server of one replica, on a port that is picked anew at each start."""

    def __init__(
        self,
        plan: RemotePoolPlan,
        launch: Launch,
        placement: ReplicaPlacement,
        base_dir: Path,
        on_ready: Callable[[], None],
        pace: Pace | None = None,
        keys: frozenset[str] = frozenset(),
    ) -> None:
        """on_ready: called whenever it is.

        keys: variables of our environment that hold keys, which are not the server's to know.
        """
        self._plan = plan
        self._launch = launch
        self._placement = placement
        self._base_dir = base_dir
        self._on_ready = on_ready
        self._pace = pace or Pace()
        self._keys = keys
        several = len(plan.replicas) > 1
        self._name = f"{plan.deployment}/{placement.replica_index}" if several else plan.deployment
        self._endpoint: str | None = None
        self._state = "is not started"
        self._life: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        """Whether it takes requests."""
        return self._endpoint is not None

    @property
    def endpoint(self) -> str:
        """The base URL of the server as it runs now. Raises ServerDown while it does not."""
        if self._endpoint is None:
            plan = self._plan
            message = f"{plan.provider} (deployment `{plan.deployment}`): its server {self._state}"
            raise ServerDown(message, deployment=plan.deployment, provider=plan.provider)
        return self._endpoint

    async def start(self) -> None:
        """Run the server and wait until it is ready. Raises StartError."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._life = asyncio.create_task(self._live(ready))
        try:
            await asyncio.wait([ready, self._life], return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                await self._life
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End the server and whatever it started. Safe to call twice."""
        self._endpoint, self._state = None, "was stopped"
        if self._life is not None:
            self._life.cancel()
            await asyncio.wait([self._life])

    async def _live(self, ready: asyncio.Future[None]) -> None:
        """Run the server again and again. Raises StartError when the first start fails."""
        pace, loop = self._pace, asyncio.get_running_loop()
        wait = pace.first_wait
        while True:
            began = loop.time()
            try:
                ending = await self._run_once(ready)
            except (StartError, _NotReady) as error:
                if not ready.done():
                    raise (
                        error if isinstance(error, StartError) else StartError(self._failed(error))
                    ) from None
                ending = str(error)
            if loop.time() - began >= pace.steady:
                wait = pace.first_wait
            who = f"deployment `{self._name}`: its server"
            self._down(ending)
            if not self._launch.restart:
                log.error("%s %s", who, self._state)
                return
            log.warning("%s %s; starting it again in %g s", who, ending, wait)
            await asyncio.sleep(wait)
            wait = min(2 * wait, pace.longest_wait)

    def _down(self, ending: str) -> None:
        """The server has ended, or did not get ready."""
        again = "being" if self._launch.restart else "not"
        self._endpoint = None
        self._state = f"{ending} and is {again} started again"
        if not self._launch.restart:
            self._state += ": `restart` is false"

    async def _run_once(self, ready: asyncio.Future[None]) -> str:
        """How the server ended, which was ready before. Raises _NotReady, StartError."""
        command = command_of(self._plan, self._launch, self._placement, self._base_dir, self._keys)
        process = await Process.start(command, self._name, self._pace.grace)
        try:
            await self._until_ready(process, command)
            self._endpoint = command.endpoint
            self._on_ready()
            log.info("deployment `%s`: its server is ready at %s", self._name, command.endpoint)
            if not ready.done():
                ready.set_result(None)
            ending = await process.ended()
            self._down(ending)  # at once, though what it started may take a while to end
            return ending
        finally:
            self._endpoint = None
            await _to_the_end(process.stop())

    async def _until_ready(self, process: Process, command: Command) -> None:
        shown = f"`{shlex.join(command.arguments)}`"
        url = f"{command.origin}/{self._launch.ready.removeprefix('/')}"
        answering = asyncio.create_task(self._answers(url, process, command))
        ended = asyncio.create_task(process.ended())
        try:
            done, _ = await asyncio.wait(
                [answering, ended], timeout=self._pace.start, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in (answering, ended):
                task.cancel()
            await asyncio.wait([answering, ended])
        if ended in done:
            lines = _last(await process.last_lines())
            raise _NotReady(f"({shown}) {ended.result()} before it was ready{lines}")
        if answering not in done:
            lines = _last(process.lines)
            raise _NotReady(f"({shown}) did not answer 200 at {url} within {self._pace.start:g} s{lines}")
        answering.result()

    async def _answers(self, url: str, process: Process, command: Command) -> None:
        """Return once the server answers 200 at `url`. Raises _NotReady where another program does."""
        loop = asyncio.get_running_loop()
        pause, say_so = _FIRST_LOOK, loop.time() + _SAY_SO_EVERY
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PROBE_TIMEOUT)) as session:
            while True:
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(url, allow_redirects=False) as response:
                        if response.status == 200:
                            if await asyncio.to_thread(is_ours, command.port, process.keeper) is False:
                                raise _NotReady(_FOREIGN.format(url=url))
                            return
                if loop.time() >= say_so:
                    say_so = loop.time() + _SAY_SO_EVERY
                    log.info("deployment `%s`: still waiting for its server at %s", self._name, url)
                await asyncio.sleep(pause)
                pause = min(1.5 * pause, _LONGEST_LOOK)

    def _failed(self, error: _NotReady) -> str:
        return f"deployment `{self._plan.deployment}`: its server {error}"


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Wait for `work` to end, also when that is cancelled: nothing may be left behind."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


def _last(lines: Iterable[str]) -> str:
    """The end of the output, to follow a sentence."""
    shown = list(lines)[-SHOWN_LINES:]
    return (
        "".join(["; its last lines:", *(f"\n  {line}" for line in shown)]) if shown else "; it said nothing"
    )
