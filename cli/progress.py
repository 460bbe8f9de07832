"""What long work is at, on standard error: one line that changes on a terminal, plain lines elsewhere.

Only the standard library, and no other module of ours: the set-up of a clone uses it before anything is
installed.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

Seen = tuple[float, float, str]
"""How much is done, of how much (0: nobody knows), and what is done now."""

DRAWN_AFTER, DRAWN_EACH = 0.3, 0.1
SAID_AFTER, SAID_EACH = 10.0, 10.0
"""Seconds; a line that is drawn goes away again, and one that is said stays."""

_BAR = 20
_NEVER = "never"


@contextmanager
def progress(
    what: str,
    seen: Callable[[], Seen] | None = None,
    *,
    quiet: bool = False,
    said_each: float | None = None,
    stream: TextIO | None = None,
) -> Iterator[None]:
    """Show `what`, how much of it is done, and for how long it has gone on, while the body runs.

    seen: looks at the work, from a thread of its own. quiet: show nothing, whatever the terminal. said_each:
    seconds between two plain lines, where there is no terminal. INFERC_PROGRESS=never switches all of it off.
    """
    stream = stream or sys.stderr
    if quiet or os.environ.get("INFERC_PROGRESS") == _NEVER:
        yield
        return
    shown = _Shown(what, seen or _nothing_seen, stream, said_each)
    shown.start()
    try:
        yield
    finally:
        shown.stop()


def _nothing_seen() -> Seen:
    return 0, 0, ""


def draws(stream: TextIO) -> bool:
    """Whether `stream` is a terminal on which a line can be drawn again."""
    return stream.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")


def elapsed(seconds: float) -> str:
    """`7 s`, `2:05`."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds // 60:.0f}:{seconds % 60:02.0f}"


def line(what: str, seen: Seen, seconds: float, bar: bool) -> str:
    """What is shown, without the end of the line."""
    done, total, detail = seen
    parts = [what]
    if total > 0:
        share = min(max(done / total, 0.0), 1.0)
        if bar:
            filled = round(share * _BAR)
            parts.append(f"[{'=' * filled}{' ' * (_BAR - filled)}]")
        parts.append(f"{done:,.0f} of {total:,.0f}")
    if detail:
        parts.append(detail)
    text = "  ".join((*parts, elapsed(seconds))) if bar else ", ".join((*parts, elapsed(seconds)))
    return "".join(each if each.isprintable() else "?" for each in text)


class _Shown(threading.Thread):
    """Draws or says how it goes until it is stopped."""

    def __init__(self, what: str, seen: Callable[[], Seen], stream: TextIO, said_each: float | None) -> None:
        super().__init__(daemon=True, name="progress")
        self._what, self._seen, self._stream = what, seen, stream
        self._draws = draws(stream)
        self._each = DRAWN_EACH if self._draws else (said_each or SAID_EACH)
        self._after = DRAWN_AFTER if self._draws else (said_each or SAID_AFTER)
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._drawn = False
        self._began = time.monotonic()
        self._handlers = [*logging.getLogger().handlers] if self._draws else []
        for handler in self._handlers:
            handler.addFilter(self._log_comes)

    def run(self) -> None:
        wait = self._after
        while not self._over.wait(wait):
            try:
                self._show()
            except (OSError, ValueError):  # nobody reads, or the stream is closed
                return
            wait = self._each

    def stop(self) -> None:
        """Leave a drawn line as if it had never been."""
        self._over.set()
        self.join()
        for handler in self._handlers:
            handler.removeFilter(self._log_comes)
        self._clear()

    def _show(self) -> None:
        text = line(self._what, self._seen(), time.monotonic() - self._began, self._draws)
        with self._lock:
            if self._draws:
                width = shutil.get_terminal_size().columns - 1
                self._stream.write(f"\r{text[:width]}\x1b[K")
                self._drawn = True
            else:
                self._stream.write(f"{text}\n")
            self._stream.flush()

    def _log_comes(self, record: logging.LogRecord) -> bool:
        """A line of the log stands where the drawn one stood."""
        self._clear()
        return True

    def _clear(self) -> None:
        with self._lock:
            if self._drawn:
                self._drawn = False
                try:
                    self._stream.write("\r\x1b[K")
                    self._stream.flush()
                except (OSError, ValueError):
                    return
