"""A running command: its output, line by line, and its end."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path

from ...requests.foreign_text import escaped
from ...secrets.own_process import hide_from_children
from .command import Command

log = logging.getLogger(__name__)

STOP_GRACE = 10.0
"""Seconds that a server has to end once it is told to."""

KEPT_LINES = 200
"""Lines of output that are kept."""

MAX_LINE = 4096
"""Characters of a line that are logged; what is longer is cut into several."""

_LAST_OUTPUT = 0.5
_KEEPER = Path(__file__).with_name("keeper.py")
_LINE_ENDS = re.compile(rb"\r\n|\n|\r")


class Process:
    """A command under its keeper, which ends it when this process dies, however it dies.

    name: stands before each line in the log. report: where the keeper tells how the command ended. lines: the
    last lines of the output.
    """

    def __init__(self, process: asyncio.subprocess.Process, name: str, report: asyncio.StreamReader) -> None:
        self._process = process
        self._name = name
        self._output = asyncio.create_task(self._read())
        self._report = asyncio.create_task(report.read())
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)

    @classmethod
    async def start(cls, command: Command, name: str, grace: float) -> Process:
        """Run `command`; `grace` is what it has to end in, once told to."""
        starting = asyncio.ensure_future(cls._start(command, name, grace))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:  # the keeper is never killed: it would leave the command behind
            await (await starting).stop()
            raise

    @classmethod
    async def _start(cls, command: Command, name: str, grace: float) -> Process:
        hide_from_children()
        report, told = os.pipe()
        reader = asyncio.StreamReader()
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(_KEEPER), str(grace), str(told), *command.arguments),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=command.env,
                cwd=command.directory,
                pass_fds=(told,),
            )
        except BaseException:
            os.close(report)
            raise
        finally:
            os.close(told)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(report, "rb", 0)
        )
        return cls(process, name, reader)

    @property
    def keeper(self) -> int:
        """The process above all that the command has started."""
        return self._process.pid

    async def ended(self) -> str:
        """How the command ended, as soon as it has: "ended with status 1". What it started may still run."""
        said = await asyncio.shield(self._report)
        return _ending(int(said) if said else await self._process.wait())

    async def last_lines(self) -> list[str]:
        """The end of the output of a command that has ended."""
        with suppress(TimeoutError):  # someone who got away may hold the output open
            await asyncio.wait_for(asyncio.shield(self._output), _LAST_OUTPUT)
        return list(self.lines)

    async def stop(self) -> None:
        """Tell it to end, and wait until it and all of its group have. Safe to call twice."""
        stdin = self._process.stdin
        assert stdin is not None
        stdin.close()
        with suppress(ConnectionError):
            await stdin.wait_closed()
        await self._process.wait()
        await self.last_lines()
        for task in (self._output, self._report):
            task.cancel()
        await asyncio.wait([self._output, self._report])

    async def _read(self) -> None:
        output = self._process.stdout
        assert output is not None
        rest = b""
        while data := await output.read(1 << 16):
            *lines, rest = _LINE_ENDS.split(rest + data)
            while len(rest) > MAX_LINE:
                lines, rest = [*lines, rest[:MAX_LINE]], rest[MAX_LINE:]
            for line in lines:
                self._keep(line)
        self._keep(rest)

    def _keep(self, line: bytes) -> None:
        if text := escaped(line.decode("utf-8", "replace").rstrip().replace("\t", "    ")):
            self.lines.append(text)
            log.info("%s | %s", self._name, text)


def _ending(status: int) -> str:
    if status < 0:
        return f"was ended because its keeper was, by {signal.Signals(-status).name}"
    if status > 128:
        with suppress(ValueError):
            return f"was ended by {signal.Signals(status - 128).name}"
    return f"ended with status {status}"
