"""Keeps one command running for as long as the process that wants it lives. A script of its own.

    python keeper.py GRACE REPORT COMMAND…

The command runs in a session of its own. When the keeper's standard input ends, which happens however
the other process dies, or when it gets SIGTERM, the whole process group of the command is told to end,
and killed after GRACE seconds. When the command ends by itself, what it left running is ended likewise; so
is what has left the group, where the system lets us adopt it.
To the file descriptor REPORT goes a line as soon as the command has ended, with its status. The exit status
is the same: 128 + n when signal n ended it, 127 when it cannot be started.

When the keeper itself is killed, the system kills the command, where it can (Linux), and the guard, a process
of the keeper's own, ends the rest of the group.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

_LOOK = 0.02
_LAST = 2.0
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> int:
    grace, report, command = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    os.setsid()  # what is sent to the terminal's process group, Ctrl-C above all, is not for the server
    control = _control()
    control(_PR_SET_CHILD_SUBREAPER, 1)  # in a container, nobody else may reap what the command leaves behind
    guard, tell_guard = _start_guard(grace)
    signals = _signals()
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_dying_with(os.getpid(), control),  # there are no threads here
        )
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        _end_guard(guard)
        return 127
    os.write(tell_guard, str(child.pid).encode())
    while _reap(child) is None and not _told_to_stop(signals):
        pass
    if child.returncode is not None:
        with suppress(OSError):  # nobody wants to know any more
            os.write(report, str(_status(child.returncode)).encode())
    os.close(report)
    _end_group(child, grace)
    while _reap(child) is None:
        time.sleep(_LOOK)
    _end_strays(child, guard)
    _end_guard(guard)
    return _status(child.returncode)


def _status(code: int) -> int:
    return 128 - code if code < 0 else code


def _control() -> Callable[[int, int], object]:
    """What sets how Linux treats a process and its children; elsewhere it does nothing."""
    if sys.platform != "linux":
        return lambda option, value: None
    library = ctypes.CDLL(None)
    return lambda option, value: library.prctl(option, value, 0, 0, 0)


def _dying_with(keeper: int, control: Callable[[int, int], object]) -> Callable[[], None]:
    """What the command does before it begins, so that it is killed when the keeper is."""

    def tie() -> None:
        control(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != keeper:  # it was killed just now
            os._exit(1)

    return tie


def _start_guard(grace: float) -> tuple[int, int]:
    """A process that ends the group when the keeper dies without doing so; where it is told the group."""
    hear, tell = os.pipe()
    guard = os.fork()
    if guard:
        os.close(hear)
        return guard, tell
    os.setsid()
    for number in _STOPS:
        signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    os.dup2(hear, 3)
    os.closerange(4, 1 << 16)
    group = os.read(3, 64)
    while os.read(3, 64):
        pass
    if group:
        _end(int(group), grace, lambda: None)
    os._exit(0)


def _end_guard(guard: int) -> None:
    """Nothing is left that it would have to end."""
    with suppress(ProcessLookupError, ChildProcessError):  # someone has killed it
        os.kill(guard, signal.SIGKILL)
        os.waitpid(guard, 0)


def _signals() -> int:
    """Where the number of each signal that arrives can be read."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, *_STOPS):
        signal.signal(number, lambda *_: None)
    return read


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
    _end(child.pid, grace, lambda: _reap(child))


def _end(group: int, grace: float, reap: Callable[[], object]) -> None:
    """SIGTERM to a process group, and SIGKILL for what is still there after `grace` seconds."""
    until = time.monotonic() + grace
    there = _send(group, signal.SIGTERM)
    while there and time.monotonic() < until:
        time.sleep(_LOOK)
        reap()
        there = _send(group, 0)
    if there:
        _send(group, signal.SIGKILL)


def _send(group: int, number: int) -> bool:
    """Whether anyone was there to get it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # the latter where only zombies are left, on macOS
        return False
    return True


def _end_strays(child: subprocess.Popen[bytes], guard: int) -> None:
    """SIGKILL for what has left the group and lost its parent, and then for what that leaves behind."""
    until = time.monotonic() + _LAST
    while time.monotonic() < until and (strays := [each for each in _children() if each != guard]):
        for stray in strays:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(stray, signal.SIGKILL)
        time.sleep(_LOOK)
        _reap(child)


def _children() -> Iterable[int]:
    """The processes whose parent is the keeper; none where the system does not tell."""
    own = os.getpid()
    try:
        with open(f"/proc/{own}/task/{own}/children", encoding="ascii") as listed:
            return [int(each) for each in listed.read().split()]
    except OSError:
        return ()


if __name__ == "__main__":
    sys.exit(main())
