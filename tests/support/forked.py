"""Processes of `inferc`, of programs that use it and of its workers, forked from one that has imported all.

To start is mostly to import. Tests of what a process says and does need not pay for that each time; those of
how it starts use `INFERC` and `subprocess`.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any, Self

from . import ONE_THREAD

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60
"""Seconds after which a process that says nothing is taken for stuck."""
NUMBER = struct.Struct("i")
MOST = 1 << 18
"""Bytes that one is asked for with; most of them are the environment."""
STREAMS = ("stdin", "stdout", "stderr")


class Forked:
    """A process of `inferc` with these arguments: what tests use of `Popen`, with its options.

    server: what it is forked from.
    """

    def __init__(
        self,
        *arguments: object,
        server: _Server | None = None,
        cwd: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        start_new_session: bool = False,
        text: bool = False,
        **streams: Any,
    ) -> None:
        self.args = list(map(str, arguments))
        self.returncode: int | None = None
        self._polling = threading.Lock()
        self._reading: dict[str, tuple[threading.Thread, list[Any]]] = {}
        begun = {
            "arguments": self.args,
            "folder": os.fspath(cwd or os.getcwd()),
            "environment": dict(os.environ if env is None else env),
            "new_session": start_new_session,
        }
        self._told, told = socket.socketpair()
        weakref.finalize(self, self._told.close)
        with ExitStack() as theirs:
            theirs.enter_context(told)
            files: list[int] = []
            for number, name in enumerate(STREAMS):
                given = streams.pop(name, None)
                stream, file = _opened(number, given, files, theirs, "" if text else "b")
                setattr(self, name, stream)
                files.append(file)
            assert not streams, f"there is no option {streams}"
            (server or _INFERC).ask(json.dumps(begun).encode(), [*files, *pass_fds, told.fileno()])
        if not select.select([self._told], [], [], PATIENCE)[0]:
            raise TimeoutError(f"what `{self.args[0]}` is to be forked from says nothing")
        self.pid = NUMBER.unpack(self._told.recv(NUMBER.size))[0]

    stdin: Any
    stdout: Any
    stderr: Any

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for its end, which nobody will bring about where the block has failed."""
        if kind is not None:
            self.kill()
        for name in STREAMS:
            stream = getattr(self, name)
            is_read = name in self._reading and self._reading[name][0].is_alive()
            if stream is not None and not is_read:  # to close what is read waits for its end
                with suppress(BrokenPipeError):
                    stream.close()
        try:
            self.wait(PATIENCE)
        except BaseException:
            self.kill()
            raise

    def poll(self) -> int | None:
        """The exit status, -n for signal n; None while it runs."""
        with self._polling:
            if self.returncode is None:
                with suppress(BlockingIOError):  # its parent, which alone knows, has said nothing
                    said = self._told.recv(NUMBER.size, socket.MSG_DONTWAIT)
                    ended = NUMBER.unpack(said)[0] if said else signal.SIGKILL  # with its parent
                    self.returncode = os.waitstatus_to_exitcode(ended)
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            left = None if until is None else max(0.0, until - time.monotonic())
            if not select.select([self._told], [], [], left)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return status

    def communicate(self, input: Any = None, timeout: float | None = None) -> tuple[Any, Any]:
        """All that it says on both streams; may be called again after a timeout. Raises TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout
        for name in STREAMS[1:]:
            if getattr(self, name) is not None and name not in self._reading:
                said: list[Any] = []
                thread = threading.Thread(target=_read, args=(getattr(self, name), said), daemon=True)
                self._reading[name] = thread, said
                thread.start()
        if self.stdin is not None:
            with suppress(BrokenPipeError, ValueError):  # nobody reads it, or it is closed
                if input:
                    self.stdin.write(input)
                self.stdin.close()
        for thread, _ in self._reading.values():
            thread.join(None if until is None else max(0.0, until - time.monotonic()))
            if thread.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait(None if until is None else max(0.0, until - time.monotonic()))
        out, err = (self._reading[name][1][0] if name in self._reading else None for name in STREAMS[1:])
        return out, err

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _opened(number: int, given: Any, before: list[int], theirs: ExitStack, binary: str) -> tuple[Any, int]:
    """Our end of a stream, where it is a pipe, and the file that the process has. before: those of the
    streams before it."""
    if given == subprocess.PIPE:
        reads, writes = os.pipe()
        ours, its = (writes, reads) if number == 0 else (reads, writes)
        theirs.callback(os.close, its)
        return open(ours, f"{'w' if number == 0 else 'r'}{binary}"), its
    if given == subprocess.DEVNULL:
        its = os.open(os.devnull, os.O_RDWR)
        theirs.callback(os.close, its)
        return None, its
    if given == subprocess.STDOUT:
        return None, before[1]
    return None, number if given is None else given if isinstance(given, int) else given.fileno()


def _read(stream: Any, said: list[Any]) -> None:
    with stream:
        said.append(stream.read())


def forked(*arguments: object, **options: Any) -> Any:
    """`Popen` of `inferc` with these arguments, and its options; where processes can be forked, `Forked`."""
    if sys.platform == "linux":
        return Forked(*arguments, **options)
    command = [] if arguments[0] == "-c" else ["-m", "inferc.cli"]
    return subprocess.Popen([sys.executable, *command, *map(str, arguments)], **options)


def forked_program(text: str, /, *arguments: object, **options: Any) -> Any:
    """`Popen` of Python with a program and its arguments, as `python -c` runs it.

    What inferc imports is there already, so it cannot be seen what the program imports itself.
    """
    if sys.platform == "linux":
        return Forked("-c", text, *arguments, **options)
    return subprocess.Popen([sys.executable, "-c", text, *map(str, arguments)], **options)


def forked_workers(words: list[str], **options: Any) -> Any:
    """`Popen` of the process that workers are forked from, with what `ForkServer` gives it."""
    if sys.platform != "linux":
        return subprocess.Popen(words, **options)
    path, _, preload = words[-3:]
    return Forked(path, preload, server=_WORKERS, **options)


def ran(
    *arguments: object,
    input: str | bytes | None = None,
    timeout: float = PATIENCE,
    check: bool = False,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """`subprocess.run` of `inferc` with these arguments, which takes what it says."""
    streams = dict.fromkeys(STREAMS, subprocess.PIPE)
    with forked(*arguments, **streams, **options) as process:
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

    def __init__(self, process: Any) -> None:
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
    it = InLoop(forked(*arguments, **options))
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
                env=os.environ | ONE_THREAD,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        atexit.register(_end, process)
        atexit.register(ours.close)  # which is what ends it
        return ours


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait for its end, which does not come while a process that a test has left holds what asks it."""
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()


