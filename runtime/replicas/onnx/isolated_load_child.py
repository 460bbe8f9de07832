"""The process in which a model is loaded and run for the first time; `trial` starts it."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path

import attrs

from ....compiler.plan import ExecutionProvider, MissingProviderAction, OnnxServingPlan, ReplicaPlacement
from ....compiler.plan.codec import plan_converter
from .isolated_load import LOADED
from .providers import is_on
from .replica import OnnxReplica

_FAILED = 1


def main() -> int:
    """Load the model that stdin names, and run it once; gives the exit status."""
    logging.disable()
    job = json.load(sys.stdin)
    plan = plan_converter.structure(job["plan"], OnnxServingPlan)
    placement = plan_converter.structure(job["placement"], ReplicaPlacement)
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
        return _FAILED
    return LOADED


if __name__ == "__main__":
    sys.exit(main())
