"""What has worked on this machine, by keys of all that it depends on: it need not be tried again."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

log = logging.getLogger(__name__)

_MOST = 1000
"""Keys in a folder; then the oldest go."""


class Remembered:
    """Keys of what has worked, as files in a folder of that name in the user's cache.

    Where nothing can be written there, they count until this process ends. What others may have put there
    does not count.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._here: set[str] = set()

    def has(self, key: str) -> bool:
        """Whether it has worked."""
        file = self._file(key)
        return key in self._here or (file is not None and _is_own(file))

    def add(self, key: str) -> None:
        """It has worked."""
        self._here.add(key)
        file = self._file(key)
        if file is None:
            return
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
            kept = sorted(file.parent.iterdir(), key=lambda each: each.lstat().st_mtime)
            for each in kept[:-_MOST]:
                each.unlink(missing_ok=True)
        except OSError as error:
            log.debug("%s: the next start will try the model again: %s", file, error.strerror)

    def _file(self, key: str) -> Path | None:
        """None where there is no place for it."""
        home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        return Path(home) / "inferc" / self._folder / key if os.path.isabs(home) else None


def _is_own(file: Path) -> bool:
    """Whether it is there, and nobody but this user can have put it there."""
    try:
        folder, found = file.parent.stat(), file.lstat()
    except OSError:
        return False
    if not stat.S_ISREG(found.st_mode):
        return False
    if not hasattr(os, "geteuid"):
        return True
    return folder.st_uid == found.st_uid == os.geteuid() and not folder.st_mode & stat.S_IWOTH
