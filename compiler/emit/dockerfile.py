"""A Dockerfile: an image in two stages, without root, with the files of models, beside which plans go."""

from __future__ import annotations

from ...dsl.kinds import ExecutionProvider
from ..plan import OnnxServingPlan, Plan
from ..plan.reach import files_of
from .quoting import docker_literal, environment
from .workloads import Options, project


def dockerfile(name: str, plan: Plan, options: Options) -> dict[str, str]:
    """The Dockerfile, and what a build leaves out."""
    whole = project(name, plan, options, lambda work: f"http://{work}:8080")
    text = (
        environment(docker_literal)
        .get_template("Dockerfile.j2")
        .render(
            image=options.image or f"{whole.name}:latest",
            extras=",".join(extras(plan)),
            files=sorted(files_of(plan)),
            ports=sorted({str(work.port) for work in whole.workloads}),
            command=["run", whole.gateway.plan_name, "--host=0.0.0.0"],
        )
    )
    return {"Dockerfile": text, ".dockerignore": ".git\n.venv\n**/__pycache__\n.inferc\n.env\n"}


def extras(plan: Plan) -> list[str]:
    """What of inferc a plan needs beside its core."""
    found = {"fast", "redis", "pipelines"}
    for each in plan.deployments:
        if isinstance(each, OnnxServingPlan):
            wants_gpu = any(spec.name is not ExecutionProvider.CPU for spec in each.providers)
            found |= {"gpu" if wants_gpu else "cpu", "embed"}
    if plan.gateway.jwt is not None:
        found.add("jwt")
    if plan.gateway.grpc is not None:
        found.add("grpc")
    if {"gpu", "cpu"} <= found:
        found.discard("cpu")
    return sorted(found)
