"""`inferc flows`: a table, JSON, or a picture."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .conftest import Command

FILE = """\
deployment gpt { model = "gpt-4o", runtime openai { api_key = env("KEY") } }
extern redact(x: text) -> text = python("a:b") with { removes = [b] }
pipeline safe(x: text) -> text { carries = [b], return gpt(redact(x)) }
gateway { key team { secret = env("T"), models = [gpt, safe], carries = [a] } }
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "a.infer").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    return "a.infer"


def test_flows_are_listed_and_drawn_also_where_they_are_not_allowed(inferc: Command, file: str) -> None:
    assert inferc("check", file).status == 1
    listed = inferc("flows", file)
    assert (listed.status, listed.err) == (0, "")
    assert listed.out == ("KIND  FROM        TO   ALLOWED  WAY\na     key `team`  gpt  NO       gpt\n")
    found = json.loads(inferc("flows", file, "--format", "json").out)
    assert found == json.loads(inferc("flows", file, "--json").out)
    assert [(each["kind"], each["to"], each["allowed"]) for each in found] == [("a", "gpt", False)]
    picture = inferc("flows", file, "-o", "a.mmd")
    assert (picture.status, picture.out, picture.err) == (0, "", "wrote a.mmd\n")
    text = Path("a.mmd").read_text("utf-8")
    assert text.startswith("flowchart LR\n")
    assert "#10007; a" in text


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_svg_is_drawn_by_graphviz(inferc: Command, file: str) -> None:
    assert inferc("flows", file, "team", "-o", "a.svg").status == 0
    assert "does not allow a" in Path("a.svg").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("tema",), 1, "nothing in a.infer is called `tema`: did you mean `team`?"),
        (("-o", "a.jpg"), 2, "or say --format"),
        (("--json", "--format", "svg"), 2, "say one of them"),
        (("b",), 0, "nothing that a.infer says to be carried comes to a deployment as `b`"),
    ],
)
def test_what_cannot_be_shown_is_said(
    inferc: Command, file: str, arguments: tuple[str, ...], status: int, said: str
) -> None:
    done = inferc("flows", file, *arguments)
    assert done.status == status
    assert said in done.out + done.err


def test_what_a_guard_takes_out_of_all_requests_comes_nowhere(inferc: Command, file: str) -> None:
    route = "route r = fallback [gpt] with { carries = [b] }\n"
    clean = 'extern clean(texts: list<text>) -> list<text> = python("a:b") with { removes = [b] }\n'
    Path(file).write_text(
        FILE.splitlines()[0] + "\n" + route + clean + "gateway { guard g { request = clean } }"
    )
    said = "nothing that a.infer says to be carried comes to a deployment"
    assert inferc("flows", file).out == f"{said}\n"
    assert inferc("flows", file, "b").out == f"{said} as `b`, or through it\n"


def test_a_file_that_carries_nothing_is_not_drawn(inferc: Command, file: str) -> None:
    Path(file).write_text(FILE.splitlines()[0])
    said = "nothing in a.infer says that it `carries` any kind of data\n"
    assert (inferc("flows", file).status, inferc("flows", file).out) == (0, said)
    done = inferc("flows", file, "-o", "a.svg")
    assert (done.status, done.err) == (1, f"error: {said}")
