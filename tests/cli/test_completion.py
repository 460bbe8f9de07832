"""Completion scripts: what a shell takes, with every command and option in it."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from inferc.cli.main import COMMANDS, whole_parser

from ..support.forked import command_for_scripts, ran
from ..support.rows import each_row
from .conftest import Command

SHELLS = ["bash", "zsh", "fish"]


def options() -> dict[str, set[str]]:
    """The long options of each command."""
    [commands] = [
        action for action in whole_parser()._actions if isinstance(action, argparse._SubParsersAction)
    ]
    return {
        name: {
            text
            for action in parser._actions
            for text in action.option_strings
            if text.startswith("--") and action.help != argparse.SUPPRESS
        }
        for name, parser in commands.choices.items()
    }


@each_row("shell", SHELLS)
def test_every_command_and_option_is_completed(inferc: Command, shell: str) -> None:
    done = inferc("completion", shell)
    assert (done.status, done.err) == (0, "")
    found = options()
    assert found.keys() == COMMANDS.keys()
    for name, long in found.items():
        assert name in done.out
        for option in long:
            assert (f"-l {option[2:]}" if shell == "fish" else option) in done.out, (name, option)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_takes_the_script(inferc: Command, shell: str, tmp_path: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "script"
    script.write_text(inferc("completion", shell).out)
    done = subprocess.run([program, "-n", str(script)], capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stderr) == (0, "")


FILE = """\
import "more.infer" as more
deployment gpt { model = "gpt-4o-mini" }
deployment "gpt 4" { model = "gpt-4o" }
route assistant = fallback [gpt, "gpt 4"]
test "when it is down" { world { gpt fails 503 for 1m } }
pipeline broken(message: text -> text {
"""
CASES = [
    ("inferc ch", ["check"]),
    ("inferc com", ["compile", "completion"]),
    ("inferc check --for", ["--format"]),
    ("inferc check --format s", ["sarif"]),
    ("inferc completion z", ["zsh"]),
    ("inferc fmt --di", ["--diff"]),
    ("inferc check fir", ["first.infer"]),
    (
        "inferc explain E060",
        ["E0601", "E0602", "E0603", "E0604", "E0605", "E0606", "E0607", "E0608", "E0609"],
    ),
    ("inferc explain E0603 E0302", ["E0302"]),
    ("inferc call first.infer as", ["assistant"]),
    ("inferc graph first.infer emb", ["embedder"]),
    ("inferc drain gpt", ["gpt", "gpt 4"]),
    ("inferc drain as", []),
    ("inferc test --only wh", ["when it is down"]),
    ("inferc call more.infer g", []),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two files, one of which has a mistake, for a user who runs no server."""
    (tmp_path / "first.infer").write_text(FILE)
    (tmp_path / "more.infer").write_text('deployment embedder { model = "text-embedding-3-small" }\n')
    (tmp_path / "run").mkdir()
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ask(shell: str, program: str, folder: Path) -> list[str]:
    passed = command_for_scripts(folder / "bin")
    done = subprocess.run(
        [shell, "-c", program], capture_output=True, text=True, cwd=folder, pass_fds=passed, timeout=200
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_what_was_begun(inferc: Command, folder: Path) -> None:
    program = [inferc("completion", "bash").out]
    for line, _ in CASES:
        words = line.split()
        program.append(f"""
COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}
_shtab_inferc inferc {words[-1]} {words[-2]}
printf '%s;' "${{COMPREPLY[@]}}"; echo""")
    answers = ask("bash", "\n".join(program), folder)
    found = [sorted(each.replace("\\", "").strip() for each in line.split(";") if each) for line in answers]
    assert dict(zip([line for line, _ in CASES], found, strict=True)) == dict(CASES)


def test_bash_gets_names_as_they_are_typed(inferc: Command, folder: Path) -> None:
    program = (
        inferc("completion", "bash").out
        + "\nCOMP_WORDS=(inferc drain 'gpt\\ ')\n_inferc_deployments 'gpt\\ '"
    )
    assert ask("bash", program, folder) == ["gpt\\ 4"]


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes_what_was_begun(inferc: Command, folder: Path) -> None:
    cases = dict(
        case for case in CASES if not case[0].startswith("inferc c")
    )  # where fish adds what is fuzzy
    program = [inferc("completion", "fish").out]
    program += [f"echo (complete -C '{line}' | cut -f 1 | string join ';')" for line in cases]
    answers = ask("fish", "\n".join(program), folder)
    found = [sorted(each for each in line.split(";") if each) for line in answers]
    assert dict(zip(cases, found, strict=True)) == cases


def test_each_name_says_what_it_is(folder: Path) -> None:
    done = ran("completion", "--candidates", "models", input="call\nfirst.infer\n", text=True, check=True)
    assert {"assistant\troute", "gpt 4\tdeployment"} <= {*done.stdout.splitlines()}


def test_an_unknown_shell_is_a_wrong_command_line(inferc: Command) -> None:
    assert inferc("completion", "tcsh").status == 2
    assert inferc("completion").status == 2
