"""Do the GPUs that are asked for exist?"""

from __future__ import annotations

from ...dsl.diagnostics import Diagnostics
from ..placement import NoRoom, gpus_needed, place
from ..program import Program


def check(program: Program, found: Diagnostics) -> None:
    """Report what does not fit; else put the placement into the program."""
    deployments = [deployment for _, deployment in program.deployments]
    if any(d.replicas < 1 or (d.gpus or 1) < 1 for d in deployments):
        return
    try:
        program.replicas.update(place(deployments, program.nodes))
    except NoRoom as error:
        needed = [(d.name, d.gpus or 0, d.replicas) for d in deployments if gpus_needed(d)]
        total, there = sum(g * r for _, g, r in needed), sum(node.gpus for node in program.nodes)
        terms = " + ".join(f"{name} {gpus} × {replicas}" for name, gpus, replicas in needed)
        rooms = " + ".join(f"{node.name} {node.gpus}" for node in program.nodes)
        deployment = error.deployment
        declared = program.by_name(deployment.name)
        assert declared is not None
        largest = max((node.gpus for node in program.nodes), default=0)
        if (deployment.gpus or 0) > largest:
            why = f"a replica of `{deployment.name}` needs {deployment.gpus} GPUs on one node, the largest has {largest}"
        elif total > there:
            why = f"{total} GPUs are asked for, the cluster has {there}"
        else:
            why = f"replica {error.replica_index} of `{deployment.name}` fits on no node: a replica is never split"
        found.error(
            "E0411", why, declared.span("gpus"), notes=[f"asked for: {terms} = {total}", f"there are: {rooms} = {there}"],
            help="use fewer `gpus` or `replicas`, or add a `node` to `cluster`",
        )  # fmt: skip
