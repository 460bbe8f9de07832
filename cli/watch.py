"""Waiting for files to change."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

INTERVAL = 0.3
"""Seconds between two looks."""

Stamp = dict[Path, tuple[int, int, int] | None]


def stamp(paths: Iterable[Path]) -> Stamp:
    """What tells one state of the files from the next."""
    return {path: _stamp(path) for path in paths}


def wait_for_change(before: Stamp) -> None:
    """Return when one of the files is no longer as it was; `before` is from `stamp`."""
    while stamp(before) == before:
        time.sleep(INTERVAL)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        state = path.stat()
    except (OSError, ValueError):
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino
