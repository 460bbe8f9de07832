"""Real processes of inferc, what they use, and what is left of them. Needs /proc, which is Linux's."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from attrs import define, field

INFERC = [sys.executable, "-m", "inferc.cli"]
KEY, TOKEN = "sk-provider-4f1c09d2e7ab", "tok-gateway-83b6e0c5f14d"
"""Made up; `env("KEY")` and `env("TOKEN")` in the files."""
PATIENCE = 60.0
"""Seconds that a process has to start."""


def started(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """`inferc` with these arguments; `Popen` says the options."""
    return subprocess.Popen([*INFERC, *arguments], **options)


start: Callable[..., subprocess.Popen[bytes]] = started
"""How processes begin: `tests/support/forked.py` is quicker."""

_TICKS = os.sysconf("SC_CLK_TCK")


def environment(folder: Path) -> dict[str, str]:
    """That of the processes: no proxies, the keys, and a cache of their own."""
    mine = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return mine | {"KEY": KEY, "TOKEN": TOKEN, "NO_COLOR": "1", "XDG_CACHE_HOME": str(folder / "cache")}


def command(folder: Path, *arguments: str, timeout: float = 30) -> tuple[int, str]:
    """A command that ends by itself: its exit status, and all that it said. Raises TimeoutExpired."""
    with start(
        *arguments,
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return process.returncode, (out + err).decode("utf-8", "replace")


@define
class Gateway:
    """`inferc run`, as others see it. port: None while, or where, it does not serve."""

    folder: Path
    process: subprocess.Popen[bytes]
    log_file: Path
    port: int | None = None
    family: dict[int, str] = field(factory=dict)
    """All processes that were seen below it: number, and when they began."""

    @property
    def log(self) -> str:
        return self.log_file.read_text("utf-8", "replace")

    @property
    def status(self) -> int | None:
        """The exit status; None while it runs."""
        return self.process.poll()

    def processes(self) -> list[int]:
        """The process itself, and all below it."""
        children: dict[int, list[int]] = {}
        born: dict[int, str] = {}
        for name in filter(str.isdigit, os.listdir("/proc")):
            if found := _stat(int(name)):
                children.setdefault(int(found[1]), []).append(int(name))
                born[int(name)] = found[19]
        mine = [self.process.pid]
        for pid in mine:
            mine += children.get(pid, [])
        self.family.update({pid: born[pid] for pid in mine if pid in born})
        return mine

    def left(self, seconds: float = 0) -> list[int]:
        """Those that were seen and still run, after at most so many seconds to end."""
        until(lambda: not self._alive(), seconds)
        return self._alive()

    def _alive(self) -> list[int]:
        now = {pid: _stat(pid) for pid in self.family}
        return [pid for pid, it in now.items() if it and it[19] == self.family[pid] and it[0] != "Z"]

    def memory(self, peak: bool = False, alone: bool = False) -> float:
        """MB that all of its processes have, or had at most. alone: of the process itself."""
        name = "VmHWM" if peak else "VmRSS"
        processes = [self.process.pid] if alone else self.processes()
        sizes = [re.search(rf"{name}:\s+(\d+)", _read(f"/proc/{pid}/status")) for pid in processes]
        return sum(int(size[1]) for size in sizes if size) / 1024

    def cpu(self) -> float:
        """Seconds of processor time that all of its processes have used."""
        found = [_stat(pid) for pid in self.processes()]
        return sum(int(ticks) for each in found if each for ticks in each[11:15]) / _TICKS

    def stop(self, seconds: float = 40) -> float | None:
        """Send SIGTERM: after how many seconds it had ended, or None when it had not."""
        self.processes()
        began = time.monotonic()
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        return time.monotonic() - began

    def kill(self) -> None:
        """kill -9, of this process alone."""
        self.processes()
        self.process.kill()
        self.process.wait(PATIENCE)


@contextlib.contextmanager
def gateway(
    text: str,
    *,
    files: dict[str, str | bytes] | None = None,
    folder: Path | None = None,
    arguments: tuple[str, ...] = (),
    more: dict[str, str] | None = None,
    wait: float = PATIENCE,
    must_start: bool = True,
) -> Iterator[Gateway]:
    """`inferc run` of a file with this text, and what is left of it ended afterwards.

    files: others beside it. folder: where they are written, a temporary one unless given. more: environment
    variables. wait: seconds until it must serve, or have ended.
    """
    with contextlib.ExitStack() as stack:
        where = folder or stack.enter_context(temporary_folder())
        for name, content in {"app.infer": text, **(files or {})}.items():
            (where / name).write_bytes(content.encode() if isinstance(content, str) else content)
        number, log = tempfile.mkstemp(prefix="log-", dir=where)
        process = start(
            *("run", "app.infer", "--port", "0", *arguments),
            cwd=where,
            env=environment(where) | (more or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=number,
            start_new_session=True,
        )
        os.close(number)
        it = Gateway(where, process, Path(log))
        stack.callback(_end, it)

        def has_begun() -> bool:
            found = re.search(r"^serving .* at http://[^/\s]*:(\d+)", it.log, re.M)
            it.port = int(found[1]) if found else None
            return bool(found) or it.status is not None

        until(has_begun, wait)
        if must_start and it.port is None:
            raise RuntimeError("inferc did not start: " + " / ".join(it.log.splitlines()[-12:]))
        yield it


def _end(it: Gateway) -> None:
    if it.status is None:
        it.processes()
        it.process.kill()
        it.process.wait(PATIENCE)
    for pid in it.left(1):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def until(happened: Callable[[], object], seconds: float, pause: float = 0.05) -> bool:
    """Wait until something has happened, for at most so many seconds: whether it has."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def _stat(pid: int) -> list[str] | None:
    """The fields of a process from its state on; None if there is no such process."""
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].split() or None


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace")
    except OSError:
        return ""
