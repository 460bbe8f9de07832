"""Files as a plan names them: relative to it, and pinned by their contents."""

from __future__ import annotations

import os
from pathlib import Path

from ..onnx_model.onnx_file import file_sha256
from ..plan import FileRef


class Pinner:
    """Names files from the directory `base`; each is read once."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._pinned: dict[Path, FileRef] = {}
        self._named: dict[Path, str] = {}

    def pin(self, path: Path) -> FileRef:
        """The file at `path` with its contents as they are now. Raises OSError."""
        if path not in self._pinned:
            self._pinned[path] = FileRef(self.relative(path), file_sha256(path), path.stat().st_size)
        return self._pinned[path]

    def relative(self, path: Path) -> str:
        """`path` as it is named from the base."""
        named = self._named.get(path)
        if named is None:
            named = self._named[path] = Path(os.path.relpath(path, self._base)).as_posix()
        return named


class Namer(Pinner):
    """Names files without reading them: for plans that are looked at, and never written."""

    def pin(self, path: Path) -> FileRef:
        return FileRef(self.relative(path), "", 0)
