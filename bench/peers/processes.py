"""Servers as processes, each in a session of its own, that are ended with all that they started."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import Request, urlopen

from _proxy import KEY
from _servers import Server
from peers import Started, environment

START = 120.0
"""Seconds that a server may take until it answers."""


class NotStarted(Exception):
    """A server that ended, or did not answer, before it could be measured."""


@contextmanager
def running(started: Started, body: bytes, cpus: set[int] | None) -> Iterator[Server]:
    """The server of `started`, once it has answered `body`; afterwards all of its processes are ended."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            started.argv,
            stdout=said if started.url else subprocess.PIPE,
            stderr=said,
            env=environment(started),
            start_new_session=True,
            preexec_fn=(lambda: os.sched_setaffinity(0, cpus)) if cpus else None,
        )
        try:
            url = started.url
            if not url:
                assert process.stdout is not None
                line = process.stdout.readline().decode().strip().rstrip("/")
                url = f"http://127.0.0.1:{line}" if line.isdecimal() else line
            _wait(process, url + started.path, body, started.headers)
            yield Server(process.pid, url)
        except NotStarted:
            said.seek(0)
            print(said.read()[-4000:].decode(errors="replace"), file=sys.stderr)
            raise
        finally:
            _end(process)


def _wait(process: subprocess.Popen[bytes], url: str, body: bytes, headers: Mapping[str, str]) -> None:
    deadline = time.monotonic() + START
    shown = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}", **headers}
    why: object = "it did not start"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise NotStarted(f"it ended with {process.returncode}")
        try:
            with urlopen(Request(url, body, shown), timeout=10):
                return
        except (URLError, OSError, ValueError) as error:
            why = error
            time.sleep(0.2)
    raise NotStarted(f"no answer from {url}: {why}")


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (15, 9):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
    if process.stdout:
        process.stdout.close()
