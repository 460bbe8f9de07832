"""`inferc call`: routes and pipelines from the command line, compiled and run against the mock provider."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..support.commands import Running, serving
from .conftest import Command, Outcome

pytestmark = pytest.mark.usefixtures("workers_are_forked")

FILE = """\
param url: text = "http://127.0.0.1:9/v1"

template cheap {
  model = "gpt-4o-mini"
  runtime openai { api_key = env("TEST_KEY"), endpoint = url, retry { max_retries = 0 } }
  price { input = $1, output = $10 }
}
deployment gpt from cheap {}
deployment broken from cheap {
  runtime openai { api_key = env("MISSING_KEY") }
}
deployment dead from cheap {
  runtime openai { endpoint = "http://127.0.0.1:9/v1" }
}
deployment any from cheap { model = "openai/*" }
route assistant = fallback [broken, gpt]
route open = balance [any]
route "gpt-*" = any
route careful = fallback [broken, dead, gpt]
type Verdict = { label: "refund" | "other", confidence: float }
extern shout(x: text) -> text = python("helpers_of_call:shout")
extern fail(x: text) -> text = python("helpers_of_call:fail")

pipeline reply(message: text) -> text {
  verdict = gpt(prompt "Classify: {{ message }}") as Verdict
  loud = shout(message)
  answer = match verdict.label {
    "refund" => careful("Refund ${loud}")
    _ => gpt(message)
  }
  return answer
}

type Report = { answers: list<text>, size: int, bytes: int, note: text }

pipeline each(xs: list<text>, note: text, size: int, data: bytes) -> Report {
  answers = [gpt(x) for x in xs]
  return Report(answers = answers, size = size, bytes = len(data), note = note)
}

pipeline failing(message: text) -> text {
  first = gpt(message)
  return fail(first)
}
"""

HELPERS = """\
def shout(x):
    return x.upper()


def fail(x):
    raise ValueError(x)
"""


@pytest.fixture(scope="module")
def mock() -> Iterator[Running]:
    with serving("mock-provider", "--port", "0", "--gap", "0") as running:
        yield running


@pytest.fixture
def call(inferc: Command, mock: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`inferc call` of the file above."""
    monkeypatch.setenv("TEST_KEY", "k")
    monkeypatch.delenv("MISSING_KEY", raising=False)
    monkeypatch.setattr("sys.path", sys.path.copy())
    monkeypatch.chdir(tmp_path)
    Path("shop.infer").write_text(FILE)
    Path("helpers_of_call.py").write_text(HELPERS)
    Path("some.bin").write_bytes(b"\0\xff\n")

    def run(*arguments: object) -> Outcome:
        return inferc("call", "shop.infer", "--set", f"url={mock.url}/v1", *arguments)

    return run


def test_a_route_answers_though_one_of_its_members_cannot_start(call: Command) -> None:
    done = call("assistant", "hello")
    assert (done.status, done.out) == (0, "You said: hello\n")
    assert "MISSING_KEY is not set" in done.err
    assert "cannot be reached" not in done.err


def test_a_pipeline_is_given_its_only_text_as_it_is(call: Command) -> None:
    done = call("reply", "where is my parcel = late?")
    assert (done.status, done.out) == (0, "You said: Refund WHERE IS MY PARCEL = LATE?\n")


def test_parameters_are_given_by_their_names_and_from_files(call: Command) -> None:
    given = ('xs=["a", "b"]', "size=3", "data=@some.bin")
    done = call("each", *given, "a note")
    assert json.loads(done.out) == {
        "answers": ["You said: a", "You said: b"],
        "size": 3,
        "bytes": 3,
        "note": "a note",
    }
    Path("xs.json").write_text('["c"]')
    Path("note.txt").write_text("from a file")
    done = call("each", "xs=@xs.json", "note=@note.txt", "size=4", "data=@some.bin")
    assert json.loads(done.out) == {"answers": ["You said: c"], "size": 4, "bytes": 3, "note": "from a file"}
    done = call("each", "--json", '{"xs": [], "note": "n", "data": "AA=="}', "size=5")
    assert json.loads(done.out) == {"answers": [], "size": 5, "bytes": 1, "note": "n"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "y"], "`y`: say which parameter it is: inferc call FILE each xs=… note=… size=… data=@FILE"),
        (["size=x"], "`size` is int: write it as JSON, size='…'"),
        (["data=abc"], "`data` is bytes: name a file, data=@FILE"),
        (["data=@nowhere"], "data=@nowhere: cannot be read: No such file or directory"),
        (["note=@some.bin"], "note=@some.bin: the file is no UTF-8 text"),
        (["--json", "{"], "--json: this is no JSON"),
        (["--json", "[]"], "--json: it must be a JSON object"),
    ],
)
def test_what_the_command_line_gets_wrong_is_said(arguments: list[str], message: str, call: Command) -> None:
    done = call("each", *arguments)
    assert done.status == 2
    assert message in done.err


