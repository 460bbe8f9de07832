"""What is wrong with a store, for who asks how everything is."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

log = logging.getLogger(__name__)


Do = Callable[..., Awaitable[Any]]
"""Runs a command, and gives what a function makes of its answer, if there is one. Raises StoreError."""


class StoreError(Exception):
    """The store cannot be used now; the message says which, and why."""


class Problems:
    """now: what does not work, by what it is needed for. past: what went wrong before, and is mended."""

    def __init__(self) -> None:
        self.now: dict[str, str] = {}
        self.past: list[str] = []

    @contextmanager
    def watch(self, part: str) -> Iterator[None]:
        """Take note whether the block, in which the store does something about `part`, fails."""
        try:
            yield
        except StoreError as error:
            self.now[part] = str(error)
            raise
        self.now.pop(part, None)

    def mended(self, message: str) -> None:
        """Something was wrong that an operator should know, and is in order again."""
        log.warning("%s", message)
        if message not in self.past:
            self.past.append(message)
