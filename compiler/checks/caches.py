"""Caches of answers: can there be any that may be given again?"""

from __future__ import annotations

from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics
from ...dsl.kinds import TaskKind
from ..capabilities import facts_of
from ..declare import Declared

_DRAWN = (TaskKind.CHAT, TaskKind.GENERATE)


def check(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    """A cache must have something to keep."""
    if deployment.cache is None:
        return
    if deployment.effective_task is TaskKind.TENSOR:
        found.error(
            "E0426",
            "answers of the task `tensor` are not kept",
            declared.span("cache"),
            "caches nothing",
            help="remove it, or say with `task` how inputs and outputs are read",
        )
    elif not deployment.cache.sampled and (why := _always_drawn(deployment)) is not None:
        found.error(
            "E0426",
            f"every answer of `{deployment.name}` is drawn by chance: {why}",
            declared.span("cache"),
            "caches nothing",
            help="write `sampled = true`, to give such answers again, or remove `cache`",
        )


def _always_drawn(deployment: Deployment) -> str | None:
    """Why no request can ask for an answer without chance; None where one can."""
    if deployment.effective_task not in _DRAWN:
        return None
    force = deployment.request.force if deployment.request is not None else None
    if force is not None and force.temperature:
        return f"its `temperature` is always {force.temperature:g}"
    facts = facts_of(deployment).values
    if "temperature" in (*facts.get("refused_sampling", ()), *facts.get("ignored_sampling", ())):
        return f"`{deployment.model}` takes no `temperature`"
    return None
