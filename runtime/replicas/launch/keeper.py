"""Keeps one command running for as long as the process that wants it lives. A script of its own.

    python keeper.py GRACE COMMAND…

The command runs in a session of its own. When the keeper's standard input ends, which happens however
the other process dies, or when it gets SIGTERM, the whole process group of the command is told to end,
and killed after GRACE seconds. When the command ends by itself, what it left running is ended likewise.
The exit status is the command's: 128 + n when signal n ended it, 127 when it cannot be started.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time

_LOOK = 0.02
_PR_SET_CHILD_SUBREAPER = 36


def main() -> int:
    grace, command = float(sys.argv[1]), sys.argv[2:]
    signals = _signals()
    os.setsid()  # what is sent to the terminal's process group, Ctrl-C above all, is not for the server
    _adopt_orphans()
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    while _reap(child) is None and not _told_to_stop(signals):
        pass
    _end_group(child, grace)
    while (status := _reap(child)) is None:
        time.sleep(_LOOK)
    return 128 - status if status < 0 else status


def _signals() -> int:
    """Where the number of each signal that arrives can be read."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return read


def _adopt_orphans() -> None:
    """Make the keeper reap what its command leaves behind: in a container, nobody else may do it."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _reap(child: subprocess.Popen[bytes]) -> int | None:
    """Clear away whoever has ended; the status of `child` once that has."""
    try:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == child.pid:
                child.returncode = os.waitstatus_to_exitcode(ended[1])
    except ChildProcessError:
        pass
    return child.returncode


def _told_to_stop(signals: int) -> bool:
    """Whether it is time to stop, once anything has happened."""
    stdin = sys.stdin.fileno()
    readable, _, _ = select.select([stdin, signals], [], [])
    if signals in readable and any(number != signal.SIGCHLD for number in os.read(signals, 4096)):
        return True
    return stdin in readable and not os.read(stdin, 4096)


def _end_group(child: subprocess.Popen[bytes], grace: float) -> None:
    """SIGTERM, and SIGKILL for what is still there after `grace` seconds."""
    until = time.monotonic() + grace
    there = _send(child.pid, signal.SIGTERM)
    while there and time.monotonic() < until:
        time.sleep(_LOOK)
        _reap(child)
        there = _send(child.pid, 0)
    if there:
        _send(child.pid, signal.SIGKILL)


def _send(group: int, number: int) -> bool:
    """Whether anyone was there to get it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # the latter where only zombies are left, on macOS
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
