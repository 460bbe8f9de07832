"""What other processes of the same user may read of this one."""

from __future__ import annotations

import sys

_PR_SET_DUMPABLE = 4


def hide_from_children() -> None:
    """Let root alone read the memory of this process, and the environment that it began with (Linux): they
    hold keys that code of users, and servers that are launched, do not get."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
