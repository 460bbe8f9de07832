"""Where a foreign file lies: what it includes is read from there, and its paths are written elsewhere."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from ...dsl.files import read_regular
from ..modules import file_beside, reason
from ..project import project_left
from .foreign import ImportFailed, Node

LARGEST = 1 << 20
"""Bytes of the largest file that is read, and of all that it includes."""

_MOST_INCLUDED = 50


class Origin:
    """folder: where the file lies. name: its own. output: the file that will be written."""

    def __init__(self, folder: Path, name: str, output: Path) -> None:
        self.stem = re.sub(r"[^\w.-]+", "-", Path(name).name.partition(".")[0]).strip("-") or "imported"
        self.folder = Path(os.path.realpath(folder))
        self._output = Path(os.path.realpath(output.parent))
        self._count = 0
        self._size = 0

    def include(self, written: str, node: Node, read: Callable[[str], Node]) -> Node:
        """The file that `node` names: a regular one in the folder or below. Raises ImportFailed."""
        self._count += 1
        if self._count > _MOST_INCLUDED:
            raise ImportFailed(f"more than {_MOST_INCLUDED} files are included", node.line)
        try:
            path = Path(os.path.realpath(self.folder / written))
            if not path.is_relative_to(self.folder):
                raise ImportFailed(f"`{written}` lies outside of the folder of this file", node.line)
            state = path.stat()
        except (OSError, ValueError) as error:
            raise ImportFailed(f"`{written}` cannot be read: {reason(error)}", node.line) from None
        if not stat.S_ISREG(state.st_mode):
            raise ImportFailed(f"`{written}` is no regular file", node.line)
        self._size += state.st_size
        if self._size > LARGEST:
            raise ImportFailed(f"the files that are included have more than {LARGEST >> 20} MiB", node.line)
        try:
            return read(read_text(path))
        except ImportFailed as error:
            raise ImportFailed(
                f"in `{written}`, line {error.line or 1}: {error.message}", node.line
            ) from None

    def written(self, *parts: str) -> str:
        """A path below the folder, as the file that will be written says it."""
        return Path(os.path.relpath(self.folder.joinpath(*parts), self._output)).as_posix()

    def left(self, written: str) -> bool:
        """Whether a path leads out of the project of the file that will be written."""
        return project_left(self._output, written) is not None


def read_text(path: Path) -> str:
    """The text of a regular file of a bounded size. Raises ImportFailed."""
    try:
        data = read_regular(path, LARGEST)
    except OSError as error:
        meant = file_beside(path) if isinstance(error, FileNotFoundError) else None
        hint = f"; did you mean {path.with_name(meant)}?" if meant is not None else ""
        raise ImportFailed(f"it cannot be read: {reason(error)}{hint}") from None
    except ValueError as error:
        raise ImportFailed(f"it cannot be read: {error}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ImportFailed("this is no text in UTF-8", line) from None
