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


class Watched:
    """Files that are looked at now and then; others may take their place."""

    def __init__(self, files: Iterable[Path]) -> None:
        self.files = tuple(files)
        self._seen = stamp(self.files)

    def has_changed(self) -> bool:
        """Whether one of them is not as it was at the last look."""
        before, self._seen = self._seen, stamp(self.files)
        return any(path in before and state != before[path] for path, state in self._seen.items())


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        state = path.stat()
    except (OSError, ValueError):
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino
