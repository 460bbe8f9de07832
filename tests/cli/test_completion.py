"""Completion scripts: what a shell takes, with every command and option in it."""

from __future__ import annotations

import argparse
import shutil
import subprocess
from pathlib import Path

import pytest

from inferc.cli.main import COMMANDS, whole_parser

from .conftest import Command

SHELLS = ["bash", "zsh", "fish"]


def options() -> dict[str, set[str]]:
    """The long options of each command."""
    [commands] = [
        action for action in whole_parser()._actions if isinstance(action, argparse._SubParsersAction)
    ]
    return {
        name: {text for action in parser._actions for text in action.option_strings if text.startswith("--")}
        for name, parser in commands.choices.items()
    }


@pytest.mark.parametrize("shell", SHELLS)
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
    done = subprocess.run([program, "-n", str(script)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["inferc", "ch"], {"check"}),
        (["inferc", "com"], {"compile", "completion"}),
        (["inferc", "check", "--for"], {"--format"}),
        (["inferc", "check", "--format", "s"], {"sarif"}),
        (["inferc", "completion", "z"], {"zsh"}),
        (["inferc", "fmt", "--di"], {"--diff"}),
    ],
)
def test_bash_completes_what_was_begun(
    inferc: Command, tmp_path: Path, words: list[str], expected: set[str]
) -> None:
    script = tmp_path / "script"
    script.write_text(inferc("completion", "bash").out)
    line = " ".join(f"'{word}'" for word in words)
    ask = f"""
source {script}
function=$(complete -p inferc | sed 's/.*-F \\([^ ]*\\).*/\\1/')
COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}
$function inferc '{words[-1]}' '{words[-2]}' 2>/dev/null
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, cwd=tmp_path)
    assert {word.strip() for word in done.stdout.split()} == expected


def test_an_unknown_shell_is_a_wrong_command_line(inferc: Command) -> None:
    assert inferc("completion", "tcsh").status == 2
    assert inferc("completion").status == 2
