"""Native code prints where it likes; this keeps what it prints out of the way, and hands it over."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from threading import Lock
from typing import IO

from .....compiler.plan.record import define

_one_at_a_time = Lock()

FATAL = 4
"""ONNX Runtime's level of logging that prints nothing of what it raises as well."""


@define
class Printed:
    """What was printed while a `captured_native_output()` block ran; filled in when the block ends."""

    text: str = ""


@contextlib.contextmanager
def captured_native_output() -> Iterator[Printed]:
    """Catch what this process prints to stdout and stderr, from Python and from native code alike.

    The whole process is affected: keep the block short. One thread at a time; others wait.
    """
    printed = Printed()
    from_python = io.StringIO()
    with _one_at_a_time, _scratch() as file:
        try:
            with _redirected(file.fileno()), contextlib.redirect_stdout(from_python):
                yield printed
        finally:
            file.seek(0)
            printed.text = from_python.getvalue() + file.read().decode("utf-8", "replace")


def _scratch() -> IO[bytes]:
    """A file without a name; on Linux it needs no folder that can be written."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("inferc-output"), "w+b")
    return tempfile.TemporaryFile()


@contextlib.contextmanager
def _redirected(target: int) -> Iterator[None]:
    """File descriptors 1 and 2 lead to `target`; one that is closed stays closed."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    saved: list[tuple[int, int]] = []
    try:
        for descriptor in (1, 2):
            with contextlib.suppress(OSError):
                saved.append((descriptor, os.dup(descriptor)))
                os.dup2(target, descriptor)
        yield
    finally:
        for descriptor, copy in saved:
            os.dup2(copy, descriptor)
            os.close(copy)
