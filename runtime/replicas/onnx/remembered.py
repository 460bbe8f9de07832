"""What has worked on this machine, by keys of all that it depends on: it need not be tried again."""

from __future__ import annotations

import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)


class Remembered:
    """Keys of what has worked, as files in a folder of that name in the user's cache.

    Where nothing can be written there, they count until this process ends.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._here: set[str] = set()

    def has(self, key: str) -> bool:
        """Whether it has worked."""
        file = self._file(key)
        return key in self._here or (file is not None and os.path.exists(file))

    def add(self, key: str) -> None:
        """It has worked."""
        self._here.add(key)
        file = self._file(key)
        if file is None:
            return
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        except OSError as error:
            log.debug("%s: the next start will try the model again: %s", file, error.strerror)

    def _file(self, key: str) -> Path | None:
        """None where there is no place for it."""
        home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        return Path(home) / "inferc" / self._folder / key if os.path.isabs(home) else None
