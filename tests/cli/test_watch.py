"""`inferc compile --watch`: compiles again whenever a file changes, until it is stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from inferc.cli import watch

from .conftest import Command, Outcome

GPT = """\
import "lib.infer" as lib
deployment gpt { model = "gpt-4o-mini", replicas = lib.count, runtime openai { api_key = env("KEY") } }
"""

Steps = list[Callable[[], object]]
Watching = Callable[..., Outcome]


@pytest.fixture
def watching(inferc: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Watching:
    """`watching(steps, …)`: at each look for changes the next step is taken; after the last, Ctrl-C."""
    monkeypatch.chdir(tmp_path)

    def run(steps: Steps, *arguments: str) -> Outcome:
        left = iter(steps)

        def look(seconds: float) -> None:
            assert 0 < seconds <= 1
            step = next(left, None)
            if step is None:
                raise KeyboardInterrupt
            step()

        monkeypatch.setattr(watch.time, "sleep", look)
        return inferc("compile", "--watch", *arguments)

    return run


def put(name: str, text: str) -> Callable[[], object]:
    return lambda: Path(name).write_text(text)


def replicas() -> int:
    [deployment] = json.loads(Path("a.plan.json").read_text())["deployments"]
    return len(deployment["replicas"])


def test_it_compiles_at_once_and_stops_at_ctrl_c(watching: Watching) -> None:
    put("a.infer", GPT)()
    put("lib.infer", "let count = 1\n")()
    done = watching([], "a.infer")
    assert done.status == 130
    assert done.err == "wrote a.plan.json\nwaiting for a change (Ctrl-C stops)\n"


def test_a_change_of_the_file_or_of_an_import_is_compiled(watching: Watching) -> None:
    put("a.infer", GPT)()
    put("lib.infer", "let count = 1\n")()
    seen = []
    steps = [
        put("lib.infer", "let count = 22\n"),
        lambda: seen.append(replicas()),
        put("a.infer", GPT.replace("lib.count", "lib.count / 2")),
        lambda: seen.append(replicas()),
    ]
    done = watching(steps, "a.infer")
    assert done.status == 130
    assert seen == [22, 11]
    assert done.err.count("wrote a.plan.json") == 3


def test_nothing_is_compiled_when_nothing_changes(watching: Watching) -> None:
    put("a.infer", GPT)()
    put("lib.infer", "let count = 1\n")()
    done = watching([lambda: None] * 5, "a.infer")
    assert done.err.count("wrote a.plan.json") == 1


def test_a_mistake_is_shown_the_plan_stays_and_watching_goes_on(watching: Watching) -> None:
    put("a.infer", GPT)()
    put("lib.infer", "let count = 1\n")()
    seen = []
    steps = [
        put("lib.infer", "let count = = 2\n"),
        lambda: seen.append(replicas()),
        put("lib.infer", "let count = 333\n"),
        lambda: seen.append(replicas()),
    ]
    done = watching(steps, "a.infer")
    assert seen == [1, 333]
    assert "error[E0101]" in done.err
    assert "--> lib.infer:1:13" in done.err


def test_a_file_that_goes_and_comes_back_is_noticed(watching: Watching) -> None:
    put("a.infer", GPT)()
    put("lib.infer", "let count = 1\n")()
    steps = [
        lambda: Path("a.infer").unlink(),
        put("a.infer", GPT.replace("lib.count", "lib.count + 1")),
    ]
    done = watching(steps, "a.infer")
    assert "error[E0001]" in done.err
    assert replicas() == 2


def test_an_import_that_is_missing_is_waited_for(watching: Watching) -> None:
    put("a.infer", GPT)()
    done = watching([put("lib.infer", "let count = 4\n")], "a.infer")
    assert "error[E0206]" in done.err
    assert replicas() == 4


def test_standard_input_cannot_be_watched(watching: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inferc.cli.sources.read_stdin", lambda: GPT)
    done = watching([], "-")
    assert (done.status, done.err) == (2, "error: standard input cannot be watched: name a file\n")
