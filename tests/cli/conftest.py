"""Running a command as a user would, in this process."""

from __future__ import annotations

import gc
from collections.abc import Callable

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
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as ended:  # argparse: 0 after --help, 2 for a wrong command line
            status = int(ended.code or 0)
        finally:
            gc.enable()
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return Outcome(status, said.out, said.err)

    return run