def test_what_does_not_fit_the_pipeline_is_said_by_its_name(call: Command) -> None:
    done = call("each", 'xs=["a", 1]', "note=n", "size=1", "data=@some.bin")
    assert (done.status, done.out) == (1, "")
    assert "`xs[1]`: expected text, found int" in done.err
    assert "`xs` is missing; it must be list<text>" in call("each", "note=n").err


def test_the_trace_shows_each_step_on_one_scale(call: Command) -> None:
    done = call("reply", "hello", "--trace")
    assert done.out == "You said: Refund HELLO\n"
    table = done.err[done.err.index("STEP") :].splitlines()
    assert re.split(r"  +", table[0]) == ["STEP", "ANSWERED BY", "START", "TOOK", "TOKENS", "COST"]
    rows = {tuple(re.split(r"  +", line)[:2]): line for line in table[1:]}
    assert set(rows) == {
        ("loud", "shout"),
        ("verdict", "gpt"),
        ("answer", "dead (failed)"),  # one that was never started is not even asked
        ("answer", "gpt"),
        ("total", rows_total(table)),
    }
    answer = rows[("answer", "gpt")]
    assert re.search(r" 6 +\$0\.000042 +\| *=+ *\|$", answer)
    assert re.search(r" 12 +\$0\.000084$", table[-1])


def rows_total(table: list[str]) -> str:
    return re.split(r"  +", table[-1])[1]


def test_the_trace_of_a_deployment_is_one_row(call: Command) -> None:
    done = call("gpt", "hello", "--trace")
    table = done.err[done.err.index("STEP") :].splitlines()
    assert len(table) == 3
    assert table[1].split()[0] == "gpt"


def test_a_step_that_fails_is_shown_in_its_file(call: Command) -> None:
    done = call("failing", "my secret")
    assert (done.status, done.out) == (1, "")
    line = FILE[: FILE.index("return fail")].count("\n") + 1
    assert done.err.endswith(
        f"error: step `return` of pipeline `failing` (shop.infer:{line}:10): "
        "extern `fail` (helpers_of_call:fail) raised ValueError at helpers_of_call.py:6; "
        "it took `x`, text of 19 characters; spent so far: 6 tokens, $0.000042\n"
        f"  --> shop.infer:{line}:10\n   |\n{line} |   return fail(first)\n   |          ^\n"
    )


def test_only_what_the_name_needs_is_started(call: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("helpers_of_call.py").unlink()
    monkeypatch.delitem(sys.modules, "helpers_of_call", raising=False)
    done = call("gpt", "hello")
    assert (done.status, done.err) == (0, "")
    done = call("reply", "hello")
    assert done.status == 1
    assert "there is no module `helpers_of_call`" in done.err
    assert "extern `fail`" not in done.err


@pytest.mark.parametrize("name", ["any", "open"])
def test_the_name_of_a_model_stands_behind_a_slash_where_clients_say_it(call: Command, name: str) -> None:
    assert call(f"{name}/gpt-4.1", "hello").out == "You said: hello\n"
    assert "name one behind a slash, as in `any/some-model`" in call(name, "hello").err
    assert "no deployment, route or pipeline is called `gpt/gpt-4.1`" in call("gpt/gpt-4.1", "hello").err


def test_a_name_that_fits_one_with_a_star_is_asked_of_it(call: Command) -> None:
    assert call("gpt-4.1", "hello").out == "You said: hello\n"
    assert "or in the place of the `*` in its name" in call("gpt-*", "hello").err


def test_an_unknown_name_gets_the_near_ones(call: Command) -> None:
    assert (
        "no deployment, route or pipeline is called `replay`: did you mean `reply`?"
        in call("replay", "x").err
    )


def test_status_shows_routes_and_pipelines_of_a_running_server(
    call: Command, inferc: Command, mock: Running, tmp_path: Path
) -> None:
    arguments = ("run", "shop.infer", "--set", f"url={mock.url}/v1", "--port", "0")
    with serving(*arguments, cwd=tmp_path, environment={"TEST_KEY": "k"}) as running:
        done = inferc("status", running.url)
    assert re.search(r"^assistant +fallback +yes +broken \(not ready\), gpt$", done.out, re.MULTILINE)
    assert re.search(r"^reply +yes$", done.out, re.MULTILINE)
    assert "warning: deployment `broken`: the environment variable MISSING_KEY is not set" in done.out


def test_what_calls_spend_counts_for_the_budget_of_the_file(call: Command) -> None:
    priced = "price { input = $0, output = $10 }, budget { max_spend_per_day = $0.01, on_exceeded = reject }"
    Path("shop.infer").write_text(
        FILE.replace("deployment gpt from cheap {}", f"deployment gpt from cheap {{ {priced} }}")
    )
    once = ("gpt", "hello", "--json", '{"max_tokens": 1000}')
    assert call(*once).status == 0
    assert "the budget is used up" in call(*once).err
    assert Path(".inferc/state/spend.sqlite3").exists()
    assert call(*once, "--state", "elsewhere").status == 0
    assert Path("elsewhere/spend.sqlite3").exists()
    assert "the state cannot be at mysql://" in call(*once, "--state", "mysql://db").err
