"""`inferc test`: what it plays, what it says about what does not hold, and its exit statuses."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from inferc.cli.main import main

FILE = """\
deployment fast { model = "gpt-4o-mini", runtime openai { api_key = env("NO_SUCH_KEY") } }
deployment opus { model = "claude-sonnet-4", runtime anthropic { api_key = env("NO_SUCH_KEY") } }
route assistant = fallback [fast, opus]

"""
OUTAGE = """\
test "Claude answers when OpenAI is down" {
  world { fast fails 503 for 10m }
  ask assistant "hello"
  expect answered_by == opus && calls(fast) == 4 && seconds < 20 && cost > $0
}
"""
SLOW = """\
test "Claude answers at once" {
  world { fast fails 503 for 10m }
  ask assistant "hello"
  expect seconds <= 1
}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.infer"
    path.write_text(FILE + OUTAGE, "utf-8")
    return path


def test_a_test_that_holds(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", str(file)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("ok    Claude answers when OpenAI is down")
    assert said.endswith("1 test, all passed; seed 0\n")


def test_what_does_not_hold_is_shown_where_it_stands_with_the_story_of_a_request(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(FILE + SLOW, "utf-8")
    assert main(["test", str(file)]) == 1
    said = capsys.readouterr().err
    assert "error[E0710]: `Claude answers at once`: this does not hold" in said
    assert "^^^^^^^^^^^^ seconds is " in said
    for line in ("0.000 s  asks `assistant`", "answered 503", "tries again in", "answered by opus"):
        assert line in said


def test_the_same_seed_plays_the_same(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(FILE + SLOW, "utf-8")
    said = []
    for seed in ("3", "3", "4"):
        main(["test", str(file), "--seed", seed])
        said.append(capsys.readouterr().err)
    assert said[0] == said[1] != said[2]


def test_a_folder_is_searched_and_tests_may_stand_in_files_of_their_own(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = OUTAGE.replace("fast", "shop.fast").replace("opus", "shop.opus").replace("ask ", "ask shop.")
    (file.parent / "shop_test.infer").write_text(f'import "shop.infer" as shop\n{own}', "utf-8")
    assert main(["test", str(file.parent)]) == 0
    assert "2 tests, all passed" in capsys.readouterr().out


def test_a_file_of_tests_has_the_gateway_of_what_it_tests(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = 'gateway { key team { secret = env("NO_SUCH"), models = [fast] } }\n'
    file.write_text(FILE + gateway, "utf-8")
    (file.parent / "shop_test.infer").write_text(
        'import "shop.infer" as shop\n'
        'test "a team asks what it may" {\n'
        '  ask shop.fast "hello" with { key = team }\n  expect ok\n'
        '  ask shop.opus "hello" with { key = team }\n  expect status == 403 && calls(shop.opus) == 0\n}\n',
        "utf-8",
    )
    assert main(["test", str(file.parent)]) == 0, capsys.readouterr().err


def test_files_with_mistakes_are_not_played(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(FILE + OUTAGE.replace("ask assistant", "ask assistent"), "utf-8")
    assert main(["test", str(file)]) == 1
    assert "write `assistant`" in capsys.readouterr().err


def test_no_test_at_all_is_a_failure(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", str(file), "--only", "refund"]) == 1
    assert "no test in these files has `refund` in its title" in capsys.readouterr().err


def test_reports_for_machines(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(FILE + OUTAGE + SLOW, "utf-8")
    report = tmp_path / "report.xml"
    assert main(["test", str(file), "--format", "json", "--junit", str(report)]) == 1
    said = json.loads(capsys.readouterr().out)
    assert [each["passed"] for each in said["tests"]] == [True, False]
    [suite] = ElementTree.fromstring(report.read_text("utf-8"))
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    [failure] = suite.iter("failure")
    assert "seconds is" in (failure.text or "")


def test_coverage_names_the_ways_that_no_test_has_gone(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test", str(file), "--coverage"]) == 0
    said = capsys.readouterr().out
    missed = said.partition("no test has gone here:")[2]
    assert "  assistant: fast answers\n" in missed
    assert "fast → opus" not in missed


def test_recorded_answers_must_stay_the_same(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", str(file), "--record"]) == 0
    assert main(["test", str(file)]) == 0
    file.write_text(FILE + OUTAGE.replace("world {", 'world { opus answers "Bonjour",'), "utf-8")
    assert main(["test", str(file)]) == 1
    assert "error[E0711]" in capsys.readouterr().err
    assert main(["test", str(file), "--record", "--only", "no such title"]) == 1
    file.with_suffix(".answers.json").write_text("{", "utf-8")
    assert main(["test", str(file)]) == 1


@pytest.mark.parametrize("kind", ["", "async "])
def test_code_that_never_ends_is_ended(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    module = f"endless_{kind.strip() or 'plain'}"
    (tmp_path / f"{module}.py").write_text(
        f"{kind}def shout(x: str) -> str:\n    while True:\n        pass\n", "utf-8"
    )
    path = tmp_path / "code.infer"
    path.write_text(
        f'extern shout(x: text) -> text = python("{module}:shout")\n'
        "pipeline loud(x: text) -> text {\n  return shout(x) with { timeout = 100ms }\n}\n"
        'test "it is loud" {\n  ask loud(x = "hello")\n  expect error == "timeout" && seconds == 100ms\n}\n',
        "utf-8",
    )
    assert main(["test", str(path)]) == 0, capsys.readouterr()


PICTURES = """\
pipeline size(photo: image) -> { width: int, height: int } { return image_size(photo) }
pipeline words(said: text) -> int { return len(split_text(said, 3)) }
pipeline sum(all: list<bytes>) -> int { return len(all) }
"""


def test_a_test_gives_a_pipeline_what_is_in_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (7, 5)).save(tmp_path / "dot.png")
    (tmp_path / "said.txt").write_text("äbcdef", "utf-8")
    (tmp_path / "cases").mkdir()
    (tmp_path / "main.infer").write_text(PICTURES, "utf-8")
    path = tmp_path / "cases" / "main_test.infer"
    path.write_text(
        'import "../main.infer" as main\n'
        'test "a picture" {\n  ask main.size(photo = file("../dot.png"))\n'
        '  expect contains("\\"width\\": 7")\n}\n'
        'test "a text" {\n  ask main.words(said = file("../said.txt"))\n  expect answer == "2"\n}\n'
        'test "a list" {\n  ask main.sum(all = [file("../dot.png"), file("../said.txt")])\n'
        '  expect answer == "2"\n}\n'
        'test "no text" {\n  ask main.words(said = file("../dot.png"))\n  expect status == 400\n}\n',
        "utf-8",
    )
    assert main(["test", str(path)]) == 0, capsys.readouterr()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('file("gone.png")', "there is no file `gone.png` beside this one"),
        ('file(".")', "there is no file `.`"),
        ('env("HOME")', "a test cannot give a call of `env`"),
        ('[exec("ls")]', "a test cannot give a call of `exec`"),
    ],
)
def test_what_no_test_can_give_is_said_where_it_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, said: str
) -> None:
    path = tmp_path / "main.infer"
    path.write_text(f'{PICTURES}test "x" {{\n  ask size(photo = {given})\n  expect ok\n}}\n', "utf-8")
    assert main(["check", str(path)]) == 1
    shown = capsys.readouterr()
    assert said in shown.out + shown.err
    assert "main.infer:5:" in shown.out + shown.err


def test_code_that_cannot_be_imported_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "code.infer"
    path.write_text(
        'extern shout(x: text) -> text = python("no_such_module:shout")\n'
        "pipeline loud(x: text) -> text { return shout(x) }\n"
        'test "it is loud" {\n  ask loud(x = "hello")\n  expect ok\n}\n',
        "utf-8",
    )
    assert main(["test", str(path)]) == 1
    assert "error[E0712]" in capsys.readouterr().err
