"""`inferc run` and `inferc mock-provider` as processes: starting, signals, stopping."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from inferc.cli.commands import run as run_command
from inferc.cli.main import main

from ..support.commands import INFERC, ROOT, Running, serving
from ..support.forked import PATIENCE, ran

SIGNALS = [signal.SIGINT, signal.SIGTERM]


def chat(url: str, stream: bool) -> urllib.request.Request:
    words = " ".join(["word"] * 40)
    body = {"model": "gpt", "stream": stream, "messages": [{"role": "user", "content": words}]}
    headers = {"Authorization": "Bearer any", "Content-Type": "application/json"}
    return urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers)


@pytest.fixture
def remote_only(tmp_path: Path) -> Path:
    """A file that starts without loading a model."""
    file = tmp_path / "chat.infer"
    file.write_text(
        """\
param provider_url: text
deployment gpt {
  model = "gpt-4o-mini"
  runtime openai { api_key = env("OPENAI_API_KEY"), endpoint = provider_url }
}
gateway { bind = "127.0.0.1:0" }
"""
    )
    return file


@pytest.fixture
def mock() -> Iterator[Running]:
    with serving("mock-provider", "--port", "0", "--gap", "20") as running:
        yield running


@pytest.mark.parametrize("number", SIGNALS)
def test_run_finishes_a_stream_before_it_stops(
    remote_only: Path, mock: Running, number: signal.Signals
) -> None:
    setting = f"provider_url={mock.url}/v1"
    with serving("run", str(remote_only), "--set", setting) as gateway:
        with urllib.request.urlopen(chat(gateway.url, stream=True), timeout=30) as response:
            response.readline()
            gateway.process.send_signal(number)
            assert response.read().decode().endswith("data: [DONE]\n\n")
        _, said = gateway.process.communicate(timeout=30)
        assert gateway.process.returncode == 0
        assert "Traceback" not in said


@pytest.mark.parametrize("number", SIGNALS)
def test_the_mock_provider_finishes_a_stream_before_it_stops(mock: Running, number: signal.Signals) -> None:
    with urllib.request.urlopen(chat(mock.url, stream=True), timeout=30) as response:
        response.readline()
        mock.process.send_signal(number)
        assert response.read().decode().endswith("data: [DONE]\n\n")
    _, said = mock.process.communicate(timeout=30)
    assert mock.process.returncode == 0
    assert "Traceback" not in said


@pytest.mark.parametrize("number", SIGNALS)
def test_an_idle_server_stops_with_0(remote_only: Path, number: signal.Signals) -> None:
    with serving("run", str(remote_only), "--set", "provider_url=http://127.0.0.1:9/v1") as gateway:
        status, said = gateway.stop(number)
    assert status == 0
    assert "Traceback" not in said


@pytest.mark.parametrize("compiled", [False, True], ids=["a file", "a plan"])
def test_run_serves_every_deployment(tmp_path: Path, compiled: bool) -> None:
    source = "samples/hello.infer"
    if compiled:
        plan = str(tmp_path / "hello.plan.json")
        ran("compile", source, "-o", plan, cwd=ROOT, check=True)
        source = plan
    with (
        serving("run", source, "--port", "0", forked=compiled) as gateway,
        urllib.request.urlopen(f"{gateway.url}/v1/models", timeout=30) as response,
    ):
        assert [model["id"] for model in json.load(response)["data"]] == ["embedder", "gpt"]


def test_a_key_never_reaches_the_log_nor_the_client(remote_only: Path) -> None:
    fault = ["--fault", "401:count=all"]
    secret = {"OPENAI_API_KEY": "the-secret-itself"}
    with (
        serving("mock-provider", "--port", "0", *fault) as mock,
        serving(
            "run", str(remote_only), "--set", f"provider_url={mock.url}/v1", environment=secret
        ) as gateway,
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(chat(gateway.url, stream=False), timeout=30)
        with refused.value as answer:
            assert "the-secret-itself" not in answer.read().decode()
        _, said = gateway.stop()
        assert "the-secret-itself" not in said


def test_a_server_whose_standard_streams_are_closed_ends_as_any(remote_only: Path, tmp_path: Path) -> None:
    closed = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *INFERC]
    arguments = ["run", str(remote_only), "--set", "provider_url=http://127.0.0.1:9/v1"]
    environment = os.environ | {"OPENAI_API_KEY": "key-one", "NOTIFY_SOCKET": str(tmp_path / "told")}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(tmp_path / "told"))
        told.settimeout(PATIENCE)
        with subprocess.Popen([*closed, *arguments], env=environment) as server:
            try:
                assert told.recv(1000) == b"READY=1"
                streams = {os.readlink(f"/proc/{server.pid}/fd/{number}") for number in range(3)}
                server.terminate()
                assert server.wait(PATIENCE) == 0
            finally:
                server.kill()
    assert streams == {os.devnull}


def test_children_of_a_command_whose_standard_streams_are_closed_have_streams(tmp_path: Path) -> None:
    look = f"import os; open({str(tmp_path / 'seen')!r}, 'w').write(os.readlink('/dev/fd/1'))"
    code = f"""import subprocess, sys
from inferc.cli.main import main
main(["explain", "E0302"])
subprocess.run([sys.executable, "-c", {look!r}], stdin=subprocess.DEVNULL)
"""
    subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", code], check=True)
    assert (tmp_path / "seen").read_text() == os.devnull


def test_a_hangup_while_the_file_is_read_does_not_end_the_server(
    remote_only: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def read(_: object) -> int:
        signal.raise_signal(signal.SIGHUP)
        seen.append("read")
        return 3

    monkeypatch.setattr(run_command, "_to_run", read)
    before = signal.signal(signal.SIGHUP, lambda *_: seen.append("hangup"))
    try:
        assert main(["run", str(remote_only)]) == 3
    finally:
        signal.signal(signal.SIGHUP, before)
    assert seen == ["read", "hangup"]
