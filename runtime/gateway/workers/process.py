"""The process of one worker, as its supervisor sees it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Sequence

from .channel import Channel

_OF_SYSTEMD = frozenset({"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS"})


class WorkerProcess:
    """One worker, as its supervisor sees it."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.pid = 0
        self.began = 0.0
        """When it last took requests for the first time, in seconds since 1970."""
        self.replaced = 0
        self.channel: Channel | None = None
        self.task: asyncio.Task[None] | None = None
        self.is_ready = False


async def spawned(
    command: Sequence[str], handed: Sequence[int]
) -> tuple[socket.socket, asyncio.subprocess.Process]:
    """A process, and our end of the socket between us. handed: files that it inherits. Raises OSError."""
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *command,
                str(theirs.fileno()),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno(), *handed],
                start_new_session=True,  # Ctrl-C is for the supervisor alone
                env=_environment(),
            )
    except BaseException:
        ours.close()
        raise
    return ours, process


def memory_of(pid: int) -> int | None:
    """Bytes of memory that a process has; None where that cannot be known."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def _environment() -> dict[str, str]:
    """What a worker sees: systemd is for the supervisor, and modules are found where this process does."""
    kept = {name: value for name, value in os.environ.items() if name not in _OF_SYSTEMD}
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONSAFEPATH": "1"}
