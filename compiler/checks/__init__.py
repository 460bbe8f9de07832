"""What must make sense: each module looks at one subject, over the whole program.

`CHECKS` lists them in the order in which they run; none depends on another.
"""

from __future__ import annotations

from collections.abc import Callable

from ...dsl.diagnostics import Diagnostics
from ..program import Program
from . import (
    budgets,
    caches,
    capacity,
    files,
    guards,
    keys,
    models,
    names,
    onnx,
    placements,
    policies,
    remote_tasks,
    requests,
    wildcards,
    workers,
)

Check = Callable[[Program, Diagnostics], None]

CHECKS: tuple[Check, ...] = (
    names.check,
    policies.check_values,
    policies.check,
    policies.check_waits,
    models.check,
    budgets.check,
    caches.check,
    keys.check,
    guards.check,
    workers.check,
    capacity.check,
    remote_tasks.check,
    requests.check,
    wildcards.check,
    placements.check,
    files.check,
    onnx.check,
)
