"""The ONNX files that a program names: each is opened once, when something asks what is in it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .reader import OnnxModel


class ModelFiles:
    """Reads models, each once. The reader is imported when the first one is asked for."""

    def __init__(self) -> None:
        self._seen: dict[Path, OnnxModel | str] = {}

    def open(self, path: Path) -> OnnxModel | str:
        """The model at `path`, or why it is none."""
        if path not in self._seen:
            self._seen[path] = open_model(path)
        return self._seen[path]


def open_model(path: Path) -> OnnxModel | str:
    """The model at `path`, or why it is none; a file that did not change is not read again."""
    try:
        state = path.stat()
    except OSError:
        return _open(path, ())
    return _open(path, (state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino))


@lru_cache(maxsize=64)
def _open(path: Path, _state: tuple[int, ...]) -> OnnxModel | str:
    from .onnx_file import check_onnx_file
    from .reader import ModelError, read_model

    reason = check_onnx_file(path)
    if reason is not None:
        return reason
    try:
        return read_model(path)
    except ModelError as error:
        return str(error)
