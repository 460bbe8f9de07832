"""Worker processes that do not start, die, or are no longer wanted, played by a few lines of Python."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from inferc.compiler.plan import GatewayPlan, Plan
from inferc.runtime.gateway.workers import supervisor as supervising
from inferc.runtime.gateway.workers.port import first_port
from inferc.runtime.gateway.workers.supervisor import Supervisor
from inferc.runtime.http.server import Stop
from inferc.runtime.requests.errors import StartError

from ..support.remote import plan_of, remote_plan, until

WORKER = """
import json, os, socket, sys
if not os.path.exists(sys.argv[1]):
    sys.exit(1)
with socket.socket(fileno=int(sys.argv[2])) as end, end.makefile("rw") as lines:
    for line in lines:
        asked = json.loads(line)
        if "ask" in asked:
            said = {"answer": asked["ask"], "pid": os.getpid(), "url": "http://x"}
            print(json.dumps(said), file=lines, flush=True)
        if asked.get("command") == "stop":
            break
"""


def plan_with(workers: int) -> Plan:
    return plan_of(remote_plan(), gateway=GatewayPlan(port=0, workers=workers))


@asynccontextmanager
async def running(workers: int, can_start: Path) -> AsyncIterator[Supervisor]:
    """Workers that start for as long as a file is there."""
    supervisor = Supervisor(plan_with(workers), [sys.executable, "-c", WORKER, str(can_start)], {})
    supervisor._port = first_port(supervisor.plan.gateway, shared=False)
    try:
        await supervisor._start_all(workers)
        yield supervisor
    finally:
        await supervisor._stop_all(Stop(), 5)
        if supervisor._port is not None:
            supervisor._port.socket.close()


def test_a_plan_whose_new_worker_does_not_start_is_not_served(tmp_path: Path) -> None:
    (tmp_path / "yes").touch()

    async def attempt() -> None:
        async with running(1, tmp_path / "yes") as supervisor:
            before, pid = supervisor.plan, supervisor._workers[0].pid
            (tmp_path / "yes").unlink()
            with pytest.raises(StartError, match="worker 1 ended before it served"):
                await supervisor.reload(plan_with(2))
            assert (supervisor.plan, supervisor.ready) == (before, 1)
            assert supervisor._workers[0].pid == pid

    asyncio.run(attempt())


def test_a_worker_that_died_does_not_come_back_when_fewer_are_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for delay in ("FIRST_DELAY", "LONGEST_DELAY"):
        monkeypatch.setattr(supervising, delay, 0.01)
    (tmp_path / "yes").touch()

    async def attempt() -> None:
        async with running(2, tmp_path / "yes") as supervisor:
            kept = supervisor._workers[1].task
            assert kept is not None
            (tmp_path / "yes").unlink()
            os.kill(supervisor._workers[1].pid, signal.SIGKILL)
            await until(lambda: supervisor.ready == 1, 30)
            await supervisor.reload(plan_with(1))
            (tmp_path / "yes").touch()
            await asyncio.wait_for(kept, 30)  # it would go on for as long as its process
            assert supervisor.ready == 1

    asyncio.run(attempt())
    assert "has ended with -9, as where the system has no memory left: it is replaced" in caplog.text


def test_a_machine_that_starts_no_process_is_a_problem_to_be_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/dev/null/no-such-program")

    async def attempt() -> None:
        with pytest.raises(StartError, match="worker 0 cannot be started"):
            async with running(1, tmp_path):
                pass

    asyncio.run(attempt())
