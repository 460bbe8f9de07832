"""`inferc status` against running servers."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inferc.cli.commands.status import _show

from ..support.commands import SAMPLES, Running, serving
from ..support.forked import ran
from ..support.rows import each_row

TOKEN = {"GATE": "sesame", "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    file = tmp_path_factory.mktemp("status") / "two.infer"
    file.write_text(
        f"""\
deployment files {{
  model = "{SAMPLES}/models/magika.onnx"
  replicas = 2
  runtime ort {{ providers = [cuda, cpu], on_missing_provider = warn, outside_project = true }}
}}
deployment gpt {{
  model = "gpt-4o-mini"
  runtime openai {{ api_key = env("OPENAI_API_KEY"), endpoint = "http://127.0.0.1:9/v1" }}
}}
gateway {{ bind = "127.0.0.1:0", auth = bearer(env("GATE")) }}
"""
    )
    with serving("run", str(file), environment=TOKEN) as running:
        yield running


def status(*arguments: str) -> subprocess.CompletedProcess[str]:
    return ran("status", *arguments, text=True, env=os.environ | TOKEN)


@pytest.mark.skipif(Path("/dev/nvidia0").exists(), reason="this machine has a GPU")
def test_it_shows_what_each_deployment_really_runs_on_and_why(server: Running) -> None:
    done = status(server.url, "--token-from", "GATE")
    assert done.returncode == 0
    heading, files, gpt, warning = done.stdout.splitlines()
    assert heading.split() == ["DEPLOYMENT", "TASK", "READY", "RUNS", "ON", "RUNNING", "WAITING", "MODEL"]
    assert re.fullmatch(r"files +tensor +yes +cpu \(not cuda\) +0 +0 +\S*magika\.onnx", files)
    assert re.fullmatch(r"gpt +chat +yes +openai +0 +0 +gpt-4o-mini", gpt)
    assert warning.startswith("warning: deployment `files` asks for CUDA")
    assert warning.endswith("it runs on CPU instead")


def test_without_the_token_it_says_no_more_than_that_all_is_well(server: Running) -> None:
    done = status(server.url)
    assert (done.returncode, done.stdout) == (0, "ok; with `--token-from` it says more\n")


@each_row(
    ("arguments", "message"),
    [
        (["127.0.0.1:9"], "http://127.0.0.1:9 does not say how it is: Connection refused"),
        (["ftp://127.0.0.1"], "ftp://127.0.0.1 does not say how it is: it is no http:// or https:// URL"),
        (["--token-from", "NOTHING_SET"], "the environment variable NOTHING_SET is not set"),
    ],
)
def test_a_server_that_cannot_be_asked_is_an_error_of_one_line(arguments: list[str], message: str) -> None:
    done = status(*arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_it_shows_which_provider_asked_to_wait_and_for_how_long(capsys: pytest.CaptureFixture[str]) -> None:
    replica = {"ready": True, "providers": [], "warnings": [], "held_seconds": 0}
    deployment = DEPLOYMENT | {"replicas": [replica, replica | {"held_seconds": 42}]}
    _show({"status": "ok", "deployments": [deployment, deployment | {"name": "o", "replicas": [replica]}]})
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning")]
    assert said == ["warning: gpt: its provider asked to wait, for 42 s more"]


def test_it_shows_whose_key_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    replica = {"ready": True, "providers": [], "warnings": [], "held_seconds": 0, "key_refused": False}
    refused = replica | {"key_refused": True}
    several = DEPLOYMENT | {"replicas": [refused, replica, refused]}
    _show({"status": "ok", "deployments": [several, DEPLOYMENT | {"name": "o", "replicas": [refused]}]})
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning")]
    assert said == [
        "warning: gpt: the key of replica 0, 2 is refused: put another one where it comes from",
        "warning: o: its key is refused: put another one where it comes from",
    ]


DEPLOYMENT: dict[str, Any] = {
    "name": "gpt",
    "task": "chat",
    "runtime": "openai",
    "model": "m",
    "running": 0,
    "waiting": 0,
}


def test_a_name_with_a_line_end_begins_no_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "a\nwarning: all keys are gone\r\x1b[2J"
    replica = {"ready": True, "providers": [hostile], "warnings": [hostile], "held_seconds": 5}
    deployment = DEPLOYMENT | {"name": hostile, "replicas": [replica]}
    route = {"name": hostile, "kind": hostile, "ready": True, "members": [{"name": hostile, "ready": True}]}
    _show({"status": "ok", "deployments": [deployment], "routes": [route], "reload_problems": [hostile]})
    lines = capsys.readouterr().out.split("\n")
    assert len(lines) == 2 + 2 + 3 + 1
    assert all(line.isprintable() for line in lines)


def test_a_status_alone_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    _show({"status": "ok\nwarning: it is not\x1b[2J"})
    assert capsys.readouterr().out.count("\n") == 1
