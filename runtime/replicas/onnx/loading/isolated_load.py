"""The first load of a model, in a process of its own: one that crashes ONNX Runtime takes no other with it.

A crash of native code ends its process: nothing in Python can catch it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from .....compiler.plan import OnnxServingPlan, ReplicaPlacement
from .....compiler.plan.codec import plan_converter
from ....concurrency.loop_lock import LoopLock
from ....concurrency.tasks import end_task
from ....requests.errors import StartError
from ..cache_key import cache_key
from ..remembered import Remembered
from ..sessions.session import import_onnxruntime
from .time_limit import limited

log = logging.getLogger(__name__)

LOADED, FAILED = 0, 1
"""How the process ends when it loaded the model, and when that failed: it fails here again, and is said."""

_PROCESS = ("-m", "inferc.runtime.replicas.onnx.loading.isolated_load_child")
_LAST_OUTPUT = 4096
_LOOK, _REST = 0.02, 1.0
"""Seconds between two looks whether it has ended, and those in which the last that it printed comes."""

_one_at_a_time = LoopLock()
_worked = Remembered("loaded")


async def load_isolated(
    plan: OnnxServingPlan, placement: ReplicaPlacement, base_dir: Path, time_limit: float
) -> None:
    """Load the model of `plan` in another process and run it once, unless that worked on this machine before.

    time_limit: seconds. Raises StartError if the process crashes, with the signal that ended it, and if it
    takes longer. The process and its children never outlive the call, nor it this process.
    """
    owner = f"deployment `{plan.deployment}`"
    ort_version = await asyncio.to_thread(lambda: import_onnxruntime(owner).__version__)
    key = cache_key(plan, plan.providers, ort_version)
    async with _one_at_a_time():
        if _worked.has(key):
            return
        path = base_dir / plan.model.path
        log.debug("%s: the first load of %s is tried in a process of its own", owner, path)
        try:
            async with limited(f"{owner}: the first load of {path}, in a process of its own,", time_limit):
                status, printed = await _run(_job(plan, placement, base_dir, time_limit))
        except OSError as error:
            log.warning("%s: no process to try the model in: %s", owner, error.strerror)
            return
        if status < 0:
            raise StartError(_crash(owner, path, ort_version, -status, printed))
        if status not in (LOADED, FAILED):  # here, it would end the server
            raise StartError(
                f"{owner}: {path} ended the process that loaded it, with status {status}{_said(printed)}: "
                "native code that it leads to, or its `custom_ops`, ends whoever loads it"
            )
        if status == LOADED:
            _worked.add(key)


def _job(plan: OnnxServingPlan, placement: ReplicaPlacement, base_dir: Path, time_limit: float) -> bytes:
    """What the process must know."""
    values = {
        "plan": plan_converter().unstructure(plan),
        "placement": plan_converter().unstructure(placement),
        "base_dir": str(base_dir.absolute()),
        "time_limit": time_limit,
        "parent": os.getpid(),
    }
    return json.dumps(values).encode()


async def _run(job: bytes) -> tuple[int, bytes]:
    """How the process ends that does `job`, and the last that it prints. Cancelling kills it.

    What it has started and left behind is killed with it.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *_PROCESS),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONSAFEPATH": "1"},
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    printed = bytearray()
    reading = asyncio.create_task(_read(process.stderr, printed))
    try:
        process.stdin.write(job)
        process.stdin.close()
        status = await _status(process)
        _kill_all(process.pid)
        await asyncio.wait([reading], timeout=_REST)
        return status, bytes(printed)
    finally:
        _kill_all(process.pid)
        await _status(process)
        await end_task(reading)


async def _status(process: asyncio.subprocess.Process) -> int:
    """How it ends. Its `wait` waits for all that hold its standard error open, too."""
    while process.returncode is None:  # noqa: ASYNC110, no event tells it
        await asyncio.sleep(_LOOK)
    return process.returncode


async def _read(output: asyncio.StreamReader, printed: bytearray) -> None:
    """Keep the last of `output` in `printed`."""
    while data := await output.read(1 << 16):
        printed += data
        del printed[:-_LAST_OUTPUT]


def _kill_all(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of those that have ended
        os.killpg(group, signal.SIGKILL)


def _crash(owner: str, path: Path, ort_version: str, number: int, printed: bytes) -> str:
    """Why the process that loaded the model at `path` ended by the signal `number`, and what to do."""
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    if number == signal.SIGKILL:
        return (
            f"{owner}: the process that loaded {path} was killed ({name}), most likely because the memory is "
            "used up: give it more, or serve a smaller model"
        )
    how = name + _said(printed)
    return (
        f"{owner}: ONNX Runtime {ort_version} crashes ({how}) when it loads {path}: the file is "
        "damaged, or brings out a fault of ONNX Runtime: export the model again, or try another version of "
        "onnxruntime"
    )


def _said(printed: bytes) -> str:
    """The last line, behind what it was about."""
    lines = printed.decode("utf-8", "replace").strip().splitlines()
    return f", which says `{lines[-1].strip()[:200]}`" if lines else ""
