"""`inferc init` at a real terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from inferc.cli.interview import PROVIDERS

from ..support.commands import INFERC, PATIENCE
from .conftest import Command


def _hears() -> None:
    """As at a terminal: what runs in the background ignores Ctrl-C, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """`inferc init` with somebody before it, who answers what is asked."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            [*INFERC, "init", *arguments],
            cwd=folder,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_hears,
        )
        os.close(slave)
        self.said = ""

    def until(self, text: str) -> None:
        """Read until `text` is there."""
        end = time.monotonic() + PATIENCE
        while text not in self.said:
            left = end - time.monotonic()
            assert left > 0, f"{text!r} was never said: {self.said}"
            if select.select([self._master], [], [], left)[0]:
                self.said += os.read(self._master, 4096).decode()

    def answer(self, question: str, text: str) -> None:
        self.until(question)
        self.said = self.said.partition(question)[2]
        os.write(self._master, text.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C until it ends: one that comes just before the process begins to wait is not heard."""
        end = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < end:
            self._process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)

    def end(self) -> int:
        return self._process.wait(PATIENCE)

    def close(self) -> None:
        self._process.kill()
        self._process.wait(PATIENCE)
        os.close(self._master)


Begin = Callable[..., Terminal]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    with ExitStack() as ended:

        def begin(*arguments: str) -> Terminal:
            terminal = Terminal(tmp_path, *arguments)
            ended.callback(terminal.close)
            return terminal

        yield begin


def test_enter_and_nothing_else_writes_a_file_that_passes(
    begin: Begin, tmp_path: Path, inferc: Command
) -> None:
    terminal = begin()
    for question in ("Template [chat]: ", "Provider", "Model [gpt-4o-mini]: ", "[OPENAI_API_KEY]: "):
        terminal.answer(question, "\n")
    terminal.until("next: inferc check hello.infer")
    assert terminal.end() == 0
    assert inferc("check", "--deny", "warnings", tmp_path / "hello.infer").status == 0


def test_answers_are_written_and_those_that_do_not_fit_are_asked_again(
    begin: Begin, tmp_path: Path, inferc: Command
) -> None:
    terminal = begin("mine.infer")
    terminal.answer("Template [chat]: ", "shop\n")
    terminal.answer("that is not one of chat", "classify\n")
    terminal.answer("Provider", "anthropic\n")
    terminal.answer("Model [claude-sonnet-5-5]: ", 'x", y = "\n')
    terminal.answer("that is not a name", "claude-haiku-4-5\n")
    terminal.answer("[ANTHROPIC_API_KEY]: ", "sk-ant-123\n")
    terminal.answer("never the key itself", "TEAM_KEY\n")
    terminal.until("wrote mine.infer")
    assert terminal.end() == 0
    text = (tmp_path / "mine.infer").read_text()
    assert 'model = "claude-haiku-4-5"\n  runtime anthropic { api_key = env("TEAM_KEY") }' in text
    assert inferc("check", "--deny", "warnings", tmp_path / "mine.infer").status == 0


def test_ctrl_c_leaves_nothing_behind(begin: Begin, tmp_path: Path) -> None:
    terminal = begin()
    terminal.answer("Template [chat]: ", "\n")
    terminal.until("Provider")
    terminal.interrupt()
    terminal.until("nothing was written")
    assert terminal.end() == 130
    assert not list(tmp_path.iterdir())


def test_a_template_on_the_command_line_is_not_asked_for(begin: Begin) -> None:
    terminal = begin("--template", "gateway")
    terminal.until("wrote gateway.infer")
    assert terminal.end() == 0


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_passes(
    tmp_path: Path, inferc: Command, monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    from inferc.cli import interview

    answers = iter([provider, "", ""])
    monkeypatch.setattr("sys.stdin", type("Typed", (), {"readline": lambda _: next(answers) + "\n"})())
    text = (Path(interview.__file__).parent / "templates" / "chat.infer").read_text()
    file = tmp_path / "x.infer"
    file.write_text(interview.filled("chat", text))
    assert inferc("check", "--deny", "warnings", file).err == f"{file}: fine\n"
