"""`gateway { workers = … }`: can each of them serve the file on its own?"""

from __future__ import annotations

from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics
from ...dsl.gateway import AUTO_WORKERS, MOST_WORKERS
from ...dsl.kinds import RuntimeKind, TransportKind
from ...dsl.runtimes import LaunchableConfig
from ..blocks.merge import Setting
from ..program import Program


def check(program: Program, found: Diagnostics) -> None:
    """What each worker would have a copy of must not be large, and each needs a part of what is limited."""
    workers, written = program.gateway.workers, program.gateway.paths.get(("workers",))
    if workers == 1 or workers > MOST_WORKERS or not isinstance(written, Setting):
        return
    each = f"each of the {workers} workers" if workers != AUTO_WORKERS else "each worker"
    for declared, deployment in program.deployments:
        if not declared.runtime_is_known:
            continue
        if (what := _held_by_each(deployment)) is not None:
            found.error(
                "E0321",
                f"{each} would {what}, for `{deployment.name}`",
                written.span,
                f"{workers} times on this machine" if workers != AUTO_WORKERS else "once for each core",
                help="serve it by another `inferc run` with one worker, or by a server of its own, and name "
                "that as `endpoint` here",
            )
        elif deployment.serving.max_concurrent < workers:
            found.error(
                "E0322",
                f"`{deployment.name}` takes {deployment.serving.max_concurrent} requests at the same time, "
                f"and {workers} workers share that",
                declared.span("serving", "max_concurrent"),
                "less than one for each worker",
                help=f"let it take {workers} or more, or have fewer workers",
            )


def _held_by_each(deployment: Deployment) -> str | None:
    """What a worker has for itself that a machine should have once; None where there is no such thing."""
    if deployment.effective_runtime.transport is TransportKind.LOCAL:
        return "load the model"
    config = deployment.effective_config
    if isinstance(config, LaunchableConfig) and (
        config.launch is not None or (config.kind is RuntimeKind.PYTHON and config.endpoint is None)
    ):
        return "start a server"
    return None
