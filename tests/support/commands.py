"""Commands of inferc as processes: servers that are started, found and stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from attrs import frozen

from .forked import PATIENCE, ROOT, forked as fork

SAMPLES = ROOT / "samples"
INFERC = [sys.executable, "-m", "inferc.cli"]


@frozen
class Running:
    """A server, the URL that it announced, and what it said before."""

    process: subprocess.Popen[str]
    url: str
    before: str = ""

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Send the signal; gives the exit status, and what was said since the start."""
        said: list[str] = []

        def read() -> None:
            assert self.process.stderr is not None
            said.append(self.process.stderr.read())  # also what came along with the line that announced it

        self.process.send_signal(number)
        reading = threading.Thread(target=read, daemon=True)
        reading.start()
        reading.join(PATIENCE)
        assert said, "it goes on, or what it started does"
        return self.process.wait(timeout=PATIENCE), said[0]


@contextmanager
def serving(
    *arguments: str,
    cwd: Path = ROOT,
    environment: dict[str, str] | None = None,
    patience: float = 10 * PATIENCE,
    output: IO[str] | None = None,
    forked: bool = True,
) -> Iterator[Running]:
    """`inferc` with these arguments, once it takes requests; killed at the end if it still runs, and after
    `patience` seconds. forked: it need not start as it does for users, with all imports.
    """
    start = fork if forked else _started
    process = start(
        *arguments,
        cwd=cwd,
        env=os.environ | {"NO_COLOR": "1", "OPENAI_API_KEY": "key-one"} | (environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=output or subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(patience, process.kill)
    watchdog.start()
    try:
        yield Running(process, *_announced(process))
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate(timeout=PATIENCE)  # until what it started has ended, too


def _started(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen([*INFERC, *arguments], **options)


def _announced(process: subprocess.Popen[str]) -> tuple[str, str]:
    """The URL that the server says once it is ready, and what it said before."""
    assert process.stderr is not None
    said = []
    watchdog = threading.Timer(2 * PATIENCE, process.kill)
    watchdog.start()
    try:
        for line in process.stderr:
            if found := re.match(r"(?:serving|mock provider) .*?at (http://[^\s,]+)", line):
                return found[1], "".join(said)
            said.append(line)
    finally:
        watchdog.cancel()
    pytest.fail(f"the server did not start:\n{''.join(said)}")
