"""What cannot be run on a platform, found before anything is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ...dsl.kinds import SecretSource, VectorKind
from ...dsl.late_text import LateText
from ...dsl.runtimes import SecretRef
from ..plan import OnnxServingPlan, Plan, RemotePoolPlan, is_loopback
from ..plan.reach import nodes_of, values_in
from ..plan.split import is_local
from ..plan.tasks import EmbedSpec, FileRef
from .endpoints import address_of

GATEWAY = "gateway"
"""What the gateway is called where every name stands for itself."""

MOST_OF_A_PLAN = 1_000_000
"""Bytes of a plan that a ConfigMap takes, with its name and labels."""

_TAKEN = (GATEWAY, "redis", "network", "kustomization")
"""Names of what is always there, and of its files."""
_SCALING = "-scaling"

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
_MOUNT = re.compile(r"(?!(.*/)?\.\.(/|$))[^:\0-\x1f]+")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class EmitError(Exception):
    """The plan cannot be run there; `problems` say why, and what to change."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def check_names(name: str, deployments: Iterable[str] = ()) -> dict[str, str]:
    """The name of each workload by that of its deployment, `""` for the whole. deployments: those that have a
    workload of their own. Raises EmitError.
    """
    found: dict[str, str] = {}
    problems = []
    for whose in ("", *deployments):
        written = whose or name
        made = written.lower().replace("_", "-").replace(".", "-")
        what = f"deployment `{whose}`" if whose else f"the file's name, `{name}`,"
        if not _NAME.fullmatch(made):
            problems.append(
                f"{what} cannot be a name there: use at most 40 lower-case letters, digits and `-`, "
                "a letter first"
            )
        elif whose and made in (*_TAKEN, f"{found['']}-{GATEWAY}"):
            problems.append(f"{what} has the name of something that is always there: rename it")
        elif whose and (other := next((k for k, v in found.items() if k and v == made), None)):
            problems.append(f"deployments `{other}` and `{whose}` would both be called `{made}`: rename one")
        found[whose] = made
    for whose, made in found.items():
        if made.endswith(_SCALING) and made.removesuffix(_SCALING) in {
            *found.values(),
            f"{found['']}-{GATEWAY}",
        }:
            problems.append(f"deployment `{whose}` has the name of what scales another one: rename it")
    if problems:
        raise EmitError(*problems)
    return found


def check_plan(plan: Plan) -> None:
    """Nothing in the plan stands in the way, wherever it runs. Raises EmitError."""
    problems = list(_problems(plan))
    if problems:
        raise EmitError(*problems)


def _problems(plan: Plan) -> Iterator[str]:
    for each in values_in(plan):
        names = [each.name] if isinstance(each, SecretRef) and each.source is SecretSource.ENV else []
        if isinstance(each, LateText):
            names = [variable.name for variable in each.variables]
        for name in names:
            if not _VARIABLE.fullmatch(name):
                yield f"env({name!r}): no platform takes that name: use letters, digits and `_`"
        if isinstance(each, SecretRef) and each.source is SecretSource.EXEC:
            yield (
                "`exec(…)` runs a command only where `--allow-exec` is given, and nothing emitted gives it: "
                "take `env(…)` or `file(…)`, and let the platform fill it"
            )


def check_containers(plan: Plan) -> None:
    """Nothing stands in the way of containers, which others reach. Raises EmitError."""
    problems = list(dict.fromkeys(_bound_here(plan)))
    if problems:
        raise EmitError(*problems)


def check_ranges(plan: Plan) -> None:
    """No deployment has more replicas under load, where nothing sees the load. Raises EmitError."""
    problems = [
        f"deployment `{each.deployment}` has {each.scaling.min_replicas} to {each.scaling.max_replicas} "
        "replicas, and with `--scaler none` nothing adds any: take `hpa` or `keda`, or write one number"
        for each in plan.deployments
        if each.scaling is not None
    ]
    if problems:
        raise EmitError(*problems)


def check_nodes(plan: Plan) -> None:
    """Machines have names that can be labels. Raises EmitError."""
    problems = [
        f"node `{node}` of the `cluster` cannot be a label there: use at most 63 letters, digits, `-`, `_`, "
        "`.`, the first and last a letter or digit"
        for node in nodes_of(plan)
        if not _LABEL.fullmatch(node)
    ]
    if problems:
        raise EmitError(*problems)


def check_size(name: str, text: str) -> None:
    """The plan of a workload fits where it is put. Raises EmitError."""
    if (size := len(text.encode())) > MOST_OF_A_PLAN:
        raise EmitError(
            f"the plan of `{name}` has {size / 1e6:.1f} MB, and a ConfigMap takes {MOST_OF_A_PLAN / 1e6:g}: "
            "divide the file into several, each with gateways of its own"
        )


def _bound_here(plan: Plan) -> Iterator[str]:
    gateway = plan.gateway
    if not (gateway.auth or gateway.keys or gateway.jwt or gateway.open) and is_loopback(gateway.host):
        yield (
            "the gateway lets everyone call, and would be reached from other machines: add "
            '`auth = bearer(env("TOKEN"))` to the `gateway` block, or `auth = none` if that is meant'
        )
    for each in values_in(plan):
        if (
            isinstance(each, SecretRef)
            and each.source is SecretSource.FILE
            and not _MOUNT.fullmatch(each.name)
        ):
            yield f"file({each.name!r}): no container takes a file at that path: use one without `:` and `..`"
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
        url = each.endpoint if isinstance(each, RemotePoolPlan) and not is_local(each) else None
        if url is None or (isinstance(url, LateText) and url.variables):
            continue
        where = address_of(url)
        if where is not None and is_loopback(where.host):
            yield (
                f"deployment `{each.deployment}`: {url} is this machine, and in a container that is itself: "
                'name the address by which others reach it, or env("NAME", …)'
            )