_INFERC = _Server("fork_server")
_WORKERS = _Server("fork_server_of_workers")

_COMMAND = f"""\
#!{sys.executable} -IS
import json, os, socket, struct, sys
said, told = socket.socketpair()
begun = dict(arguments=sys.argv[1:], folder=os.getcwd(), environment=dict(os.environ), new_session=False)
with socket.socket(fileno=SERVER) as server:
    socket.send_fds(server, [json.dumps(begun).encode()], [0, 1, 2, told.fileno()])
told.close()
_, ended = struct.unpack("ii", said.recv(8, socket.MSG_WAITALL))
sys.exit(os.waitstatus_to_exitcode(ended))
"""


def command_for_scripts(folder: Path) -> tuple[int, ...]:
    """Put a program `inferc` into `folder`, for scripts of shells, whose processes are `forked`.

    It takes one argument or more. Gives the files that whoever runs a script passes on, as `pass_fds`.
    """
    path = folder / "inferc"
    if sys.platform != "linux":
        path.symlink_to(Path(sys.executable).with_name("inferc"))
        return ()
    server = _INFERC.start().fileno()
    path.write_text(_COMMAND.replace("SERVER", str(server)), "utf-8")
    path.chmod(0o755)
    return (server,)


def start_servers() -> None:
    """Start what others are forked from, for all processes that are forked from this one."""
    if sys.platform == "linux":
        _INFERC.start()
        _WORKERS.start()
