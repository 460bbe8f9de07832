"""`inferc simulate`: loads of tests and of the command line, compared, replayed and drawn."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from inferc.cli.main import main

from ..support.rows import each_row

FILE = """\
deployment gpt {
  model   = "gpt-4o-mini"
  runtime openai { api_key = env("NO_SUCH_KEY"), retry { max_retries = 1 } }
  serving { max_concurrent = 4, on_capacity_exhausted = reject }
}

test "busy" {
  load  { gpt = 2 per second for 2m }
  world { gpt fails 500 20% }
  expect success > 0%
}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "shop.infer"
    path.write_text(FILE, "utf-8")
    return str(path)


def said(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main(["simulate", *arguments]) == status
    captured = capsys.readouterr()
    return captured.out if status == 0 else captured.err


def test_the_load_of_a_test_is_played_and_the_fullest_limit_named(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = said(capsys, file)
    assert out.startswith("FROM  REQ/S  FAILED  P50")
    assert "busiest: slots of `gpt`, 100% at its peak" in out
    assert "raise `serving { max_concurrent = 4 }` of `gpt`" in out
    assert "backpressure" in out


def test_the_command_line_says_what_comes_and_how_long(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    day = json.loads(said(capsys, file, "--day", "--load", "gpt=1/m", "--format", "json"))
    assert day["seconds"] == 86_400
    assert 500 < day["requests"] < 1_000
    rates = [window["per_second"] for window in day["windows"]]
    assert sum(rates[12:20]) > 4 * sum(rates[0:8])


def test_more_requests_than_are_played_are_sampled(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, file, "--load", "gpt=100/s", "--for", "10m", "--requests", "500")
    assert "of which 1 in 120 was played" in out
    assert "coarse, because so small in a sample: circuits, " in out
    assert "`gpt`: max_concurrent" in out


def test_of_a_long_load_parts_of_the_time_are_played(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, file, "--load", "gpt=1/s", "--day", "--requests", "3000")
    assert "in each 1:00:00, all requests of " in out
    assert "in which queues and limits fill" in out
    assert "coarse" not in out


def test_settings_are_compared(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = json.loads(said(capsys, file, "--sweep", "retry.max_retries=0..3", "--format", "json"))
    assert [each["retry.max_retries"] for each in made] == ["0", "1", "2", "3"]
    errors = [each["errors"].get("server_error", 0) for each in made]
    assert errors[0] > errors[1] > errors[3]
    assert "max_concurrent  ANSWERED" in said(capsys, file, "--sweep", "gpt.serving.max_concurrent=4,40")


def test_a_log_of_a_gateway_is_replayed_and_compared(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        {
            "time": 1000.0 + index,
            "asked": "gpt",
            "deployment": "gpt",
            "attempts": 1,
            "status": 200,
            "outcome": "ok",
        }
        | {"prompt_tokens": 20, "completion_tokens": 30, "cost": 2.1e-5, "waited": 0.0}
        | {"first": 0.3, "seconds": 0.3 + 30 / 60}
        for index in range(60)
    ]
    log = tmp_path / "access.jsonl"
    log.write_text(
        "".join(json.dumps(line) + "\n" for line in [*lines, {"time": 1.0, "path": "/health"}]), "utf-8"
    )
    Path(file).write_text(FILE.partition("test ")[0], "utf-8")
    made = json.loads(said(capsys, file, "--replay", str(log), "--format", "json"))
    for name in ("p50", "p99", "cost"):
        real, simulated = made["real"][name]
        assert simulated == pytest.approx(real, rel=0.1)
        least, most = made["spread"][name]
        assert least <= simulated <= most
    out = said(capsys, file, "--replay", str(log))
    assert "1 lines of the log are no requests" in out
    assert "OF 5 RUNS" in out


def test_failures_in_a_log_are_those_of_who_was_asked_before(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = FILE.partition("test ")[0].replace(
        "max_retries = 1 }", "max_retries = 1 }, circuit_breaker { failure_threshold = 100 }"
    )
    other = 'deployment claude { model = "claude-sonnet-4", runtime anthropic { api_key = env("KEY") } }\n'
    Path(file).write_text(f"{own}{other}route r = fallback [gpt, claude]\n", "utf-8")
    line = {"asked": "r", "status": 200, "outcome": "ok", "prompt_tokens": 5, "completion_tokens": 5}
    up = {**line, "deployment": "gpt", "attempts": 1, "seconds": 0.2}
    down = {**line, "deployment": "claude", "attempts": 3, "seconds": 2.0}
    log = tmp_path / "access.jsonl"
    lines = [{"time": float(at), **(down if 40 <= at < 60 else up)} for at in range(100)]
    log.write_text("".join(json.dumps(each) + "\n" for each in lines), "utf-8")
    made = json.loads(said(capsys, file, "--replay", str(log), "--format", "json"))
    assert made["success"] == 1.0
    assert made["answers"]["claude"] == pytest.approx(20, abs=4)


def test_each_attempt_in_a_log_is_played_as_it_was(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = FILE.partition("test ")[0]
    other = 'deployment claude { model = "claude-sonnet-4", runtime anthropic { api_key = env("KEY") } }\n'
    Path(file).write_text(f"{own}{other}route r = split {{ gpt: 50%, claude: 50% }}\n", "utf-8")
    line = {"asked": "r", "status": 200, "outcome": "ok", "attempts": 1}
    held = {"deployment": "gpt", "ok": False, "seconds": 0.5, "outcome": "rate_limit_exceeded", "status": 429}
    answered = {"ok": True, "prompt_tokens": 5, "completion_tokens": 9}
    quick = {**line, **answered, "deployment": "claude", "waited": 0.0, "first": 0.2, "seconds": 0.25}
    slow = {
        **line,
        "deployment": "gpt",
        "attempts": 2,
        "seconds": 9.0,
        "tries": [
            {**held, "waited": 0.0, "retry_after": 5},
            {**answered, "deployment": "gpt", "waited": 5.5, "first": 8.0, "seconds": 3.5},
        ],
    }
    log = tmp_path / "access.jsonl"
    lines = [{"time": 100.0 * at, **(slow if at % 10 == 0 else quick)} for at in range(40)]
    log.write_text("".join(json.dumps(each) + "\n" for each in lines), "utf-8")
    made = json.loads(said(capsys, file, "--replay", str(log), "--format", "json"))
    assert made["answers"] == {"claude": pytest.approx(36), "gpt": pytest.approx(4)}
    assert made["real"]["p50"] == [0.25, pytest.approx(0.25)]
    assert made["real"]["p99"] == [9.0, pytest.approx(9.0, abs=0.3)]


def test_who_said_that_nothing_is_left_is_not_asked_in_a_replay_either(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = 'deployment claude { model = "claude-sonnet-4", runtime anthropic { api_key = env("KEY") } }\n'
    Path(file).write_text(f"{FILE.partition('test ')[0]}{other}route r = fallback [gpt, claude]\n", "utf-8")
    line = {"asked": "r", "status": 200, "outcome": "ok", "attempts": 1, "completion_tokens": 5}
    limits = {"x-ratelimit-limit-requests": "9", "x-ratelimit-remaining-requests": "0"}
    limits["x-ratelimit-reset-requests"] = "40s"
    first = {**line, "time": 0.0, "deployment": "gpt", "seconds": 0.2, "limits": limits}
    lines = [first, *({**line, "time": at, "deployment": "claude", "seconds": 0.5} for at in range(1, 4))]
    log = tmp_path / "access.jsonl"
    log.write_text("".join(json.dumps(each) + "\n" for each in lines), "utf-8")
    made = json.loads(said(capsys, file, "--replay", str(log), "--format", "json"))
    assert made["answers"] == {"gpt": 1, "claude": 3}


def test_a_run_is_drawn(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "run.svg"
    said(capsys, file, "--svg", str(picture))
    root = ElementTree.fromstring(picture.read_text("utf-8"))
    assert len(root.findall("{*}polyline")) >= 4


def test_only_regular_files_are_drawn_over_and_only_lines_are_replayed(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    played = [file, "--for", "10s"]
    assert main(["simulate", *played, "--svg", str(tmp_path / "pipe")]) == 1
    assert "it is a FIFO, not a file" in capsys.readouterr().err
    assert main(["simulate", *played, "--replay", "/dev/zero"]) == 1
    assert "line 1 is no access line" in capsys.readouterr().err


@each_row(
    ("arguments", "message"),
    [
        (["--test", "idle"], "no test of"),
        (["--load", "gpt=5"], "write it like 20/s or 600/m"),
        (["--load", "gtp=5/s"], "did you mean `gpt`?"),
        (["--for", "5"], "is no duration"),
        (["--sweep", "retry.max_retris=1..2"], "did you mean `max_retries`?"),
        (["--sweep", "retry.max_retries=many"], "are no values"),
        (["--sweep", "retry.max_retries=0..99999999999999999999"], "a sweep has from 1 to 50 values"),
        (["--sweep", "retry.max_retries=5..1"], "a sweep has from 1 to 50 values"),
        (["--sweep", "timeouts.request=5"], "does not fit"),
        (["--sweep", "serving.max_concurrent=0..2"], "cannot be 0"),
        (["--requests", "1"], "at least 100"),
    ],
)
def test_what_cannot_be_played(
    file: str, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert message in said(capsys, file, *arguments, status=2)


def test_what_is_no_log(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "access.log"
    for text in ("12:00:01 200 0.1s", "[]", ""):
        log.write_text(text, "utf-8")
        assert f"{log}: " in said(capsys, file, "--replay", str(log), status=1)
    assert "No such file" in said(capsys, file, "--replay", str(tmp_path / "none"), status=1)


def test_a_file_without_a_load_says_so(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(file).write_text(FILE.partition("test ")[0], "utf-8")
    assert "say it with --load" in said(capsys, file, status=2)


def test_searches_are_assumed_and_paid_for(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    load = ("--load", "gpt=1/s", "--for", "100s", "--format", "json")
    without, having = (json.loads(said(capsys, file, *load, *more)) for more in ((), ("--searches", "5")))
    answers = having["calls"]["gpt"]
    assert having["cost"] - without["cost"] == pytest.approx(answers * 5 * 0.01, rel=0.3)  # some calls fail
    priced = Path(file).read_text("utf-8").replace("serving", "price { input = $1, output = $1 }\n  serving")
    Path(file).write_text(priced.replace("load  {", "load  { searches = 2,"), "utf-8")
    assert "not in the cost: searches of `gpt`" in said(capsys, file)
