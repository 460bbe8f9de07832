"""Processes of `inferc`, of programs that use it and of its workers, forked from one that has imported all.

To start is mostly to import. Tests of what a process says and does need not pay for that each time; those of
how it starts use `INFERC` and `subprocess`.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60
"""Seconds after which a process that says nothing is taken for stuck."""
NUMBER = struct.Struct("i")
MOST = 1 << 18
"""Bytes that one is asked for with; most of them are the environment."""


class Forked(subprocess.Popen[Any]):
    """`Popen` of `inferc` with these arguments."""

    _told: socket.socket | None = None
    """Says which number the process has, and then how it ended: that is known to its parent alone."""

    def __init__(self, *arguments: object, **options: Any) -> None:
        words = [sys.executable, "-m", "inferc.cli", *map(str, arguments)]
        super().__init__(words, **options)

    def _arguments(self, args: list[str]) -> list[str]:
        return args[3:]

    def _server(self) -> _Server:
        return _INFERC

    # In place of how `Popen` starts a program, and of how it waits for its end.

    def _execute_child(self, args: list[str], *more: Any) -> None:
        if sys.platform != "linux":
            super()._execute_child(args, *more)  # type: ignore[misc]
            return
        _, _, _, passed, cwd, env, _, _, _, stdin, _, _, stdout, _, stderr, _, _, _, _, _, new_session, _ = (
            more
        )
        begun = {
            "arguments": self._arguments(args),
            "folder": os.fspath(cwd or os.getcwd()),
            "environment": dict(os.environ if env is None else env),
            "new_session": new_session,
        }
        self._told, theirs = socket.socketpair()
        files = [number if given == -1 else given for number, given in enumerate((stdin, stdout, stderr))]
        with theirs:
            self._server().ask(json.dumps(begun).encode(), [*files, *passed, theirs.fileno()])
        self.pid = NUMBER.unpack(self._told.recv(NUMBER.size))[0]
        self._child_created = True
        self._close_pipe_fds(*more[9:15])  # type: ignore[attr-defined]

    def _try_wait(self, flags: int) -> tuple[int, int]:
        if self._told is None:
            return super()._try_wait(flags)  # type: ignore[misc]
        try:
            said = self._told.recv(NUMBER.size, socket.MSG_DONTWAIT if flags else 0)
        except BlockingIOError:
            return 0, 0
        self._told.close()
        return self.pid, NUMBER.unpack(said)[0] if said else signal.SIGKILL  # with the one it was forked from

    def _internal_poll(self, _deadstate: int | None = None, **_: Any) -> int | None:
        if self._told is None:
            return super()._internal_poll(_deadstate)  # type: ignore[misc]
        if self._waitpid_lock.acquire(False):  # or else another thread waits for it
            try:
                pid, status = self._try_wait(os.WNOHANG) if self.returncode is None else (0, 0)
                if pid:
                    self._handle_exitstatus(status)  # type: ignore[attr-defined]
            finally:
                self._waitpid_lock.release()
        return self.returncode


class Program(Forked):
    """`Popen` of Python with a program and its arguments, as `python -c` runs it.

    What inferc imports is there already, so it cannot be seen what the program imports itself.
    """

    def __init__(self, program: str, /, *arguments: object, **options: Any) -> None:
        subprocess.Popen.__init__(self, [sys.executable, "-c", program, *map(str, arguments)], **options)

    def _arguments(self, args: list[str]) -> list[str]:
        return args[1:]


class ForkedWorkers(Forked):
    """`Popen` of the process that workers are forked from, with what `ForkServer` gives it."""

    def __init__(self, words: list[str], **options: Any) -> None:
        subprocess.Popen.__init__(self, words, **options)

    def _arguments(self, args: list[str]) -> list[str]:
        path, _, preload = args[-3:]
        return [path, preload]

    def _server(self) -> _Server:
        return _WORKERS


def ran(
    *arguments: object,
    input: str | bytes | None = None,
    timeout: float = PATIENCE,
    check: bool = False,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """`subprocess.run` of `inferc` with these arguments, which takes what it says."""
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with Forked(*arguments, **streams, **options) as process:
        try:
            out, err = process.communicate(input, timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
    if check:
        done.check_returncode()
    return done


class InLoop:
    """What `asyncio.create_subprocess_exec` gives, of `inferc`: see `begun`."""

    def __init__(self, process: Forked) -> None:
        self.process = process
        self.pid, self.kill, self.terminate = process.pid, process.kill, process.terminate
        self.send_signal = process.send_signal
        self.stdin: asyncio.StreamWriter | None = None
        self.stdout: asyncio.StreamReader | None = None
        self.stderr: asyncio.StreamReader | None = None

    @property
    def returncode(self) -> int | None:
        return self.process.poll()

    async def wait(self) -> int:
        while (status := self.process.poll()) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return status


async def begun(*arguments: object, **options: Any) -> InLoop:
    """`asyncio.create_subprocess_exec` of `inferc` with these arguments."""
    loop = asyncio.get_running_loop()
    it = InLoop(Forked(*arguments, **options))
    for name in ("stdout", "stderr"):
        if (pipe := getattr(it.process, name)) is not None:
            reader = asyncio.StreamReader()
            setattr(it, name, reader)
            await loop.connect_read_pipe(partial(asyncio.StreamReaderProtocol, reader), pipe)
    if it.process.stdin is not None:
        made = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, it.process.stdin)
        it.stdin = asyncio.StreamWriter(*made, None, loop)
    return it


class _Server:
    """The process that others are forked from, started when the first one is wanted. module: what it runs."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._lock = threading.Lock()
        self._control: socket.socket | None = None

    def start(self) -> socket.socket:
        with self._lock:
            if self._control is None:
                self._control = self._started()
            return self._control

    def ask(self, message: bytes, files: list[int]) -> None:
        socket.send_fds(self.start(), [message], files)

    def _started(self) -> socket.socket:
        ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", f"tests.support.{self._module}", str(theirs.fileno())],
                cwd=ROOT,
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # threads are lost where a process is forked
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        atexit.register(process.wait)
        atexit.register(ours.close)  # which is what ends it
        return ours


_INFERC = _Server("fork_server")
_WORKERS = _Server("fork_server_of_workers")


def start_servers() -> None:
    """Start what others are forked from, for all processes that are forked from this one."""
    if sys.platform == "linux":
        _INFERC.start()
        _WORKERS.start()
