"""Servers under measurement: each in a process of its own, on a port of its own choice."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from attrs import frozen


@frozen
class Server:
    """A running server process."""

    pid: int
    url: str

    def cpu_seconds(self) -> float:
        """Processor time the process has used so far, in user and in kernel mode."""
        with open(f"/proc/{self.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> int:
        """Memory the process has in use now."""
        with open(f"/proc/{self.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def serving(argv: Sequence[str], *, cpus: set[int] | None = None) -> Iterator[Server]:
    """Run `python *argv`, which must print its port as its first line, and stop it afterwards."""
    process = subprocess.Popen([sys.executable, *argv], stdout=subprocess.PIPE, text=True)
    try:
        if cpus:
            os.sched_setaffinity(process.pid, cpus)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.strip().isdecimal():
            raise RuntimeError(f"the server did not start: {' '.join(argv)}")
        yield Server(process.pid, f"http://127.0.0.1:{line.strip()}")
    finally:
        process.terminate()
        process.wait(timeout=30)
        if process.stdout:
            process.stdout.close()
