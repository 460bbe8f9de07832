"""What must make sense: each module looks at one subject, in a deployment alone or over the whole program.

What is listed runs in this order; none depends on another.
"""

from __future__ import annotations

from collections.abc import Callable

from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics
from ..declare import Declared
from ..program import Program
from . import (
    budgets,
    caches,
    capacity,
    endpoints,
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

CHECKS: tuple[Callable[[Program, Diagnostics], None], ...] = (
    names.check,
    wildcards.check_names,
    policies.check_waits,
    budgets.check,
    keys.check,
    guards.check,
    workers.check,
    capacity.check,
    placements.check,
    files.check,
    onnx.check,
)

CHECKS_OF_ONE: tuple[Callable[[Declared, Deployment, Diagnostics], None], ...] = (
    policies.check_values,
    policies.check,
    endpoints.check,
    models.check,
    budgets.check_own,
    caches.check,
    remote_tasks.check,
    requests.check,
    wildcards.check,
)
"""Those of one deployment, of which nothing else may be looked at, nor files."""
