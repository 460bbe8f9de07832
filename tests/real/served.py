"""`inferc run` in front of servers that it launches, both as users start them, and what is asked of them."""

from __future__ import annotations

import http.client
import json
import os
import re
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
INFERC = os.environ.get("INFERC", str(ROOT / ".venv/bin/inferc"))
PATIENCE = 120.0
"""Seconds that a server may take to start on a busy machine."""

KEY = f"sk-{secrets.token_hex(32)}"
"""What servers that want a key are told, and shown."""

READY = re.compile(r"deployment `(?P<name>[^`]+)`: its server is ready at (?P<url>\S+)")
Json = dict[str, Any]


class Answer(NamedTuple):
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def post(url: str, path: str, body: Json) -> Answer:
    """Ask, and read the whole answer."""
    with sent(url, path, body) as response:
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())


def stream(url: str, path: str, body: Json) -> list[Json]:
    """Ask for a stream, and read its events up to the end marker."""
    with sent(url, path, body | {"stream": True}) as response:
        assert response.status == 200, response.read()
        found = list(events(response))
    assert found, "an empty stream"
    assert found[-1] == "[DONE]", found[-1]
    return [json.loads(each) for each in found[:-1]]


def events(response: http.client.HTTPResponse) -> Iterator[str]:
    """The data of each event, as it comes: what is there is taken at once, so that nothing piles up."""
    rest = b""
    while piece := response.read1(1 << 16):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip().decode()


@contextmanager
def sent(url: str, path: str, body: Json) -> Iterator[http.client.HTTPResponse]:
    """The answer while it comes; the connection is closed with the block."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=PATIENCE)
    try:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
        connection.request("POST", where.path + path, json.dumps(body), headers)
        yield connection.getresponse()
    finally:
        connection.close()


def get(url: str, path: str) -> Answer:
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=PATIENCE)
    try:
        connection.request("GET", where.path + path)
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def until(holds: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Wait for what another process does in its own time; gives what it gave."""
    ends = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < ends, f"{what}: not within {seconds:g} s"
        time.sleep(0.02)
    return found


class Served:
    """A gateway, and the servers that it has launched."""

    def __init__(self, folder: Path, file: Path, environ: Mapping[str, str]) -> None:
        self._log = folder / "inferc.log"
        self._mark = f"INFERC_REAL_TEST={folder}".encode()
        self.killed = False
        env = {**os.environ, "NO_COLOR": "1", "KEY": KEY, **environ}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [INFERC, "run", str(file), "--port", "0"], cwd=folder, env=env, stdout=log, stderr=log
            )
        try:
            found = until(self._listening, "inferc listens")
        except BaseException:
            self.end()
            raise
        self.url: str = found[0]

    def _listening(self) -> re.Match[str] | None:
        assert self.process.poll() is None, self.log
        return re.search(r"(?<= at )http://127\.0\.0\.1:\d+(?= \(Ctrl-C stops\))", self.log)

    @property
    def log(self) -> str:
        """What the gateway has said so far."""
        return self._log.read_text(errors="replace")

    def direct(self, name: str) -> str:
        """The address of the server of a deployment, or `deployment/replica`, as it runs now."""
        found = [each["url"] for each in READY.finditer(self.log) if each["name"] == name]
        assert found, f"{name} was never ready"
        return found[-1]

    def starts(self, name: str) -> int:
        """How often the server was ready."""
        return sum(each["name"] == name for each in READY.finditer(self.log))

    def pid(self, name: str) -> int:
        """The process that listens for a deployment."""
        port = urlsplit(self.direct(name)).port
        return _listener(int(port or 0))

    def processes(self) -> list[int]:
        """All that were launched, and what they have started."""
        return [each for each in _processes() if self._mark in _environment(each)]

    def family(self, name: str) -> list[int]:
        """What keeps the server of a deployment, and all that belongs to it, the keeper first."""
        member = self.pid(name)
        while b"keeper.py" not in _command(member):
            member = _parent(member)
        below = [member]
        for each in below:
            below += [other for other in self.processes() if _parent(other) == each and other not in below]
        return below

    def end(self) -> None:
        """End the gateway as an operator does, and see that nothing is left of its servers."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        assert not self.processes(), self.log


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _processes() -> list[int]:
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit() and _runs(each)]


def _runs(entry: Path) -> bool:
    try:
        return (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def _born(pid: int) -> int:
    """When a process was started; numbers of processes are given again."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return 1 << 62


def _listener(port: int) -> int:
    """Whose socket listens at `port` of 127.0.0.1, or of all addresses."""
    sockets = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and int(words[1].rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{words[9]}]")
    for pid in sorted(_processes(), key=_born):  # those that it has started may hold the socket, too
        try:
            if any(os.readlink(each) in sockets for each in Path(f"/proc/{pid}/fd").iterdir()):
                return pid
        except OSError:
            continue
    raise AssertionError(f"nobody listens at {port}")
