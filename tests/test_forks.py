"""Tests that run in several processes are reported as if they had run in one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .support.commands import ROOT
from .support.compiling import compile_tests

KINDS = """
import os
import signal
import warnings

import pytest

FOLDER = os.path.dirname(__file__)


@pytest.fixture(scope="module")
def shared():
    yield
    with open(os.path.join(FOLDER, "ended"), "a") as file:
        file.write("once ")


def test_passes(shared): pass

def test_fails(shared):
    print("what was printed")
    os.write(1, b"what was written")
    assert 1 == 2

@pytest.mark.filterwarnings("default")
def test_warns(): warnings.warn("look out")

def test_is_left_out(): pytest.skip("for a reason")

def test_ends_its_process(): os.kill(os.getpid(), signal.SIGKILL)

def test_comes_after_it(shared, capfd):
    os.write(1, b"mine")
    assert capfd.readouterr().out == "mine"

def test_knows_its_process():
    with open(os.path.join(FOLDER, f"process-{os.getpid()}"), "a"): pass
"""
WAITS = """
from pathlib import Path

def test_fails_at_once():
    assert 1 == 2

def test_is_not_begun(): Path(__file__).with_name("begun").touch()
"""


def run(folder: Path, *options: str) -> tuple[int, str]:
    """Exit status and output of pytest for the tests in `folder`, in two processes."""
    own = ["-c", os.devnull, "--rootdir", str(folder), "-p", "no:cacheprovider", "-p", "tests.support.forks"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *own, "-ra", "--forks", "2", *options, str(folder)],
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "test_kinds.py").write_text(KINDS)
    return tmp_path


def test_all_that_happened_is_shown_and_what_a_crash_left_is_run(folder: Path) -> None:
    (folder / "test_others.py").write_text("def test_other(): pass")
    status, out = run(folder)
    assert status == 1
    assert re.search(r"2 failed, 5 passed, 1 skipped, 1 warning in", out), out
    for text in ("what was printed", "what was written", "UserWarning: look out", "for a reason"):
        assert text in out
    assert "the process that ran it ended: -9" in out
    assert (folder / "ended").read_text() == "once ", "a module's fixture ends in the process that goes on"
    assert str(os.getpid()) not in "".join(path.name for path in folder.glob("process-*"))


def test_nothing_is_begun_after_the_first_failure_that_is_one_too_many(folder: Path) -> None:
    (folder / "test_kinds.py").write_text(WAITS)
    (folder / "test_others.py").write_text("def test_other(): pass")
    status, out = run(folder, "-x")
    assert status == 1
    assert "stopping after 1 failures" in out
    assert not (folder / "begun").exists()


@pytest.mark.parametrize(
    "leaves",
    ["threading.Thread(target=time.sleep, args=[600]).start()", "atexit.register(hangs)"],
    ids=["a thread", "a library that hangs when all is closed"],
)
def test_what_does_not_end_in_a_test_or_after_it_is_ended_and_told_of(folder: Path, leaves: str) -> None:
    never = "import time\n\ndef test_never_ends(): time.sleep(600)\n\ndef test_behind_it(): pass\n"
    hangs = "def hangs(): os.closerange(3, 99), time.sleep(600)"
    program = f"import atexit, os, threading, time\n\n{hangs}\n\ndef test_leaves_it(): {leaves}\n"
    (folder / "test_kinds.py").write_text(never)
    (folder / "test_leaves.py").write_text(program)
    (folder / "test_others.py").write_text("def test_other(): pass")
    status, out = run(folder, "--longest", "5")
    assert status == 1
    assert "the process that ran it ended: -6" in out, out
    assert 'test_kinds.py", line 3 in test_never_ends' in out
    assert "its process did not end after it" in out, out
    assert "2 failed, 3 passed" in out


def test_a_module_is_compiled_as_pytest_does_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "test_of_a_new_clone.py").write_text(f"{WAITS}\nPath({str(tmp_path / 'ran')!r}).touch()")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    compile_tests("test_of_a_new_clone")
    (compiled,) = tmp_path.glob("__pycache__/*-pytest-*.pyc")
    assert b"@pytest_ar" in compiled.read_bytes()
    assert not (tmp_path / "ran").exists()
