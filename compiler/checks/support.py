"""What can be written and checked, but is not compiled or enforced yet: said at its place, never silently."""

from __future__ import annotations

from ...dsl import syntax as s
from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics
from ...dsl.kinds import RuntimeKind, TaskKind, TransportKind
from ...dsl.runtimes import GeminiConfig, LocalServerConfig
from ..declare import Declared
from ..program import Program
from .capacity import effective_task

_DECLARATIONS: dict[type, str] = {
    s.RouteDeclaration: "routes are",
    s.PipelineDeclaration: "pipelines are",
    s.TypeDeclaration: "types are",
    s.ExternDeclaration: "externs are",
}
_UNSPOKEN = (RuntimeKind.CUSTOM,)


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
    kind, task = deployment.effective_runtime(), effective_task(deployment)
    if kind.transport is TransportKind.LOCAL:
        return
    if kind in _UNSPOKEN:
        _warn(declared, ("runtime_config",), f"the executor does not speak `{kind}`'s wire format yet", found)
    if task not in (TaskKind.CHAT, TaskKind.EMBED):
        _warn(declared, ("task",), f"the task `{task}` is not served yet for remote models", found)
    config = deployment.effective_config()
    if isinstance(config, LocalServerConfig) and config.launch is not None:
        _warn(
            declared, ("runtime_config", "launch"), "servers are not launched yet: give an `endpoint`", found
        )
    if isinstance(config, GeminiConfig) and config.project is not None:
        _warn(declared, ("runtime_config", "project"), "Vertex is not supported yet", found)


def _warn(declared: Declared, path: tuple[str, ...], message: str, found: Diagnostics) -> None:
    found.warning("W0902", message, declared.span(*path), "not supported yet")
