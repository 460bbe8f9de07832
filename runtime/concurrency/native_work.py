"""Work that nothing can break off, of native code or of a disk: its thread may be left behind."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread, current_thread
from typing import Any, TypeVar

T = TypeVar("T")

_under_way: set[Thread] = set()


async def in_own_thread(work: Callable[[], T]) -> T:
    """The outcome of `work`.

    Who is cancelled need not wait for it: the thread goes on, and what it gives is dropped.
    """
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()
    Thread(target=_run, args=(work, outcome), daemon=True).start()
    return await asyncio.wrap_future(outcome)


def _run(work: Callable[[], T], outcome: Future[T]) -> None:
    try:
        result = left_behind(work)
    except BaseException as error:
        outcome.set_exception(error)
    else:
        outcome.set_result(result)


def left_behind(work: Callable[..., T], *arguments: Any) -> T:
    """What `work` gives. A process that is done does not wait for it."""
    _under_way.add(current_thread())
    try:
        return work(*arguments)
    finally:
        _under_way.discard(current_thread())


def end_process(status: int) -> int:
    """The exit status for a process that is done.

    Where such work still goes on, the process ends here and now: what Python and native code clean up at a
    usual end would be taken from under it.
    """
    if _under_way:
        sys.stdout.flush()
        logging.shutdown()
        os._exit(status)
    return status
