"""`inferc fmt`: files, folders and standard input in the one style; written whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from ..support.commands import SAMPLES
from ..support.forked import ran
from ..support.rows import each_row
from .conftest import Command

UGLY = 'let x=1\ndeployment   gpt{model="gpt-4o" # why\n}\n'
NEAT = 'let x = 1\n\ndeployment gpt {\n  model = "gpt-4o"  # why\n}\n'
DAMAGED = "let  a=1\ndeployment x {\n  model  = = 3\n}\nlet  b=2\n"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def formatted(text: str, *options: str) -> subprocess.CompletedProcess[str]:
    return ran("fmt", *options, "-", input=text, text=True)


def test_files_and_folders_are_formatted_and_named_when_they_changed(inferc: Command) -> None:
    Path("inner/deep").mkdir(parents=True)
    Path("a.infer").write_text(UGLY)
    Path("inner/b.infer").write_text(NEAT)
    Path("inner/deep/c.infer").write_text(UGLY)
    Path("inner/other.txt").write_text(UGLY)
    done = inferc("fmt", "a.infer", "inner")
    assert (done.status, done.out) == (0, "")
    assert done.err == "formatted a.infer\nformatted inner/deep/c.infer\n"
    assert {path.read_text() for path in Path().rglob("*.infer")} == {NEAT}
    assert Path("inner/other.txt").read_text() == UGLY
    assert inferc("fmt", "--check", ".").status == 0


@each_row("path", sorted(SAMPLES.glob("*.infer")), ids=lambda path: path.stem)
def test_the_samples_are_in_the_one_style(inferc: Command, path: Path) -> None:
    assert inferc("fmt", "--check", path).status == 0


def test_standard_input_is_written_to_standard_output() -> None:
    done = formatted(UGLY)
    assert (done.returncode, done.stdout, done.stderr) == (0, NEAT, "")
    assert formatted(NEAT).stdout == NEAT
    assert formatted("").stdout == ""


def test_check_changes_nothing_and_fails_when_something_would_change(inferc: Command) -> None:
    Path("a.infer").write_text(UGLY)
    Path("b.infer").write_text(NEAT)
    done = inferc("fmt", "--check", "a.infer", "b.infer")
    assert (done.status, done.out, done.err) == (1, "", "would change a.infer\n")
    assert Path("a.infer").read_text() == UGLY
    assert inferc("fmt", "--check", "b.infer").status == 0


def test_diff_shows_what_would_change_and_changes_nothing(inferc: Command) -> None:
    Path("a.infer").write_text(UGLY)
    Path("b.infer").write_text(NEAT)
    done = inferc("fmt", "--diff", "a.infer", "b.infer")
    assert done.status == 0
    assert done.out.startswith("--- a/a.infer\n+++ b/a.infer\n@@ ")
    assert "-let x=1\n" in done.out
    assert "+let x = 1\n" in done.out
    assert "b.infer" not in done.out.replace("b/a.infer", "")
    assert Path("a.infer").read_text() == UGLY
    assert inferc("fmt", "--diff", "--check", "a.infer").status == 1


def test_a_diff_is_what_patch_takes(inferc: Command) -> None:
    Path("a.infer").write_text(UGLY.rstrip("\n"))
    diff = inferc("fmt", "--diff", "a.infer").out
    assert "\\ No newline at end of file" in diff


def test_a_damaged_part_is_left_as_it_is_and_the_rest_is_formatted(inferc: Command) -> None:
    Path("a.infer").write_text(DAMAGED)
    done = inferc("fmt", "a.infer")
    assert done.status == 1
    assert "a.infer: a part with mistakes was left as it is; `inferc check` shows them" in done.err
    text = Path("a.infer").read_text()
    assert "deployment x {\n  model  = = 3\n}" in text
    assert "let a = 1\n" in text
    assert "let b = 2\n" in text
    again = inferc("fmt", "a.infer")
    assert again.status == 1
    assert Path("a.infer").read_text() == text


def test_standard_input_of_another_encoding_is_refused() -> None:
    done = ran("fmt", "-", input="# grüße\nlet x=1\n".encode("latin-1"))
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"error: standard input is not UTF-8 text (byte 4)\n"


def test_one_damaged_file_does_not_keep_the_others_from_being_formatted(inferc: Command) -> None:
    Path("a.infer").write_text(DAMAGED)
    Path("b.infer").write_bytes(b"\xff\xfe")
    Path("c.infer").write_text(UGLY)
    done = inferc("fmt", "a.infer", "b.infer", "none.infer", "c.infer")
    assert done.status == 1
    assert "cannot read `b.infer`: it is not UTF-8 text" in done.err
    assert "cannot read `none.infer`: there is no such file" in done.err
    assert Path("c.infer").read_text() == NEAT
    assert Path("b.infer").read_bytes() == b"\xff\xfe"


def test_mode_and_symbolic_link_are_kept_and_nothing_is_left_behind(inferc: Command) -> None:
    Path("real.infer").write_text(UGLY)
    Path("real.infer").chmod(0o600)
    Path("a.infer").symlink_to("real.infer")
    assert inferc("fmt", "a.infer").status == 0
    assert Path("a.infer").is_symlink()
    assert Path("real.infer").read_text() == NEAT
    assert stat.S_IMODE(Path("real.infer").stat().st_mode) == 0o600
    assert sorted(os.listdir()) == ["a.infer", "real.infer"]


def test_a_file_in_the_one_style_is_not_written_again(inferc: Command) -> None:
    Path("a.infer").write_bytes(b"\xef\xbb\xbf" + NEAT.encode())
    before = Path("a.infer").stat()
    assert inferc("fmt", "a.infer").status == 0
    assert Path("a.infer").stat().st_ino == before.st_ino
    assert Path("a.infer").read_bytes() == b"\xef\xbb\xbf" + NEAT.encode()


@pytest.mark.parametrize("call", ["fsync", "fchmod", "replace"])
def test_a_write_that_fails_half_way_leaves_the_file_as_it_was(
    inferc: Command, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    Path("a.infer").write_text(UGLY)

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    done = inferc("fmt", "a.infer")
    assert (done.status, done.err) == (1, "error: cannot write a.infer: No space left on device\n")
    assert Path("a.infer").read_text() == UGLY
    assert os.listdir() == ["a.infer"]


def test_an_interrupted_write_leaves_the_file_as_it_was(
    inferc: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.infer").write_text(UGLY)

    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    assert inferc("fmt", "a.infer").status == 130
    assert Path("a.infer").read_text() == UGLY
    assert os.listdir() == ["a.infer"]


def test_a_folder_that_cannot_be_written_is_an_error(
    inferc: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.infer").write_text(UGLY)

    def refuse(**options: object) -> None:
        raise PermissionError(13, "Permission denied", "somewhere")

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    done = inferc("fmt", "a.infer")
    assert (done.status, done.err) == (1, "error: cannot write a.infer: Permission denied\n")
