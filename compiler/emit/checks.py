"""What cannot be run on a platform, found before anything is written."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...dsl.kinds import SecretSource, VectorKind
from ...dsl.late_text import LateText
from ...dsl.runtimes import SecretRef
from ..plan import OnnxServingPlan, Plan, is_loopback
from ..plan.reach import values_in
from ..plan.tasks import EmbedSpec, FileRef

GATEWAY = "gateway"
"""What the gateway is called where every name stands for itself."""

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class EmitError(Exception):
    """The plan cannot be run there; `problems` say why, and what to change."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def check_names(name: str, plan: Plan) -> dict[str, str]:
    """The name of each workload by that of its deployment, `""` for the whole. Raises EmitError."""
    found: dict[str, str] = {}
    problems = []
    for whose in ("", *(each.deployment for each in plan.deployments)):
        written = whose or name
        made = written.lower().replace("_", "-").replace(".", "-")
        what = f"deployment `{whose}`" if whose else f"the file's name, `{name}`,"
        if not _NAME.fullmatch(made):
            problems.append(
                f"{what} cannot be a name there: use at most 40 lower-case letters, digits and `-`, "
                "a letter first"
            )
        elif whose and made in (GATEWAY, "redis"):
            problems.append(f"{what} has the name of something that is always there: rename it")
        elif whose and (other := next((k for k, v in found.items() if k and v == made), None)):
            problems.append(f"deployments `{other}` and `{whose}` would both be called `{made}`: rename one")
        found[whose] = made
    if problems:
        raise EmitError(*problems)
    return found


def check_plan(plan: Plan) -> None:
    """Nothing in the plan stands in the way. Raises EmitError."""
    problems = list(_problems(plan))
    if problems:
        raise EmitError(*problems)


def _problems(plan: Plan) -> Iterator[str]:
    gateway = plan.gateway
    if not (gateway.auth or gateway.keys or gateway.jwt or gateway.open) and is_loopback(gateway.host):
        yield (
            "the gateway lets everyone call, and would be reached from other machines: add "
            '`auth = bearer(env("TOKEN"))` to the `gateway` block, or `auth = none` if that is meant'
        )
    for each in values_in(plan):
        names = [each.name] if isinstance(each, SecretRef) and each.source is SecretSource.ENV else []
        if isinstance(each, LateText):
            names = [variable.name for variable in each.variables]
        for name in names:
            if not _VARIABLE.fullmatch(name):
                yield f"env({name!r}): no platform takes that name: use letters, digits and `_`"
    for each in plan.deployments:
        task = each.task if isinstance(each, OnnxServingPlan) else None
        if isinstance(task, EmbedSpec) and task.vectors is not VectorKind.DENSE:
            yield (
                f"deployment `{each.deployment}`: `vectors = {task.vectors}` cannot be served on another "
                "machine yet: leave `vectors` out, or run the file on one machine"
            )
        if any(
            path.startswith(("/", ".."))
            for path in (ref.path for ref in values_in(each) if isinstance(ref, FileRef))
        ):
            yield (
                f"deployment `{each.deployment}`: its files lie outside of the folder of the file, which is "
                "what an image is made of: move them into it"
            )
