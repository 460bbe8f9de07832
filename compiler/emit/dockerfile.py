"""A Dockerfile: an image in two stages, without root, with the files of models, beside which plans go."""

from __future__ import annotations

from ...dsl.runtimes import Launch
from ..plan import Plan
from ..plan.extras import extras_of
from ..plan.reach import files_of, values_in
from ..plan.tasks import GenerateSpec
from .layout import project
from .quoting import docker_literal, environment
from .workloads import Options


def dockerfile(name: str, plan: Plan, options: Options) -> dict[str, str]:
    """The Dockerfile, and what a build leaves out."""
    whole = project(name, plan, options, lambda work: f"http://{work}:8080")
    text = (
        environment(docker_literal)
        .get_template("Dockerfile.j2")
        .render(
            image=options.image or f"{whole.name}:latest",
            extras=",".join(extras(plan)),
            programs=programs(plan),
            files=sorted(files_of(plan)),
            code=options.code,
            ports=sorted({str(port) for work in whole.workloads for port in (work.port, work.grpc) if port}),
            command=["run", whole.gateway.plan_name, "--host=0.0.0.0"],
        )
    )
    return {"Dockerfile": text, ".dockerignore": ".git\n.venv\n**/__pycache__\n.inferc\n.env\n"}


def extras(plan: Plan) -> list[str]:
    """What of inferc a plan needs beside its core, and what it is better with."""
    found = {"fast", "redis", "pipelines", *(each.name for each in extras_of(plan))}
    if any(isinstance(each, GenerateSpec) for each in values_in(plan)):
        found.add("constrained")
    if "gpu" in found:  # which runs on the processor, too
        found.discard("cpu")
    return sorted(found)


def programs(plan: Plan) -> list[str]:
    """What launched servers are started by, which the lock file has to bring."""
    return sorted({each.command[0] for each in values_in(plan) if isinstance(each, Launch)})
