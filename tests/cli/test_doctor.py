"""`inferc doctor`: what this machine can do, and what a file lacks here."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import inferc
from inferc.api.plans import inside
from inferc.cli.machine import Seen
from inferc.cli.readiness import readiness

from ..support.forked import ran

FILE = """
deployment gpt {{
  model = "gpt-4o-mini"
  runtime openai {{ api_key = env("DOCTORED_KEY"), endpoint = "http://127.0.0.1:{port}/v1" }}
}}
gateway {{ bind = "127.0.0.1:{own}" }}
"""
KEY = "sk-never-shown-to-anybody"


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    """A socket that takes no connections, until it listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound


@pytest.fixture
def seen_for(taken: socket.socket) -> Callable[..., dict[str, Seen]]:
    def look(own: int = 0) -> dict[str, Seen]:
        plan = inferc.compile(text=FILE.format(port=taken.getsockname()[1], own=own))
        return {f"{each.what} {each.state}": each for each in readiness(inside(plan), plan.base)}

    return look


def test_what_is_there_is_said_and_no_key_is_shown(
    seen_for: Callable[..., dict[str, Seen]], taken: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCTORED_KEY", KEY)
    taken.listen()
    seen = seen_for()
    assert "takes connections" in seen["gpt ok"].text
    assert {each.state for each in seen.values()} == {"ok"}
    assert KEY not in repr(seen)


def test_what_is_lacking_stands_in_the_way(
    seen_for: Callable[..., dict[str, Seen]], taken: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCTORED_KEY", raising=False)
    seen = seen_for(own=taken.getsockname()[1])
    assert "connection refused" in seen["gpt missing"].text
    assert "in use" in seen["gateway note"].text


def test_packages_programs_and_files_that_are_not_here_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("URL", raising=False)
    text = """
    deployment started { model = "m", runtime vllm { launch { command = ["no-such-program", "{port}"] } } }
    deployment late { model = "m", runtime openai_compatible { endpoint = env("URL") } }
    """
    plan = inferc.compile(text=text)
    texts = [each.text for each in readiness(inside(plan), tmp_path) if each.state == "missing"]
    assert any("no-such-program" in each for each in texts)
    assert any("URL" in each for each in texts)


def test_the_command_says_it_to_people_and_programs(tmp_path: Path) -> None:
    (tmp_path / "wrong.infer").write_text("deployment a { }")
    done = ran("doctor", "wrong.infer", "--json", cwd=tmp_path, text=True)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert [each["state"] for each in found["file"]] == ["missing"]
    machine = {each["what"]: each for each in found["machine"]}
    assert machine["Python"]["state"] == machine["CPU"]["state"] == "ok"
    assert "E0305" in done.stderr
