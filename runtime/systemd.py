"""What systemd is told: `Type=notify` and `notify-reload`, and its watchdog. Elsewhere nothing is said."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from .concurrency.tasks import end_task


def notify(state: str) -> None:
    """Say `state`, such as `READY=1`, to whoever started this process and listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(state.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)


def notify_reloading() -> None:
    """Say that the plan is being read again; `READY=1` ends that."""
    notify(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


@asynccontextmanager
async def watchdog() -> AsyncIterator[None]:
    """While the block runs, tell the watchdog that the event loop turns."""
    every = _watchdog_interval()
    if every is None:
        yield
        return
    task = asyncio.create_task(_turn(every / 2), name="watchdog")
    try:
        yield
    finally:
        await end_task(task)


async def _turn(every: float) -> None:
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(every)


def _watchdog_interval() -> float | None:
    """Seconds after which systemd ends a process that says nothing; None where it waits."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if microseconds.isdecimal() and int(microseconds) > 0 else None
