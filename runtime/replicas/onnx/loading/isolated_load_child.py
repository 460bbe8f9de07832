"""The process in which a model is loaded and run for the first time; `isolated_load` starts it."""

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import os
import signal
import sys
from math import ceil
from pathlib import Path

import attrs

from .....compiler.plan import ExecutionProvider, MissingProviderAction, OnnxServingPlan, ReplicaPlacement
from .....compiler.plan.codec import plan_converter
from ..replica import OnnxReplica
from ..sessions.providers import is_on
from .isolated_load import FAILED, LOADED

_LATE = 10
_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Load the model that stdin names, and run it once; gives the exit status."""
    logging.disable()
    job = json.load(sys.stdin)
    _end_in_time(job["time_limit"], job["parent"])
    plan = plan_converter().structure(job["plan"], OnnxServingPlan)
    placement = plan_converter().structure(job["placement"], ReplicaPlacement)
    # Engines of TensorRT take minutes to build; the process that serves builds its own, unless they are kept.
    providers = tuple(
        spec
        for spec in plan.providers
        if spec.name is not ExecutionProvider.TENSORRT or is_on(spec, "trt_engine_cache_enable")
    )
    plan = attrs.evolve(plan, providers=providers, on_missing_provider=MissingProviderAction.WARN)
    try:
        asyncio.run(OnnxReplica(plan, placement, Path(job["base_dir"])).start())
    except Exception:
        return FAILED
    return LOADED


def _end_in_time(seconds: float, parent: int) -> None:
    """Let the system end this process with its parent (Linux), and when both have forgotten about it.

    Native code holds up everything else that could.
    """
    signal.alarm(ceil(seconds) + _LATE)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    os._exit(main())  # to take apart what the system takes back anyhow costs a tenth of it all
