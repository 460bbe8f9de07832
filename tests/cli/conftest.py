"""Running a command as a user would, in this process."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from attrs import frozen

from inferc.cli.main import main


@frozen
class Outcome:
    """What a command did: its exit status, and what it said where."""

    status: int
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def inferc(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """`inferc("check", "hello.infer")` gives the outcome. Nothing that a user does may raise."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        with _process_restored():
            try:
                status = main([str(argument) for argument in arguments])
            except SystemExit as ended:  # argparse: 0 after --help, 2 for a wrong command line
                status = int(ended.code or 0)
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return Outcome(status, said.out, said.err)

    return run


@contextmanager
def _process_restored() -> Iterator[None]:
    """Undo what a command does to its process, which is its own outside of tests."""
    root, own = logging.getLogger(), logging.getLogger("inferc")
    handlers, levels = root.handlers[:], (root.level, own.level)
    try:
        yield
    finally:
        gc.enable()
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        own.setLevel(levels[1])
