"""What long work shows while it goes on, and what it leaves on the terminal."""

from __future__ import annotations

import logging
import re
import time
from io import StringIO

import pytest

from inferc.cli.progress import line, progress


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_users_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INFERC_PROGRESS", "CI", "TERM"):
        monkeypatch.delenv(name, raising=False)


def until_shown(stream: StringIO, pattern: str) -> None:
    """Wait until it is there, on however busy a machine."""
    end = time.monotonic() + 60
    while not re.search(pattern, stream.getvalue()):
        assert time.monotonic() < end, f"{pattern!r} never came: {stream.getvalue()!r}"
        time.sleep(0.01)


def test_a_line_says_what_how_much_and_how_long() -> None:
    assert line("loading", (1, 4, "gpt"), 7.2, bar=True) == (
        "loading  [=====               ]  1 of 4  gpt  7 s"
    )
    assert line("loading", (1, 4, "gpt"), 125, bar=False) == "loading, 1 of 4, gpt, 2:05"
    assert line("reading", (0, 0, ""), 3, bar=False) == "reading, 3 s"
    assert "\x1b" not in line("a\x1b[2Jb", (0, 0, "\n"), 3, bar=True)


def test_a_terminal_has_one_line_that_goes_away_and_the_log_has_its_place() -> None:
    terminal = Terminal()
    handler = logging.StreamHandler(terminal)
    logging.getLogger().addHandler(handler)
    try:
        with progress("loading models", lambda: (2, 3, "llama"), stream=terminal):
            until_shown(terminal, r"loading models  \[=============       \]  2 of 3  llama")
            logging.getLogger().warning("slow disk")
        shown = terminal.getvalue()
        assert "\r\x1b[Kslow disk\n" in shown
        assert shown.endswith(("\r\x1b[K", "slow disk\n"))
    finally:
        logging.getLogger().removeHandler(handler)


def test_elsewhere_there_are_plain_lines() -> None:
    stream = StringIO()
    with progress("installing", lambda: (1, 2, ""), said_each=0.01, stream=stream):
        until_shown(stream, r"installing, 1 of 2, \d+ s\n")
    assert "\r" not in stream.getvalue()


@pytest.mark.parametrize(("name", "value"), [("CI", "true"), ("TERM", "dumb")])
def test_nothing_is_drawn_where_that_would_be_kept(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    terminal = Terminal()
    with progress("installing", said_each=0.01, stream=terminal):
        until_shown(terminal, r"installing, \d+ s\n")
    assert "\x1b" not in terminal.getvalue()


def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    with progress("a", quiet=True, stream=(quiet := StringIO()), said_each=0.001):
        time.sleep(0.02)
    monkeypatch.setenv("INFERC_PROGRESS", "never")
    with progress("a", stream=(never := StringIO()), said_each=0.001):
        time.sleep(0.02)
    assert quiet.getvalue() == never.getvalue() == ""


def test_work_that_fails_leaves_no_line() -> None:
    terminal = Terminal()

    def work() -> None:
        with progress("dividing", stream=terminal):
            until_shown(terminal, "dividing")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert terminal.getvalue().endswith("\r\x1b[K")
