"""The safe fixes of files, written where they help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..compiler.compile import check_file
from ..compiler.fixing import make_safe_fixes
from ..compiler.modules import file_key, read_file
from ..dsl.diagnostics import Diagnostic
from ..dsl.files import read_regular_text
from .files import write_atomically
from .sources import Input


def fix_files(files: Sequence[Input], settings: Mapping[str, Any]) -> tuple[int, int]:
    """Make the safe fixes of `files`; gives how many were made, and how many were not since they do not help.

    A file that cannot be read is passed over. Raises OSError for one that cannot be written.
    """
    fixed: dict[str, str] = {}

    def read(path: Path) -> str:
        return fixed.get(file_key(path)) or read_file(path)

    made = left = 0
    for each in files:
        assert each.path is not None
        name, path, key = each.name, each.path, file_key(each.path)
        try:
            text, plain = read_regular_text(path), read_file(path)
        except (OSError, ValueError):
            continue

        def check(text: str, name: str = name, path: Path = path) -> Sequence[Diagnostic]:
            return check_file(name, path, text=text, settings=settings, read=read).diagnostics

        result = make_safe_fixes(plain, key, check)
        made, left = made + result.made, left + result.left
        if result.made:
            fixed[key] = result.text
            _write(path, text[: len(text) - len(plain)] + result.text)
    return made, left


def _write(path: Path, text: str) -> None:
    try:
        write_atomically(path, text)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
