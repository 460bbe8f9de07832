"""When a launched server that dies is started again, in virtual time: no process is started here."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from inferc.compiler.plan import Launch
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.replicas.launch import server as launching
from inferc.runtime.replicas.launch.command import Command
from inferc.runtime.replicas.launch.server import LaunchedServer, Pace
from inferc.runtime.requests.errors import ServerDown

from ..support.remote import remote_plan

LAUNCH = Launch((sys.executable, "{port}"))
FOREVER = 1e9


class Machine:
    """Runs commands that are ready at once and end after `lives` seconds each, the last one never."""

    def __init__(self, lives: list[float]) -> None:
        self._lives = [*lives, FOREVER]
        self.started: list[float] = []
        self.ends: list[float] = []
        self.lines: list[str] = []

    async def start(self, command: Command, name: str, grace: float) -> Machine:
        self.started.append(now())
        self._ends = now() + self._lives[len(self.ends)]
        return self

    async def ended(self) -> str:
        await asyncio.sleep(self._ends - now())
        return "ended with status 1"

    async def stop(self) -> None:
        self.ends.append(now())

    @property
    def waits(self) -> list[float]:
        """Seconds from each end to the next start."""
        return [start - end for end, start in zip(self.ends, self.started[1:], strict=False)]


def now() -> float:
    return asyncio.get_running_loop().time()


async def at_once(self: LaunchedServer, url: str, process: Machine, command: Command) -> None: ...


def run(monkeypatch: pytest.MonkeyPatch, lives: list[float], pace: Pace | None = None) -> Machine:
    """What a machine did on which the server lived so long each time."""
    machine = Machine(lives)
    monkeypatch.setattr(launching, "Process", machine)
    monkeypatch.setattr(LaunchedServer, "_answers", at_once)

    async def scenario() -> None:
        plan = remote_plan("local", "http://127.0.0.1:{port}/v1", launch=LAUNCH)
        server = LaunchedServer(plan, LAUNCH, plan.replicas[0], Path.cwd(), lambda: None, pace)
        await server.start()
        while len(machine.started) <= len(lives):
            await asyncio.sleep(0.25)
            if len(machine.started) == len(machine.ends):
                with pytest.raises(ServerDown, match="ended with status 1 and is being started again"):
                    _ = server.endpoint
        await server.stop()

    run_virtual(scenario())
    return machine


def test_a_server_that_keeps_dying_is_started_again_ever_later_up_to_half_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run(monkeypatch, [2.0] * 8).waits == [1, 2, 4, 8, 16, 30, 30, 30]


def test_after_a_minute_of_health_the_first_wait_is_short_again(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = run(monkeypatch, [5, 5, 5, 60, 5, 59.9, 5, 3600])
    assert machine.waits == pytest.approx([1, 2, 4, 1, 2, 4, 8, 1])


def test_the_waits_are_those_of_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = Pace(first_wait=3, longest_wait=10, steady=4)
    assert run(monkeypatch, [1, 1, 1, 1, 4, 1], pace).waits == [3, 6, 10, 10, 3, 6]
