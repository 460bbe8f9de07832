"""What serves a plan with its models on a Ray cluster."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from ..compiler.plan import Plan
from ..compiler.plan.state import shares_state
from ..runtime.ray.executor import Parts, RayExecutor
from .plans import Ready, plain_name


def executor_on_ray(
    arguments: Namespace, ready: Ready, reread: Callable[[], Plan | None], **options: Any
) -> tuple[RayExecutor, Callable[[], Plan | None]]:
    """What serves the plan with its models on Ray, and what reads it again. Raises StartError."""
    parts = Parts()
    executor = RayExecutor(
        parts.gateway(ready.plan),
        ready.base,
        parts,
        application=plain_name(arguments.file),
        address=arguments.address,
        counts=shares_state(ready.plan),
        gateways=arguments.gateways,
        share_port=arguments.share_port,
        grace=arguments.grace,
        **options,
    )

    def reread_part() -> Plan | None:
        plan = reread()
        return None if plan is None else parts.gateway(plan)

    return executor, reread_part
