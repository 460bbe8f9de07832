"""Pages that are run as they are written: their files are written, and their commands say what is shown."""

from __future__ import annotations

import gc
import io
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, chdir, closing, contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from random import sample
from tempfile import TemporaryDirectory
from unittest.mock import patch

from attrs import define, field

from inferc.cli.main import main

from .forked import forked

BLOCK = re.compile(r"^```(?P<kind>\w+)(?: (?P<name>\S+))?\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
PORT = re.compile(r"(?:--port |127\.0\.0\.1:|localhost:)(\d{4,5})")
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
"""What is typed, and what is said; a line that ends with a backslash goes on."""
_SERVES = "(Ctrl-C stops)"
"""How what serves ends its first line; it is left running, until another one takes its port."""
_ELSEWHERE = ("code", "docker", "kubectl", "make", "pip", "pygmentize", "python3")
"""Commands of other tools, which a page tells to run and says nothing of."""

_TOOK = re.compile(
    r"\([\d,]+ played, .*?\)|\b\d+(?:\.\d+ ?s|ms)\b|\b\d\d:\d\d:\d\d\b|\|[ =]+\|$| {2,}", re.MULTILINE
)
_CURL = 'curl() { command curl -sS "$@"; }'
"""On a terminal it shows no progress, either."""
_LOGGED = re.compile(r"^\d\d:\d\d:\d\d INFO .*\n", re.MULTILINE)
"""What a slow machine says while it goes on."""
_NAMED = re.compile(r'"(id|created)": ?("[^"]*"|\d+)')
_BESIDE = ("call",)
"""Commands that have a process of their own: they are over when all that they opened is closed."""
_SHELL = re.compile(r"[$|<>;&*`]")
"""What a shell would do something about."""
_USUAL = 8080
"""The port at which `inferc run` serves where nothing is said."""
_LIMIT = 60
"""Seconds that a command has: the machine may be busy."""


def played(text: str, folder: Path) -> str:
    """`text`, with what its commands really say wherever that is something else than the page shows."""
    with Session.begun(folder, text) as session:
        return BLOCK.sub(session.block, text)


_SLOW = re.compile(r"^.*: \d+ s so far, .* at most\n", re.MULTILINE)
"""What is told of a start on a busy machine alone."""


def _is_like(shown: str, said: str) -> bool:
    """Whether a page shows what was said, but for times and ids; `…` alone on a line: any lines.

    What runs at the same time may be told in any order.
    """
    page, real = _settled(shown), _settled(_SLOW.sub("", said))
    pattern = re.escape(page).replace("…\\\n", "(.*\\n)*?")
    pattern = re.sub("…$", "(?s:.*)", pattern)
    return re.fullmatch(pattern, real) is not None or sorted(page.split("\n")) == sorted(real.split("\n"))


def _settled(text: str) -> str:
    return _NAMED.sub(r'"\1": N', _TOOK.sub("N", text.strip()))


@define
class Session:
    """One page. ports: those that the page names, and those that stand for them, which are free."""

    folder: Path
    ports: dict[str, str]
    environment: dict[str, str]
    running: list[subprocess.Popen[bytes]] = field(factory=list)
    serving: dict[str, subprocess.Popen[bytes]] = field(factory=dict)
    """By the port that it said it serves at."""

    @classmethod
    @contextmanager
    def begun(cls, folder: Path, text: str) -> Iterator[Session]:
        bin = str(Path(sys.executable).parent)
        path = bin + os.pathsep + os.environ.get("PATH", "")
        environment = os.environ | {"PATH": path, "NO_COLOR": "1", "COLUMNS": "100", "HOME": str(folder)}
        session = cls(folder, _free({*PORT.findall(text), str(_USUAL)}), environment)
        with TemporaryDirectory() as sockets:
            environment["XDG_RUNTIME_DIR"] = sockets
            try:
                yield session
            finally:
                for process in session.running:
                    _end(process)

    def block(self, found: re.Match[str]) -> str:
        """Write a file, or run commands; gives the block as it should be."""
        kind, name, body = found["kind"], found["name"], found["body"]
        if name:
            (self.folder / name).write_text(self._here(body), "utf-8")
        if kind != "console":
            return found[0]
        said = "".join(
            f"$ {command}\n{self._said(command, shown)}" for command, shown in COMMAND.findall(body)
        )
        return found[0] if _is_like(body, said) else f"```console\n{said}```"

    def _said(self, command: str, shown: str) -> str:
        if command.split()[0] in _ELSEWHERE and not shown:
            return ""
        if shown.endswith(f"{_SERVES}\n"):
            return self._there(self._serves(command))
        exported = re.findall(r"(\w+)=(\S+)", command) if command.startswith("export ") else ()
        self.environment |= dict(exported)
        if exported:
            return ""
        if command.endswith(" &"):
            self._start(command.removesuffix(" &"))
            return ""
        words = shlex.split(command.replace("\\\n", ""))
        if words[0] == "inferc" and not {">", "|"} & {*words}:
            if words[1] not in _BESIDE:
                return self._there(self._said_here(words[1:]))
            with self._begun(command, subprocess.PIPE) as process:
                return self._there(_LOGGED.sub("", process.communicate(timeout=_LIMIT)[0].decode()))
        done = subprocess.run(
            ["bash", "-c", f"{_CURL}; {self._here(command)} 2>&1"],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=_LIMIT, check=False,
        )  # fmt: skip
        said = _LOGGED.sub("", self._there(done.stdout))
        return said if said == "" or said.endswith("\n") else f"{said}\n"

    def _said_here(self, arguments: list[str]) -> str:
        """What a command of ours says, in this process, which is quicker."""
        said = io.StringIO()
        with ExitStack() as around:
            around.enter_context(chdir(self.folder))
            around.enter_context(patch.dict(os.environ, self.environment))
            around.enter_context(redirect_stdout(said))
            around.enter_context(redirect_stderr(said))
            around.callback(gc.enable)
            around.enter_context(suppress(SystemExit))
            main([self._here(each) for each in arguments])
        return said.getvalue()

    def _serves(self, command: str) -> str:
        """Run what serves, in place of what does so at its port; gives its first line.

        What a slow machine says before it is none of it.
        """
        typed = command if "--port" in command else f"{command} --port {_USUAL}"
        port = self.ports[PORT.findall(typed)[0]]
        if (before := self.serving.pop(port, None)) is not None:
            _end(before)
        process = self._begun(typed, subprocess.PIPE)
        self.serving[port] = process
        assert process.stdout is not None
        watchdog = threading.Timer(_LIMIT, process.kill)
        watchdog.start()
        while _SLOW.fullmatch(line := process.stdout.readline().decode()):
            pass
        watchdog.cancel()
        return line

    def _start(self, command: str) -> None:
        """Run what serves, and wait until it listens where none of the others does."""
        before = {port for port in self.ports.values() if _listens(port)}
        process = self._begun(command, subprocess.DEVNULL)
        until = time.monotonic() + _LIMIT
        while not any(_listens(port) for port in self.ports.values() if port not in before):
            assert process.poll() is None, f"{command} has ended"
            assert time.monotonic() < until, f"{command} does not listen"
            time.sleep(0.02)

    def _begun(self, command: str, output: int) -> subprocess.Popen[bytes]:
        """Run what goes on while other commands are typed."""
        here = self._here(command)
        words = shlex.split(here.replace("\\\n", ""))
        options = {
            "cwd": self.folder, "env": self.environment, "stdin": subprocess.DEVNULL,
            "stdout": output, "stderr": subprocess.STDOUT, "start_new_session": True,
        }  # fmt: skip
        if words[0] == "inferc" and not _SHELL.search(command):
            process = forked(*words[1:], **options)
        else:
            process = subprocess.Popen(["bash", "-c", f"exec {here}"], **options)
        self.running.append(process)
        return process

    def _here(self, text: str) -> str:
        return PORT.sub(lambda found: found[0].replace(found[1], self.ports.get(found[1], found[1])), text)

    def _there(self, text: str) -> str:
        for port, used in self.ports.items():
            text = text.replace(f":{used}", f":{port}")
        return text


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(_LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.stdout is not None:
        process.stdout.close()


def _free(ports: set[str]) -> dict[str, str]:
    """Other ports, which the system gives to no client either: below those that it chooses itself."""
    free = (port for port in sample(range(20_000, 30_000), 1000) if not _listens(str(port)))
    return {port: str(next(free)) for port in sorted(ports)}


def _listens(port: str) -> bool:
    with closing(socket.socket()) as asking:
        return asking.connect_ex(("127.0.0.1", int(port))) == 0
