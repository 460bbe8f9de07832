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
from threading import Lock

from ....compiler.plan import OnnxServingPlan, ReplicaPlacement
from ....compiler.plan.codec import plan_converter
from ...requests.errors import StartError
from .cache_key import cache_key
from .session import import_onnxruntime

log = logging.getLogger(__name__)

LOADED = 0
"""How the process ends when it loaded the model. What fails without a crash fails here again, and is said."""

_BROKEN_OFF = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PROCESS = ("-m", "inferc.runtime.replicas.onnx.isolated_load_child")


_one_at_a_time = Lock()
_worked: set[str] = set()
"""Keys of the loads that have worked since this process began: where nothing can be written, they count."""


def load_isolated(plan: OnnxServingPlan, placement: ReplicaPlacement, base_dir: Path) -> None:
    """Load the model of `plan` in another process and run it once, unless that worked on this machine before.

    Blocks for as long as that takes. Raises StartError if the process crashes, with the signal that ended it.
    """
    owner = f"deployment `{plan.deployment}`"
    ort_version = import_onnxruntime(owner).__version__
    key = cache_key(plan, plan.providers, ort_version)
    with _one_at_a_time:
        if key in _worked or _is_remembered(key):
            return
        if _try(plan, placement, base_dir, owner, ort_version):
            _worked.add(key)
            _remember(key)


def _try(
    plan: OnnxServingPlan, placement: ReplicaPlacement, base_dir: Path, owner: str, ort_version: str
) -> bool:
    """Whether it worked. Raises StartError."""
    path = base_dir / plan.model.path
    log.debug("%s: the first load of %s is tried in a process of its own", owner, path)
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
        return False
    if ended.returncode < 0:
        raise StartError(_crash(owner, path, ort_version, -ended.returncode, ended.stderr))
    return ended.returncode == LOADED


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


def _is_remembered(key: str) -> bool:
    file = _file(key)
    return file is not None and file.exists()


def _remember(key: str) -> None:
    file = _file(key)
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    except OSError as error:
        log.debug("%s: the next start will try the model again: %s", file, error.strerror)


def _file(key: str) -> Path | None:
    """What is there when this load has worked before; None where there is no place for it."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(home) / "inferc" / "loaded" / key if os.path.isabs(home) else None
