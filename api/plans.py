"""Plans, from files of the language and from those that were compiled before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field

from ..compiler.compile import compile_checked
from ..compiler.plan import Plan as PlanOfCompiler, dump_plan, load_plan
from ..compiler.plan.reach import names_of
from ..dsl.record import frozen
from .checking import CheckError, Findings, Source, checked, findings_of


@frozen(repr=False)
class Plan:
    """What is served: everything that `Executor` and `serve` need. It holds no secret.

    base: the folder that paths in the plan start from. findings: warnings and notes of the files.
    """

    base: Path
    findings: Findings = field(eq=False)
    _plan: PlanOfCompiler

    @property
    def names(self) -> tuple[str, ...]:
        """What can be asked for: deployments, routes that do not stand inside others, pipelines."""
        return names_of(self._plan)

    @property
    def deployments(self) -> tuple[str, ...]:
        """The names of the deployments."""
        return tuple(each.deployment for each in self._plan.deployments)

    @property
    def routes(self) -> tuple[str, ...]:
        """The names of the routes."""
        return tuple(each.route for each in self._plan.routes)

    @property
    def pipelines(self) -> tuple[str, ...]:
        """The names of the pipelines."""
        return tuple(each.pipeline for each in self._plan.pipelines)

    def to_json(self) -> str:
        """The plan as `inferc compile` writes it, byte for byte."""
        return dump_plan(self._plan)

    def to_dict(self) -> dict[str, Any]:
        """The same as a value of Python."""
        value: dict[str, Any] = json.loads(self.to_json())
        return value

    def to_mermaid(self, name: str | None = None) -> str:
        """A picture as text of Mermaid; name: of it and all that it needs. Raises KeyError."""
        from ..compiler.pictures import NotThere, picture_of, to_mermaid

        try:
            return to_mermaid(picture_of(self._plan, name))
        except NotThere as error:
            raise KeyError(str(error)) from None

    def __repr__(self) -> str:
        return f"<Plan of {', '.join(self.names)}>"

    def _repr_markdown_(self) -> str:
        return f"```mermaid\n{self.to_mermaid()}```"


def compile(
    path: Source | None = None,
    *,
    text: str | None = None,
    settings: Mapping[str, Any] | None = None,
    base: Source | None = None,
) -> Plan:
    """The plan of the file at `path`. Raises CheckError where it has errors.

    text, settings: as of `check`. base: the folder that the plan is to be written into, where that is not the
    folder of the file: its paths start from there.
    """
    found = checked(path, text, settings)
    findings = findings_of(found.diagnostics)
    if not findings.ok:
        raise CheckError(findings)
    folder = Path(base) if base is not None else Path(path).parent if path is not None else Path()
    return Plan(folder, findings, compile_checked(found, folder))


def load(path: Source) -> Plan:
    """What `inferc run` would serve: the plan that `inferc compile` wrote, or that of an `.infer` file.

    Raises PlanError where a plan is damaged, and CheckError where a file has errors.
    """
    file = Path(path)
    if file.suffix == ".json":
        return Plan(file.parent, Findings(), load_plan(file))
    return compile(path)


def plan_of(source: Source | Plan) -> Plan:
    """The plan that is meant by `source`. Raises as `load` does."""
    return source if isinstance(source, Plan) else load(source)


def inside(plan: Plan) -> PlanOfCompiler:
    """What the compiler made, for the runtime."""
    return plan._plan
