"""`--json`: one document on standard output, whatever goes wrong, with the exit status of the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..support.rows import each_row
from .conftest import Command

FINE = 'deployment gpt { model = "gpt-4o-mini", runtime openai { api_key = env("K") } }\n'
WRONG = "deployment gpt { model = 1 }\n"


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, socket_folder: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("fine.infer").write_text(FINE)
    Path("wrong.infer").write_text(WRONG)
    Path("empty").mkdir()


def test_check_has_one_shape_under_both_names(inferc: Command) -> None:
    for file, status in (("fine.infer", 0), ("wrong.infer", 1), ("none.infer", 1)):
        done = inferc("check", "--json", file)
        assert (done.status, done.err) == (status, "")
        assert json.loads(done.out)["schema"] == "inferc.diagnostics/1"
        assert done == inferc("check", "--format", "json", file)


@each_row(
    ("arguments", "status", "says"),
    [
        (("check", "--json", "empty"), 1, "no .infer file in empty"),
        (("check", "--json"), 2, "FILE"),
        (("status", "--json", "http://127.0.0.1:1"), 1, "does not say how it is"),
        (("status", "--json", "--token-from", "NOT_SET_HERE"), 1, "NOT_SET_HERE is not set"),
        (("inspect", "--json"), 2, "MODEL"),
        (("bounds", "fine.infer", "nobody", "--json"), 1, "nothing called `nobody`"),
    ],
)
def test_what_goes_wrong_is_json_too(
    inferc: Command, arguments: tuple[str, ...], status: int, says: str
) -> None:
    done = inferc(*arguments)
    assert (done.status, done.err) == (status, "")
    document = json.loads(done.out)
    assert document["schema"] == "inferc.errors/1"
    assert says in document["errors"][0]["message"]


def test_findings_in_the_way_of_another_answer_are_those_of_check(inferc: Command) -> None:
    found = json.loads(inferc("check", "--json", "wrong.infer").out)
    for command in ("bounds", "reach", "guards", "flows"):
        done = inferc(command, "wrong.infer", "--json")
        assert (done.status, json.loads(done.out)) == (1, found), command


def test_a_model_that_cannot_be_inspected_stands_in_the_list(inferc: Command) -> None:
    done = inferc("inspect", "--json", "none.onnx")
    assert (done.status, done.err) == (1, "")
    assert json.loads(done.out) == [{"file": "none.onnx", "error": "there is no such file"}]


def test_people_are_told_as_before(inferc: Command) -> None:
    done = inferc("status", "http://127.0.0.1:1")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("error: ")
