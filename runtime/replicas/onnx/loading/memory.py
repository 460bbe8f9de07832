"""Memory that was freed, given back to the system: allocators keep it for themselves."""

from __future__ import annotations

import ctypes
import gc
from functools import cache
from typing import Any


def give_back_memory() -> None:
    """Return what nobody uses any more. Blocks for some milliseconds; without glibc, it only collects.

    A model is held by objects that know each other: only the collector finds that nobody needs them.
    """
    gc.collect()
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
