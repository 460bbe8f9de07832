"""What becomes of memory that is free again: tensors of one request are much like those of the next."""

from __future__ import annotations

import os

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Numbers of `mallopt`, from glibc's malloc.h."""

LARGEST_KEPT = 8 << 20
"""Bytes of a block that is not given back to the system, which would have to clear it anew each time."""

MOST_KEPT = 16 << 20
"""Bytes at the end of a heap that are free, beyond which it shrinks; a few threads share one."""

_SAID = ("GLIBC_TUNABLES", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_")


def keep_blocks() -> None:
    """Let blocks of usual tensors be used again, where the C library can, and nobody has told it otherwise.

    Else glibc gives each back and asks for it again: of a request of 800 kB, most time goes into page faults.
    """
    if any(name in os.environ for name in _SAID):
        return
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library
        return
    mallopt(_MMAP_THRESHOLD, LARGEST_KEPT)
    mallopt(_TRIM_THRESHOLD, MOST_KEPT)
