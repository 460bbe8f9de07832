"""What can be written and checked, but is not compiled or enforced yet: said at its place, never silently."""

from __future__ import annotations

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics
from ..program import Program

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
