"""A real Redis server, on a free port, for as long as it is needed."""

from __future__ import annotations

import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import define

PATIENCE = 60.0


@define
class RedisServer:
    """A server that keeps nothing on disk; `stop` and `start` make it go away and come back.

    options: further ones of its command line, which win.
    """

    port: int
    directory: Path
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise RuntimeError("these tests need a Redis server: apt-get install redis-server")
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(
            [program, *options, "--dir", str(self.directory), "--loglevel", "warning", *self.options],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("redis-server did not start")
            time.sleep(0.01)

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def command(self, *words: str) -> None:
        """Have it obey a command. Raises RuntimeError when it refuses."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            parts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
            connection.sendall(f"*{len(words)}\r\n{parts}".encode())
            if not (answer := connection.recv(1024)).startswith(b"+"):
                raise RuntimeError(f"`{' '.join(words)}`: {answer!r}")

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """It takes connections, and answers nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


@contextmanager
def redis_server(directory: Path, options: tuple[str, ...] = ()) -> Iterator[RedisServer]:
    """A running server."""
    server = RedisServer(_free_port(), directory, options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _free_port() -> int:
    """A port that stays free while the server is away, as does the one of its cluster, 10,000 above it: none
    of those that systems give to connections.
    """
    while True:
        port = 10_000 + secrets.randbelow(10_000)
        with socket.socket() as taken, socket.socket() as above, suppress(OSError):
            taken.bind(("127.0.0.1", port))
            above.bind(("127.0.0.1", port + 10_000))
            return port
