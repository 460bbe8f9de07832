"""What ONNX Runtime makes of a model depends on more than the model: one key for all of it."""

from __future__ import annotations

import contextlib
import hashlib
import platform
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ....compiler.plan import OnnxServingPlan, ProviderSpec


def cache_key(plan: OnnxServingPlan, specs: Sequence[ProviderSpec], ort_version: str) -> str:
    """The same for loads that do the same: this model on `specs`, with this ONNX Runtime and processor.

    32 hexadecimal digits.
    """
    parts = (
        plan.model.sha256,
        *(file.sha256 for file in (*plan.external_data, *plan.custom_ops)),
        ort_version,
        plan.session.graph_optimization.value,
        repr([(spec.name.value, sorted(spec.options.items())) for spec in specs]),
        _processor(),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


@cache
def _processor() -> str:
    """What the processor can do: ONNX Runtime chooses by it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith(("flags", "Features")):
                return f"{platform.machine()} {line}"
    return f"{platform.machine()} {platform.processor()}"
