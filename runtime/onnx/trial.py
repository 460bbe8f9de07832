"""The first load of a model, in a process of its own: one that crashes ONNX Runtime takes no other with it.

A crash of native code ends its process: nothing in Python can catch it.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

from ...compiler.plan import OnnxServingPlan, ReplicaPlacement
from ...compiler.plan.codec import plan_converter
from ..errors import StartError
from .load_key import load_key

log = logging.getLogger(__name__)

LOADED = 0
"""How the process ends when it loaded the model. What fails without a crash fails here again, and is said."""

_BROKEN_OFF = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PROCESS = ("-m", "inferc.runtime.onnx.trial_process")


def try_to_load(
    plan: OnnxServingPlan, placement: ReplicaPlacement, base_dir: Path, path: Path, ort_version: str
) -> None:
    """Load the model at `path` in another process and run it once, unless that worked on this machine before.

    Blocks for as long as that takes. Raises StartError if the process crashes, with the signal that ended it.
    """
    remembered = _memory(plan, ort_version)
    if remembered is not None and remembered.exists():
        return
    owner = f"deployment `{plan.deployment}`"
    log.info("%s: the first load of %s is tried in a process of its own", owner, path)
    job = {
        "plan": plan_converter.unstructure(plan),
        "placement": plan_converter.unstructure(placement),
        "base_dir": str(base_dir.absolute()),
    }
    try:
        ended = subprocess.run(
            [sys.executable, *_PROCESS],
            input=json.dumps(job).encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONSAFEPATH": "1"},
            check=False,
        )
    except OSError as error:
        log.warning("%s: no process to try the model in: %s", owner, error.strerror)
        return
    if ended.returncode == LOADED:
        _remember(remembered)
    elif ended.returncode < 0:
        raise StartError(_crash(owner, path, ort_version, -ended.returncode, ended.stderr))


def _crash(owner: str, path: Path, ort_version: str, number: int, printed: bytes) -> str:
    """Why the process that loaded the model at `path` ended by the signal `number`, and what to do."""
    if number in _BROKEN_OFF:
        return f"{owner}: loading {path} was broken off"
    name = signal.Signals(number).name
    if number == signal.SIGKILL:
        return (
            f"{owner}: the process that loaded {path} was killed ({name}), most likely because the memory is "
            "used up: give it more, or serve a smaller model"
        )
    lines = printed.decode("utf-8", "replace").strip().splitlines()
    said = f", which says `{lines[-1].strip()[:200]}`" if lines else ""
    return (
        f"{owner}: ONNX Runtime {ort_version} crashes ({name}{said}) when it loads {path}: the file is "
        "damaged, or brings out a fault of ONNX Runtime: export the model again, or try another version of "
        "onnxruntime"
    )


# ---- what was loaded before


def _memory(plan: OnnxServingPlan, ort_version: str) -> Path | None:
    """The file that is there when this load has worked before, None where there is no place for one."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if not os.path.isabs(home):
        return None
    return Path(home) / "inferc" / "loaded" / load_key(plan, plan.providers, ort_version)


def _remember(file: Path | None) -> None:
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    except OSError as error:
        log.debug("%s: the next start will try the model again: %s", file, error.strerror)
