"""What can be written and checked, but is not served yet: said at its place, never silently."""

from __future__ import annotations

from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics
from ...dsl.kinds import TaskKind, TransportKind
from ..declare import Declared
from ..program import Program
from .capacity import effective_task


def check(program: Program, found: Diagnostics) -> None:
    """Warn about everything that the executor does not do yet."""
    for declared, deployment in program.deployments:
        _deployment(declared, deployment, found)


def _deployment(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    task = effective_task(deployment)
    remote = deployment.effective_runtime().transport is TransportKind.REMOTE
    if remote and task not in (TaskKind.CHAT, TaskKind.EMBED):
        _warn(declared, ("task",), f"the task `{task}` is not served yet for remote models", found)


def _warn(declared: Declared, path: tuple[str, ...], message: str, found: Diagnostics) -> None:
    found.warning("W0902", message, declared.span(*path), "not supported yet")
