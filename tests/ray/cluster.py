"""A Ray cluster of several nodes on this machine, and `inferc run` before it, as a process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray

INFERC = (sys.executable, "-m", "inferc.cli")
PATIENCE = 180.0
TEAM_KEY = "sk-team-0123456789abcdef"


def until(what: str, holds: Callable[[], Any]) -> Any:
    """Wait until something holds, and give it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.2)
    raise AssertionError(f"never: {what}")


def replicas(application: str) -> dict[str, str]:
    """The live actors of an application of Serve, and the nodes that they are on."""
    from ray._private.state import actors

    return {
        name: each["Address"]["NodeID"]
        for name, each in actors().items()
        if each["State"] == "ALIVE" and each["ActorClassName"].startswith(f"ServeReplica:{application}")
    }


class Gateway:
    """`inferc run --engine ray`, as a process."""

    def __init__(self, file: Path, address: str, *options: str, program: Sequence[str] | None = None) -> None:
        self.port = free_port()
        self.file = file
        self.log = file.with_suffix(".log")
        started = [*(program or INFERC), "run", str(file)]
        command = [*started, "--engine", "ray", "--address", address, *options]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([*command, "--port", str(self.port)], stderr=log, stdout=log)

    def serves(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return "serving" in self.log.read_text()

    def embed(self, model: str = "embedder") -> list[float]:
        """The vector of a text."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/embeddings",
            json.dumps({"model": model, "input": "hello"}).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {TEAM_KEY}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            vector: list[float] = json.load(answer)["data"][0]["embedding"]
        return vector

    def status_of(self, model: str) -> int:
        """The status of a request for a vector."""
        try:
            self.embed(model)
        except urllib.error.HTTPError as error:
            return error.code
        return 200

    def metric(self, line: str) -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=60) as answer:
            return line in answer.read().decode()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextmanager
def gateway(
    file: Path, address: str, *options: str, program: Sequence[str] | None = None
) -> Iterator[Gateway]:
    """One that serves. program: what is run instead of `inferc`."""
    running = Gateway(file, address, *options, program=program)
    try:
        until("it serves", running.serves)
        yield running
    finally:
        running.stop()
        print(running.log.read_text())


@contextmanager
def load(running: Gateway, at_once: int = 4) -> Iterator[Counter[str]]:
    """Requests, so many at a time, for as long as the block runs; how they went."""
    outcomes: Counter[str] = Counter()
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            try:
                running.embed()
                outcomes["ok"] += 1
            except urllib.error.HTTPError as error:
                outcomes[error.read().decode()] += 1
            except OSError as error:
                outcomes[repr(error)] += 1

    threads = [threading.Thread(target=ask) for _ in range(at_once)]
    for each in threads:
        each.start()
    try:
        until("requests are answered", lambda: outcomes["ok"] > 20)
        yield outcomes
        seen = outcomes["ok"]
        until("requests are still answered", lambda: outcomes["ok"] > seen + 20)
    finally:
        ended.set()
        for each in threads:
            each.join()


def refused(file: Path, address: str, *options: str) -> str:
    """What `inferc run` says that does not start."""
    command = [*INFERC, "run", str(file), "--engine", "ray", "--address", address, "--port", "0", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=os.environ)
    assert done.returncode == 1, done.stderr
    return done.stderr


def connect(address: str) -> None:
    ray.init(address=address, namespace="tests", logging_level="ERROR", log_to_driver=False)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """The URL of one that keeps nothing."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        until("Redis listens", lambda: _listens(port))
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def only_ok(outcomes: Counter[str]) -> None:
    assert set(outcomes) == {"ok"}, outcomes
