"""How a process of `inferc` ends: at once, when all is done and said that was owed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..support.commands import INFERC

LEFT = """
import os, sys

class Left:
    def __del__(self, write=os.write):
        write(1, b"taken apart")

sys.left = Left()
"""
ASKED_FOR_BEFORE = "import atexit\natexit.register(print, 'as was asked for')\n"
ASKED_FOR_LATER = """
import argparse, atexit
real = argparse.ArgumentParser.parse_intermixed_args
def parse(*arguments):
    atexit.register(print, "as was asked for")
    return real(*arguments)
argparse.ArgumentParser.parse_intermixed_args = parse
"""


def run(folder: Path, first: str, *command: str) -> subprocess.CompletedProcess[str]:
    """`command` in a Python that does `first` when it starts."""
    folder.joinpath("sitecustomize.py").write_text(first)
    environment = os.environ | {"PYTHONPATH": str(folder)}
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=folder, check=False, timeout=200
    )


@pytest.mark.parametrize(("file", "status"), [("fine.infer", 0), ("wrong.infer", 1), ("missing.infer", 1)])
def test_nothing_is_taken_apart_when_all_is_said(tmp_path: Path, file: str, status: int) -> None:
    (tmp_path / "fine.infer").write_text('deployment gpt { model = "m", runtime ollama {} }\n')
    (tmp_path / "wrong.infer").write_text("let x =\n")
    done = run(tmp_path, LEFT, *INFERC, "check", file)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith("fine.infer: fine\n" if status == 0 else "error[")


def test_all_that_was_written_arrives(tmp_path: Path) -> None:
    done = run(tmp_path, LEFT, *INFERC, "schema")
    assert done.returncode == 0
    assert "taken apart" not in done.stdout
    assert json.loads(done.stdout)["$schema"]


@pytest.mark.parametrize("first", [ASKED_FOR_BEFORE, ASKED_FOR_LATER], ids=["before", "later"])
def test_what_is_to_be_done_at_the_end_is_done(tmp_path: Path, first: str) -> None:
    done = run(tmp_path, first, *INFERC, "check", "missing.infer")
    assert (done.returncode, done.stdout) == (1, "as was asked for\n")


def test_a_script_that_ends_with_it_ends_with_its_status(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from inferc.cli.main import entry\n"
        "sys.argv[1:] = ['check', 'missing.infer']\n"
        "entry()\n"
        "sys.exit(7)\n"
    )
    done = run(tmp_path, LEFT, sys.executable, "-c", program)
    assert (done.returncode, done.stdout) == (1, "")


def test_who_runs_it_inside_another_program_goes_on(tmp_path: Path) -> None:
    program = (
        "import runpy, sys\n"
        "sys.argv[1:] = ['check', 'missing.infer']\n"
        "try:\n    runpy.run_module('inferc.cli', run_name='__main__')\n"
        "except SystemExit as end:\n    print(end.code, flush=True)\n"
        "sys.exit(7)\n"
    )
    done = run(tmp_path, LEFT, sys.executable, "-c", program)
    assert (done.returncode, done.stdout) == (7, "1\ntaken apart")
