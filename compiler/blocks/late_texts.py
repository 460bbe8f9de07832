"""Texts that must be known when a file is compiled, and so cannot come from the environment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...dsl.deployment import Deployment
from ...dsl.kinds import TransportKind
from ...dsl.late_text import LateText, is_unknown
from ...dsl.problems import Problem
from ...dsl.record import fields
from ...dsl.runtimes import VertexConfig

CODE = "E0425"


def late_problems(deployment: Deployment, *, has_runtime: bool) -> list[Problem]:
    """What compiling needs and the file leaves to the environment.

    has_runtime: the file says which runtime it is for.
    """
    problems = [
        Problem(
            CODE,
            path,
            f"`{path[-1]}` is needed when the file is compiled, and the environment is read when it runs",
            f"declare a `param`, use it for `{path[-1]}`, and give it with `--set`",
        )
        for path in _needed(deployment)
    ]
    if not problems and not has_runtime and is_unknown(deployment.model):
        message = f"nothing says which runtime `{deployment.name}` is for: its model is read when it runs"
        advice = 'write the runtime, `runtime openai { … }`, or a default: `env("MODEL", "gpt-5-mini")`'
        problems.append(Problem(CODE, ("model",), message, advice))
    return problems


def _needed(deployment: Deployment) -> Iterator[tuple[str, ...]]:
    """The places of late texts that are files to be opened, or decide about others."""
    config = deployment.runtime_config
    if isinstance(config, VertexConfig) and isinstance(config.region, LateText):
        yield ("runtime_config", "region")
    if deployment.effective_runtime.transport is not TransportKind.LOCAL:
        return
    if isinstance(deployment.model, LateText):
        yield ("model",)
    if deployment.task is not None:
        kind: Any = type(deployment.task)
        for name in fields(kind):
            value = getattr(deployment.task, name)
            if isinstance(getattr(value, "file", value), LateText):
                yield ("task", name)
