"""`gateway { workers = 2 }` as processes: one port, one answer to each command, none missed when it dies."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ..support.commands import PATIENCE, ROOT, Running, serving
from ..support.forked import ran

FILE = """
deployment gpt {
  model = "gpt-4o-mini"
  runtime openai { api_key = env("OPENAI_API_KEY"), endpoint = "PROVIDER/v1" }
}
gateway { bind = "127.0.0.1:0", workers = 2 }
"""
MORE = """
deployment more {
  model = "gpt-4o"
  runtime openai {
    api_key = env("OPENAI_API_KEY")
    endpoint = "http://127.0.0.1:9/v1"
    retry { max_retries = 0 }
    circuit_breaker { failure_threshold = 100 }
  }
}
"""


def ask(url: str, model: str = "gpt", *, stream: bool = False, words: int = 1) -> Any:
    content = " ".join(["word"] * words)
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": content}]}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers)
    return urllib.request.urlopen(request, timeout=PATIENCE)


def inferc(*arguments: str) -> str:
    done = ran(*arguments, cwd=ROOT, text=True)
    return done.stdout + done.stderr


def status() -> Any:
    return json.loads(inferc("status", "--json"))


def until(holds: Callable[[], bool]) -> None:
    """Wait for what comes soon, on a machine that may be busy."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def file(tmp_path: Path, socket_folder: Path) -> Path:
    return tmp_path / "chat.infer"


@pytest.fixture
def server(file: Path) -> Iterator[Running]:
    with serving("mock-provider", "--port", "0", "--gap", "20") as mock:
        file.write_text(FILE.replace("PROVIDER", mock.url))
        with serving("run", str(file)) as running:
            yield running


def test_workers_answer_as_one_server_until_it_stops(server: Running, file: Path, tmp_path: Path) -> None:
    """They share their port with nobody, and finish what they stream."""
    other = tmp_path / "other.infer"
    port = server.url.rpartition(":")[2]
    other.write_text(file.read_text().replace(":0", f":{port}"))
    assert "in use by another program" in inferc("run", str(other))
    for _ in range(12):
        ask(server.url).close()
    found = status()
    assert [(each["worker"], each["ready"]) for each in found["workers"]] == [(0, True), (1, True)]
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=PATIENCE) as answer:
        metrics = answer.read().decode()
    assert 'inferc_requests_total{deployment="gpt",outcome="ok"} 12.0' in metrics
    assert "inferc_gateway_workers 2.0" in metrics
    with urllib.request.urlopen(f"{server.url}/healthz", timeout=PATIENCE) as answer:
        assert len(json.load(answer)["workers"]) == 2
    [row] = json.loads(inferc("cost", "--json", "--by", "deployment"))["rows"]
    assert row["requests"] == 12

    died = found["workers"][0]["pid"]
    os.kill(died, signal.SIGKILL)
    until(lambda: [each["replaced"] for each in status()["workers"] if each["ready"]] == [1, 0])
    ask(server.url).close()

    file.write_text(file.read_text() + MORE)
    assert inferc("reload") == "deployment `more` is new\n"
    refused = []
    for _ in range(6):
        with pytest.raises(urllib.error.HTTPError) as error:
            ask(server.url, "more")
        refused.append((error.value.code, error.value.headers["x-request-id"]))
        error.value.close()
    assert {code for code, _ in refused} == {502}, "every worker knows it, and that nobody is there"
    assert "asked more" in inferc("why", refused[0][1]), "whichever worker it was"
    assert "no requests come to more" in inferc("drain", "more")
    assert next(each for each in status()["deployments"] if each["name"] == "more")["drained"]

    for before, after in ((2, 1), (1, 2)):
        file.write_text(file.read_text().replace(f"workers = {before}", f"workers = {after}"))
        assert "the gateway has changed: workers" in inferc("reload")
        assert len(status()["workers"]) == after

    file.write_text(file.read_text() + "x")
    assert "cannot be used" in inferc("reload")
    assert status()["reload_problems"]
    ask(server.url).close()

    with ask(server.url, stream=True, words=40) as response:
        response.readline()
        server.process.send_signal(signal.SIGTERM)
        assert response.read().decode().endswith("data: [DONE]\n\n")
    assert server.process.wait(timeout=PATIENCE) == 0
