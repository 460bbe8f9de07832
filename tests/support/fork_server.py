"""The process that `Forked` ones come from. When whoever started it has ended, it ends, and they with it."""

from __future__ import annotations

import atexit
import gc
import json
import os
import selectors
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

from attrs import define, field

from .forked import MOST, NUMBER, ROOT

MODULES = (
    "cli.calling.run",
    "cli.commands.call",
    "cli.commands.mock_provider",
    "cli.commands.run",
    "cli.serving",
    "compiler.compile",
    "compiler.lowering.lower",
    "compiler.lowering.graph",
    "compiler.lowering.onnx",
    "compiler.pipelines.lower",
    "compiler.routes.lower",
    "runtime.concurrency.event_loop",
    "runtime.concurrency.quick_loop",
    "runtime.executor",
    "runtime.gateway.commands",
    "runtime.gateway.serve",
    "runtime.mock_provider",
    "runtime.replicas.onnx.replica",
    "runtime.replicas.onnx.tasks.classify",
    "runtime.replicas.onnx.tasks.embed",
    "runtime.replicas.onnx.tasks.tensor",
    "runtime.replicas.remote.replica",
)
"""What servers import until they have answered; these import all others."""
LIBRARIES = ("encodings.idna", "onnxruntime", "tokenizers")
"""What they import then of what is not ours; without what keeps them from it, some start threads."""
MODULES_OF = {
    "lsp": ("inferc.editor.serve",),
    "-c": ("redis.asyncio", "redis.asyncio.retry", "redis.backoff", "redis.exceptions"),
}
"""What one command alone needs, from when it is first asked for; `-c`: a program that uses inferc."""


@define
class ForkServer:
    """control: asks for processes. children: by what can be read once they have ended."""

    control: socket.socket
    waiting: selectors.BaseSelector = field(factory=selectors.PollSelector)
    children: dict[int, tuple[int, socket.socket]] = field(factory=dict)

    def serve(self) -> list[str]:
        """Does not return here, but in each process that is forked: with its arguments."""
        self.waiting.register(self.control, selectors.EVENT_READ)
        while True:
            for key, _ in self.waiting.select():
                if key.fileobj is not self.control:
                    self._tell(key.fd)
                elif (arguments := self._fork()) is not None:
                    return arguments

    def _fork(self) -> list[str] | None:
        asked, files, _, _ = socket.recv_fds(self.control, MOST, 5)
        if not asked:
            for pid, _ in self.children.values():
                os.kill(pid, signal.SIGKILL)
            sys.exit()
        begun = json.loads(asked)
        for name in MODULES_OF.get(begun["arguments"][0], ()):
            import_module(name)
        if (pid := os.fork()) == 0:
            self._forget()
            os.close(files.pop())
            return _begin(begun, files)
        *given, last = files
        for number in given:
            os.close(number)
        told = socket.socket(fileno=last)
        told.send(NUMBER.pack(pid))
        end = os.pidfd_open(pid)
        self.children[end] = pid, told
        self.waiting.register(end, selectors.EVENT_READ)
        return None

    def _tell(self, end: int) -> None:
        self.waiting.unregister(end)
        os.close(end)
        pid, told = self.children.pop(end)
        _, status = os.waitpid(pid, 0)
        with told, suppress(OSError):  # nobody may want to know any more
            told.send(NUMBER.pack(status))

    def _forget(self) -> None:
        """A process that is forked has none of this."""
        self.waiting.close()
        self.control.close()
        for end, (_, told) in self.children.items():
            os.close(end)
            told.close()


def _begin(begun: dict[str, Any], files: list[int]) -> list[str]:
    """Be the process that was asked for; gives its arguments. Its files are 0, 1, 2 and so on."""
    if begun["new_session"]:
        os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(begun["folder"])
    os.environ.clear()
    os.environ.update(begun["environment"])
    time.tzset()
    sys.stdin = sys.__stdin__ = os.fdopen(0, closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    return list(begun["arguments"])


def prepare() -> None:
    """Import and make what is needed sooner or later, once for all processes that are forked then."""
    from inferc.compiler.compile import check_file

    for name in (*LIBRARIES, *(f"inferc.{each}" for each in MODULES)):
        import_module(name)
    check_file("hello.infer", ROOT / "samples" / "hello.infer")


def _end(status: int) -> NoReturn:
    """End as Python does, but take apart only what is garbage: to do so with what was there before the fork
    would copy all of that first.
    """
    from inferc.cli.main import _leave

    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    gc.collect()
    gc.disable()
    _leave([status])
    sys.exit(status)


def main(control: int) -> None:
    from inferc.cli.main import main as inferc

    prepare()
    gc.collect()
    gc.freeze()
    arguments = ForkServer(socket.socket(fileno=control)).serve()
    if arguments[0] == "-c":
        sys.argv[:] = ["-c", *arguments[2:]]
        exec(arguments[1], {"__name__": "__main__"})
        _end(0)
    sys.argv[1:] = arguments
    _end(inferc(arguments))


if __name__ == "__main__":
    main(int(sys.argv[1]))
