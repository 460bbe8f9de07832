"""What only the garbage collector can free: objects that know each other, and that nobody else knows."""

from __future__ import annotations

import gc
import types
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import numpy


@contextmanager
def no_collector() -> Iterator[None]:
    """Nothing is collected by itself, and nothing is left from before: it is no longer looked at."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def garbage() -> list[object]:
    """What has become garbage since the last collection; it is gone when the list is."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
    finally:
        gc.set_debug(0)
    found = list(gc.garbage)
    gc.garbage.clear()
    return found


def ours(found: list[object]) -> Counter[str]:
    """The names of those that matter: arrays, frames, tracebacks, objects of inferc's own."""
    kinds = (types.FrameType, types.TracebackType, numpy.ndarray)
    return Counter(
        f"{type(each).__module__}.{type(each).__qualname__}"
        for each in found
        if isinstance(each, kinds) or type(each).__module__.startswith("inferc")
    )
