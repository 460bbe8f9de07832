"""Do the GPUs that are asked for exist?"""

from __future__ import annotations

from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics
from ...dsl.ranges import Range
from ..placement import NoRoom, gpus_needed, place
from ..program import Program


def check(program: Program, found: Diagnostics) -> None:
    """Report what does not fit; without nodes everything does."""
    deployments = [deployment for _, deployment in program.deployments]
    if not program.nodes or any(each.code == "E0304" for one in deployments for each in one.problems):
        return
    try:
        place(deployments, program.nodes)
    except NoRoom as error:
        _report(error, deployments, program, found)
        return
    there = sum(node.gpus for node in program.nodes)
    for declared, deployment in program.deployments:
        replicas, gpus = deployment.replicas, deployment.gpus or 0
        if isinstance(replicas, Range) and gpus * replicas.most > there:
            found.error(
                "E0411",
                f"`{deployment.name}` can never have {replicas.most} replicas: they need "
                f"{gpus * replicas.most} GPUs, the cluster has {there}",
                declared.span("replicas"),
                help=f"`replicas = {replicas.least}..{max(replicas.least, there // gpus)}` is what fits",
            )


def _report(error: NoRoom, deployments: list[Deployment], program: Program, found: Diagnostics) -> None:
    """Too many GPUs are asked for: with the sum, and what there is."""
    asking = [(d.name, d.gpus or 0, d.least_replicas) for d in deployments if gpus_needed(d)]
    total = sum(gpus * replicas for _, gpus, replicas in asking)
    there = sum(node.gpus for node in program.nodes)
    largest = max((node.gpus for node in program.nodes), default=0)
    name, gpus = error.deployment.name, error.deployment.gpus or 0
    if gpus > largest:
        why = f"a replica of `{name}` needs {gpus} GPUs on one node, the largest has {largest}"
    elif total > there:
        why = f"{total} GPUs are asked for, the cluster has {there}"
    else:
        why = f"replica {error.replica_index} of `{name}` fits on no node, and is never split"
    terms = " + ".join(f"{n} {g} × {r}" for n, g, r in asking)
    rooms = " + ".join(f"{node.name} {node.gpus}" for node in program.nodes)
    declared = program.by_name(name)
    assert declared is not None
    found.error(
        "E0411",
        why,
        declared.span("gpus"),
        notes=[f"asked for: {terms} = {total}", f"there are: {rooms} = {there}"],
        help="use fewer `gpus` or `replicas`, or add a `node` to `cluster`",
    )
