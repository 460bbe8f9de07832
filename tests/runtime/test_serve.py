"""Servers as processes: starting, signals, ports."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inferc.compiler.plan import GatewayPlan, SecretRef
from inferc.runtime.executor import Executor
from inferc.runtime.gateway import serve
from inferc.runtime.http.server import HttpServer, bind
from inferc.runtime.mock_provider import build_app, serve_mock
from inferc.runtime.requests.errors import StartError

from ..support.forked import PATIENCE, ROOT, forked_program
from ..support.remote import plan_of, remote_plan

GATEWAY = """
import sys
from pathlib import Path
from inferc.compiler.plan import GatewayPlan
from inferc.runtime.executor import Executor
from inferc.runtime.gateway import serve
from inferc.runtime.concurrency.event_loop import run_async
from tests.support.remote import plan_of, remote_plan

endpoint, grace = sys.argv[1:]
plan = plan_of(remote_plan("gpt", endpoint, headers={"Authorization": "Bearer k"}))
ready = lambda url: print(url, flush=True)
run_async(serve(Executor(plan, Path.cwd()), GatewayPlan(port=0), ready=ready, grace=float(grace)))
print("stopped")
"""

MOCK = """
import sys
from inferc.runtime.concurrency.event_loop import run_async
from inferc.runtime.mock_provider import MockOptions, serve_mock

options = MockOptions(gap=float(sys.argv[1]))
run_async(serve_mock(0, options, ready=lambda url: print(url, flush=True)))
print("stopped")
"""


@contextmanager
def process(program: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running server and its URL."""
    started = forked_program(
        program,
        *arguments,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert started.stdout is not None
        yield started, started.stdout.readline().strip()
    finally:
        started.kill()
        started.communicate()


def chat(url: str, stream: bool) -> urllib.request.Request:
    body = {"model": "gpt", "messages": [{"role": "user", "content": "a b c d"}], "stream": stream}
    headers = {"Authorization": "Bearer k"}
    return urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_a_stream_finish_and_takes_no_new_requests(number: signal.Signals) -> None:
    with process(MOCK, "0.1") as (_, mock), process(GATEWAY, f"{mock}/v1", "10") as (gateway, url):
        with urllib.request.urlopen(chat(url, stream=True), timeout=PATIENCE) as response:
            response.readline()
            os.kill(gateway.pid, number)
            rest = response.read().decode()
            assert rest.endswith("data: [DONE]\n\n")
            with pytest.raises(urllib.error.URLError):
                urllib.request.urlopen(f"{url}/healthz", timeout=PATIENCE)
        out, err = gateway.communicate(timeout=PATIENCE)
        assert (gateway.returncode, out, err) == (0, "stopped\n", "")


def test_a_stream_that_outlasts_the_grace_is_broken_off() -> None:
    with process(MOCK, "1") as (_, mock), process(GATEWAY, f"{mock}/v1", "0.2") as (gateway, url):
        with urllib.request.urlopen(chat(url, stream=True), timeout=PATIENCE) as response:
            response.readline()
            gateway.terminate()
            out, err = gateway.communicate(timeout=PATIENCE)
        assert (gateway.returncode, out, err) == (0, "stopped\n", "")


def test_a_second_signal_breaks_off_what_is_in_flight() -> None:
    with process(MOCK, "1") as (_, mock), process(GATEWAY, f"{mock}/v1", "60") as (gateway, url):
        with urllib.request.urlopen(chat(url, stream=True), timeout=PATIENCE) as response:
            response.readline()
            gateway.terminate()
            timer = threading.Timer(0.2, gateway.terminate)
            timer.start()
            out, err = gateway.communicate(timeout=PATIENCE)
            timer.join()
        assert (gateway.returncode, out, err) == (0, "stopped\n", "")


def test_the_mock_provider_stops_on_a_signal() -> None:
    with process(MOCK, "0") as (mock, url):
        with urllib.request.urlopen(chat(url, stream=False), timeout=PATIENCE) as response:
            assert json.load(response)["choices"][0]["message"]["content"] == "You said: a b c d"
        mock.terminate()
        out, err = mock.communicate(timeout=PATIENCE)
        assert (mock.returncode, out, err) == (0, "stopped\n", "")


async def test_a_port_in_use_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        executor = Executor(plan_of(remote_plan()), tmp_path)
        with pytest.raises(StartError, match=rf"port {port} on 127.0.0.1 is in use .*gateway \{{ bind"):
            await serve(executor, GatewayPlan(port=port))
        with pytest.raises(StartError, match=rf"port {port} on 127.0.0.1 is in use .*--port"):
            await serve_mock(port)


async def test_a_port_that_is_taken_between_binding_and_listening_is_named_too(tmp_path: Path) -> None:
    first = bind("127.0.0.1", 0, advice="")
    second = bind("127.0.0.1", first.getsockname()[1], advice="")
    first.listen()
    server = HttpServer(build_app(), second, advice="choose another")
    with pytest.raises(
        StartError, match=r"is in use by another program: stop that program, or choose another"
    ):
        await server.start()
    first.close()


@pytest.mark.parametrize(
    ("host", "port", "says"),
    [
        ("no.such.host.invalid", 0, "`no.such.host.invalid` is no address"),
        ("192.0.2.1", 0, "192.0.2.1 is no address of this machine"),
        ("127.0.0.1", 70_000, "70000 is no port"),
    ],
)
def test_an_address_that_cannot_be_used_is_named(host: str, port: int, says: str) -> None:
    with pytest.raises(StartError, match=f"{says}[^:]*: choose another"):
        bind(host, port, advice="choose another")


async def test_a_missing_token_is_reported_with_all_other_problems(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("KEY_A", "TOKEN"):
        monkeypatch.delenv(name, raising=False)
    executor = Executor(plan_of(remote_plan("a", key=SecretRef.env("KEY_A"))), tmp_path)
    with pytest.raises(StartError) as caught:
        await serve(executor, GatewayPlan(port=0, auth=SecretRef.env("TOKEN")))
    problems = [problem.split(" is not set")[0] for problem in caught.value.problems]
    assert problems == [
        "deployment `a`: the environment variable KEY_A",
        "gateway: the environment variable TOKEN",
    ]


async def test_a_broken_deployment_frees_the_port_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    executor = Executor(plan_of(remote_plan("a", key=SecretRef.file("none"))), tmp_path)
    with pytest.raises(StartError):
        await serve(executor, GatewayPlan(port=port))
    bind("127.0.0.1", port, advice="").close()
