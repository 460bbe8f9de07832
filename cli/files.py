"""Writing files so that nothing is ever half written."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path

from .output import fail


def save(path: Path, text: str, said: str) -> int:
    """Write `text` into the file at `path` and say so, or say why not; gives the exit status."""
    try:
        write_atomically(path, text)
    except OSError as error:
        return fail(f"cannot write {path}: {error.strerror}")
    print(said, file=sys.stderr)
    return 0


def write_atomically(path: Path, text: str) -> None:
    """Put `text` into the file at `path`: all of it, or none. Raises OSError.

    The mode of an existing file is kept, and a symbolic link goes on pointing to its file.
    """
    target = Path(os.path.realpath(path))
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            mode = target.stat().st_mode & 0o7777
        except FileNotFoundError:
            umask = os.umask(0)
            os.umask(umask)
            mode = 0o666 & ~umask
        os.chmod(temporary, mode)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
