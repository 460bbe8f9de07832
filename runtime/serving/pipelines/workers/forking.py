"""The process that workers are forked from: small, without threads, and with nothing secret in it.

It forks when it is told to, ends whom it is told to end, and says who has ended. When its control socket
closes, which happens however the executor dies, it ends all workers and itself; when it dies, they do, too.
"""

from __future__ import annotations

import ctypes
import gc
import os
import selectors
import signal
import socket
import struct
import sys
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

from .serving import serve

MESSAGE = struct.Struct("<cqi")
"""What is told: kind, number of the worker; how much it gives way to others, or how it ended."""

START, END, ENDED = b"s", b"k", b"e"

_PR_SET_PDEATHSIG = 1


def main(control: socket.socket, preload: list[str]) -> None:
    """Serve `control` until it closes. preload: modules that all workers share."""
    os.dup2(2, 1)  # what code of users prints is no answer of the program
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    for name in preload:
        with suppress(ImportError):
            import_module(name)
    gc.collect()
    gc.freeze()
    _Forking(control).run()


class _Forking:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._pids: dict[int, int] = {}
        self._numbers: dict[int, int] = {}

    def run(self) -> None:
        ended, write = os.pipe()
        os.set_blocking(write, False)
        os.set_blocking(ended, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        selector = selectors.DefaultSelector()
        selector.register(self._control, selectors.EVENT_READ)
        selector.register(ended, selectors.EVENT_READ)
        try:
            while True:
                for key, _ in selector.select():
                    if key.fd == ended:
                        with suppress(BlockingIOError):
                            os.read(ended, 4096)
                        self._reap()
                    elif not self._obey():
                        return
        finally:
            for pid in self._pids.values():
                os.kill(pid, signal.SIGKILL)
                _kill_group(pid)

    def _obey(self) -> bool:
        """Do what is asked; False when nobody asks any more."""
        try:
            said, fds, _, _ = socket.recv_fds(self._control, MESSAGE.size, 1)
        except ConnectionError:
            return False
        if len(said) < MESSAGE.size:
            return False
        kind, number, nice = MESSAGE.unpack(said)
        if kind == START and fds:
            self._fork(number, fds[0], nice)
        elif kind == END and number in self._pids:
            os.kill(self._pids[number], signal.SIGKILL)  # the rest of its group follows when it is reaped
        return True

    def _fork(self, number: int, fd: int, nice: int) -> None:
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError:  # no more processes: as if it had ended at once
            os.close(fd)
            self._tell(number, 1)
            return
        if not pid:
            self._become_worker(parent, fd, nice)
        os.close(fd)
        self._pids[number], self._numbers[pid] = pid, number

    def _become_worker(self, parent: int, fd: int, nice: int) -> NoReturn:
        status = 1
        try:
            os.setsid()
            os.nice(nice)
            if sys.platform == "linux":
                ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() == parent:
                self._control.close()
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                serve(socket.socket(fileno=fd))
                status = 0
        finally:
            os._exit(status)

    def _reap(self) -> None:
        while self._pids:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            number = self._numbers.pop(pid, None)
            _kill_group(pid)  # what it has left behind
            if number is not None:
                del self._pids[number]
                self._tell(number, os.waitstatus_to_exitcode(status))

    def _tell(self, number: int, status: int) -> None:
        with suppress(OSError):
            self._control.sendall(MESSAGE.pack(ENDED, number, status))


def _kill_group(pid: int) -> None:
    """The worker and what it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
