"""What can be written and checked, but is not compiled or enforced yet: said at its place, never silently."""

from __future__ import annotations

from ...dsl import syntax as s
from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics
from ...dsl.kinds import TaskKind, TransportKind
from ..declare import Declared
from ..program import Program
from .capacity import effective_task

_DECLARATIONS: dict[type, str] = {
    s.RouteDeclaration: "routes are",
    s.PipelineDeclaration: "pipelines are",
    s.TypeDeclaration: "types are",
    s.ExternDeclaration: "externs are",
}


def check(program: Program, found: Diagnostics) -> None:
    """Warn about everything that the plan leaves out or the executor does not do yet."""
    for scope in program.scopes:
        for node in scope.module.declarations:
            what = _DECLARATIONS.get(type(node))
            if what is not None and isinstance(
                node, s.RouteDeclaration | s.PipelineDeclaration | s.TypeDeclaration | s.ExternDeclaration
            ):
                found.warning(
                    "W0901",
                    f"{what} not supported yet: the plan leaves `{node.name.text}` out",
                    scope.span(node.name),
                    "checked, but not compiled",
                )
    for declared, deployment in program.deployments:
        _deployment(declared, deployment, found)


def _deployment(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    task = effective_task(deployment)
    remote = deployment.effective_runtime().transport is TransportKind.REMOTE
    if remote and task not in (TaskKind.CHAT, TaskKind.EMBED):
        _warn(declared, ("task",), f"the task `{task}` is not served yet for remote models", found)


def _warn(declared: Declared, path: tuple[str, ...], message: str, found: Diagnostics) -> None:
    found.warning("W0902", message, declared.span(*path), "not supported yet")
