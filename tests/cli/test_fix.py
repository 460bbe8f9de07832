"""`inferc check --fix` makes the changes that cannot alter a meaning, and leaves every other byte alone."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from .conftest import Command

WRONG = """\
# Füße 👍
template careful {
  runtime openai { retry { jitter = "full", max_retrys = 4 } }
}

deployment gpt from careful {
  model = “gpt-4o-mini”
  replica = 2,,
  serving: { max_concurent = 8; on_capacity_exhausted = "queue" }
  runtime { api_key = "OPENAI_API_KEY", timeouts { request = 30 sec } }
  budget { max_spend_per_hour = $5, on_exceeded = "reject" }
}

gateway { auth = env("TOKEN") }
"""
RIGHT = """\
# Füße 👍
template careful {
  runtime openai { retry { jitter = full, max_retries = 4 } }
}

deployment gpt from careful {
  model = "gpt-4o-mini"
  replicas = 2,
  serving { max_concurrent = 8, on_capacity_exhausted = queue }
  runtime openai { api_key = env("OPENAI_API_KEY"), timeouts { request = 30s } }
  budget { max_spend_per_hour = $5, on_exceeded = reject }
}

gateway { auth = bearer(env("TOKEN")) }
"""
GPT = 'deployment gpt { model = "gpt-4o-mini", runtime openai { api_key = env("KEY") } }\n'


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_many_mistakes_are_fixed_at_once_and_the_rest_stays_byte_for_byte(
    inferc: Command, end: str, mark: str
) -> None:
    Path("a.infer").write_bytes((mark + WRONG.replace("\n", end)).encode())
    done = inferc("check", "--fix", "a.infer")
    assert Path("a.infer").read_bytes() == (mark + RIGHT.replace("\n", end)).encode()
    assert done.status == 0
    assert done.err.startswith("made 14 fixes\n")


def test_a_second_time_there_is_nothing_to_fix(inferc: Command) -> None:
    Path("a.infer").write_text(WRONG, "utf-8")
    inferc("check", "--fix", "a.infer")
    before = Path("a.infer").stat().st_mtime_ns
    assert inferc("check", "--fix", "a.infer").err.startswith("made 0 fixes\n")
    assert Path("a.infer").stat().st_mtime_ns == before


def test_without_fix_nothing_is_changed(inferc: Command) -> None:
    Path("a.infer").write_text(WRONG, "utf-8")
    assert inferc("check", "a.infer").status == 1
    assert Path("a.infer").read_text("utf-8") == WRONG


def test_fixes_that_may_change_a_meaning_are_shown_and_not_made(inferc: Command) -> None:
    text = GPT.replace("} }", "timeouts { read = 10 } } }").replace('("KEY")', '("KEY"),')
    Path("a.infer").write_text(text)
    done = inferc("check", "--fix", "a.infer")
    assert done.status == 1
    assert "write `10s`" in done.err
    assert Path("a.infer").read_text() == text


def test_a_secret_in_the_file_survives_a_fix_beside_it_and_is_not_shown(inferc: Command) -> None:
    key = "sk-proj-0123456789abcdef"
    text = GPT.replace('env("KEY")', f'"{key}"').replace("model", "replica = 2, model")
    Path("a.infer").write_text(text)
    done = inferc("check", "--fix", "a.infer")
    assert done.status == 1
    assert Path("a.infer").read_text() == text.replace("replica ", "replicas ")
    assert key not in done.out + done.err


def test_a_shared_file_is_fixed_once_however_it_is_reached(inferc: Command, tmp_path: Path) -> None:
    Path("lib.infer").write_text("template t { serving { max_concurent = 3 } }\n")
    for folder in ("one", "two"):
        Path(folder).mkdir()
        Path(folder, "a.infer").write_text(
            f'import "../lib.infer" as lib\ndeployment {folder} from lib.t {{ model = "gpt-4o", replica = 1\n'
            ' runtime openai { api_key = env("KEY") } }\n'
        )
    Path("link.infer").symlink_to("lib.infer")
    done = inferc("check", "--fix", "one", "two", tmp_path / "one" / "a.infer", "link.infer", "lib.infer")
    assert done.err.startswith("made 3 fixes\n")
    assert Path("lib.infer").read_text() == "template t { serving { max_concurrent = 3 } }\n"
    assert Path("link.infer").is_symlink()
    assert "replicas = 1" in Path("one/a.infer").read_text()
    assert "replicas = 1" in Path("two/a.infer").read_text()


def test_mode_and_symbolic_link_are_kept_and_nothing_is_left_behind(inferc: Command) -> None:
    Path("real.infer").write_text(WRONG, "utf-8")
    Path("real.infer").chmod(0o640)
    Path("a.infer").symlink_to("real.infer")
    assert inferc("check", "--fix", "a.infer").status == 0
    assert Path("a.infer").is_symlink()
    assert Path("real.infer").read_text("utf-8") == RIGHT
    assert stat.S_IMODE(Path("real.infer").stat().st_mode) == 0o640
    assert sorted(os.listdir()) == ["a.infer", "real.infer"]


def test_a_folder_that_cannot_be_written_is_named_and_the_file_stays(
    inferc: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.infer").write_text(WRONG, "utf-8")

    def refuse(*, dir: Path, prefix: str) -> tuple[int, str]:
        raise PermissionError(13, "Permission denied", f"{dir}/{prefix}x1y2")

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    done = inferc("check", "--fix", "a.infer")
    assert (done.status, done.err) == (1, "error: cannot write a.infer: Permission denied\n")
    assert Path("a.infer").read_text("utf-8") == WRONG


@pytest.mark.parametrize("call", ["fsync", "fchmod", "replace"])
def test_a_write_that_fails_half_way_leaves_the_file_as_it_was(
    inferc: Command, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    Path("a.infer").write_text(WRONG, "utf-8")

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    done = inferc("check", "--fix", "a.infer")
    assert (done.status, done.err) == (1, "error: cannot write a.infer: No space left on device\n")
    assert Path("a.infer").read_text("utf-8") == WRONG
    assert os.listdir() == ["a.infer"]


SLOPPY = "name: my notes\nlet x: y;\n// hello\nlet burst = 4;\n"


@pytest.mark.parametrize("path", ["other.infer", "../elsewhere/other.infer", "notes.txt"])
def test_only_the_files_that_are_named_are_changed(inferc: Command, path: str) -> None:
    Path("work").mkdir()
    main, other = Path("work/main.infer"), Path("work") / path
    other.parent.mkdir(exist_ok=True)
    other.write_text(SLOPPY)
    main.write_text(f'import "{path}" as other\n{GPT.replace("model =", "model:")}')
    inferc("check", "--fix", main)
    assert "model =" in main.read_text()
    assert other.read_text() == SLOPPY
    if path == "other.infer":
        inferc("check", "--fix", "work")
        assert other.read_text() != SLOPPY


def test_what_is_fixed_in_one_file_counts_when_the_next_is_checked(inferc: Command) -> None:
    Path("a.infer").write_text("template t { replicas: 2 }\n")
    Path("b.infer").write_text(
        'import "a.infer" as a\ndeployment gpt from a.t {\n  model: "gpt-4o"\n'
        '  runtime openai { api_key = env("K") }\n}\n'
    )
    done = inferc("check", "--fix", ".")
    assert (done.status, done.err) == (0, "made 2 fixes\n2 files: fine\n")


def test_a_fix_that_makes_something_else_wrong_is_left_out(inferc: Command) -> None:
    fields = 'serving { max_concurent = 0, on_capacity_exhausted = "queue" }'
    Path("a.infer").write_text(GPT.replace(" }\n", f", {fields} }}\n"))
    done = inferc("check", "--fix", "a.infer")
    assert done.err.startswith("made 1 fix\nleft out 1 fix: something else would be wrong afterwards\n")
    after = Path("a.infer").read_text()
    assert "max_concurent = 0, on_capacity_exhausted = queue" in after
    assert inferc("check", "--fix", "a.infer").err.startswith("made 0 fixes\nleft out 1 fix")
    assert Path("a.infer").read_text() == after


@pytest.mark.parametrize("number", ["$1,000", "$12,500.50", "$1,000,000"])
def test_a_number_with_commas_is_left_as_it_is(inferc: Command, number: str) -> None:
    text = GPT.replace(" }\n", f", budget {{ max_spend_per_day = {number}, on_exceeded = reject }} }}\n")
    Path("a.infer").write_text(text)
    done = inferc("check", "--fix", "a.infer")
    assert Path("a.infer").read_text() == text
    assert f"write `{number.replace(',', '_')}`" in done.err
    assert done.err.endswith("\n1 error\n")
