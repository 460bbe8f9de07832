"""The process that workers are forked from, seen from here: started, asked for workers, started again."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress

from ....secrets.own_process import hide_from_children
from .forking import END, MESSAGE, START

log = logging.getLogger(__name__)

_RUN = (
    "import json, socket, sys; sys.path[:] = json.loads(sys.argv[1]); from {module} import main; "
    "main(socket.socket(fileno=int(sys.argv[2])), json.loads(sys.argv[3]))"
)
_MODULE = f"{__package__}.forking"


class ForkServer:
    """Started when the first worker is wanted. hidden: variables of the environment that workers do not see.

    preload: modules that all workers have from the start.
    """

    def __init__(self, hidden: Iterable[str] = (), preload: Iterable[str] = ()) -> None:
        self._hidden = frozenset(hidden)
        self._preload = list(preload)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._numbers = 0
        self._ends: dict[int, asyncio.Future[int | None]] = {}

    def fork(self, nice: int) -> tuple[int, socket.socket]:
        """A new worker: its number, and the connection to it. Raises OSError.

        nice: how much it gives way where all processors are busy.
        """
        if sys.platform == "win32":
            raise OSError("Windows forks no processes: run this in WSL")
        ours, theirs = socket.socketpair()
        try:
            if self._control is None:
                self._start()
            assert self._control is not None
            self._numbers += 1
            number = self._numbers
            socket.send_fds(self._control, [MESSAGE.pack(START, number, nice)], [theirs.fileno()])
        except OSError:
            ours.close()
            self._lost()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        self._ends[number] = asyncio.get_running_loop().create_future()
        return number, ours

    def kill(self, number: int) -> None:
        """End a worker at once, with all that it has started."""
        if self._control is not None and number in self._ends:
            try:
                self._control.send(MESSAGE.pack(END, number, 0))
            except OSError:
                self._lost()

    async def ended(self, number: int) -> int | None:
        """The exit status of a worker, once it has ended: -n for signal n; None where nobody knows it."""
        return await asyncio.shield(self._ends[number])

    def forget(self, number: int) -> None:
        """Nobody will ask for the end of this worker."""
        self._ends.pop(number, None)

    async def stop(self) -> None:
        """End all workers. Safe to call twice."""
        process = self._process
        self._lost()
        if process is not None:
            await asyncio.to_thread(_end, process)

    def _start(self) -> None:
        hide_from_children()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-c", _RUN.format(module=_MODULE)),
                    *(json.dumps(sys.path), str(theirs.fileno()), json.dumps(self._preload)),
                ],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={name: value for name, value in os.environ.items() if name not in self._hidden},
                start_new_session=True,
            )
        ours.setblocking(False)
        self._control = ours
        asyncio.get_running_loop().add_reader(ours, self._hear, ours)

    def _hear(self, control: socket.socket) -> None:
        """Some worker has ended, or the fork server itself."""
        try:
            while said := control.recv(MESSAGE.size):
                _, number, status = MESSAGE.unpack(said)
                self._tell(number, status)
        except BlockingIOError:
            return
        except (OSError, ValueError):
            pass
        if control is self._control:
            log.error("the process that starts workers has ended; it is started again when one is needed")
            process = self._process
            self._lost()
            if process is not None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.1)

    def _lost(self) -> None:
        """Start anew next time."""
        control, self._control, self._process = self._control, None, None
        if control is not None:
            with suppress(RuntimeError):
                asyncio.get_running_loop().remove_reader(control)
            control.close()
        for number in list(self._ends):
            self._tell(number, None)

    def _tell(self, number: int, status: int | None) -> None:
        end = self._ends.get(number)
        if end is not None and not end.done():
            end.set_result(status)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
