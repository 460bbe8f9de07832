"""Reading files that others name: regular files only, no more of them than is said, never waiting."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

_OPENED = os.O_RDONLY
"""Without waiting, and for this process alone; Windows, which knows none of that, is told to read bytes."""
for _flag in ("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"):
    _OPENED |= getattr(os, _flag, 0)

LARGEST = 4 << 20
"""Bytes that a file of the language may have."""


class NotRegular(OSError):
    """A directory, a FIFO, a device or a socket; `strerror` says which."""

    strerror: str


def open_regular(path: Path) -> io.BufferedReader:
    """The regular file at `path`, or that a link there leads to, open for reading.

    Raises NotRegular when it is something else, OSError, and ValueError for a path that cannot be one.
    """
    refuse_special(path, path.stat().st_mode)  # before it is opened: that alone has effects on some devices
    descriptor = os.open(path, _OPENED)
    try:
        refuse_special(path, os.fstat(descriptor).st_mode)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def refuse_special(path: Path, mode: int) -> None:
    """Raise NotRegular unless `mode` is that of a regular file."""
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "no regular file")
        raise NotRegular(errno.EINVAL, f"it is {kind}", str(path))


def read_regular(path: Path, most: int) -> bytes:
    """The contents of a regular file. Raises OSError, also for more than `most` bytes, and ValueError.

    No more is read than the file says it holds: those of the system (`/proc`) say nothing, and read as empty.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise OSError(errno.EFBIG, f"it is larger than {most >> 20} MiB", str(path))
        return file.read(size)


def read_regular_text(path: Path) -> str:
    """The same as text, line ends kept. Raises UnicodeDecodeError, too."""
    return read_regular(path, LARGEST).decode()


def text_of_name(path: str) -> str:
    """The name of a file in UTF-8, whatever this machine takes names for; what is none in hexadecimal."""
    return path if path.isascii() else os.fsencode(path).decode("utf-8", "backslashreplace")
