"""The ONNX files that a program names: each is opened once, when something asks what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .onnx_model.reader import OnnxModel


class ModelFiles:
    """Looks into models and remembers what was seen. What looks into them is loaded only for that."""

    def __init__(self) -> None:
        self._seen: dict[Path, OnnxModel | str] = {}

    def open(self, path: Path) -> OnnxModel | str:
        """The model at `path`, or why it is none."""
        if path not in self._seen:
            self._seen[path] = _open(path)
        return self._seen[path]


def _open(path: Path) -> OnnxModel | str:
    from .onnx_file import check_onnx_file
    from .onnx_model.reader import ModelError, read_model

    reason = check_onnx_file(path)
    if reason is not None:
        return reason
    try:
        return read_model(path)
    except ModelError as error:
        return str(error)
