"""What a remote model can be asked, by who serves it."""

from __future__ import annotations

from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics
from ...dsl.kinds import ProviderKind, TaskKind
from ...dsl.presets import PRESETS
from ..capabilities import facts_of
from ..declare import Declared
from ..program import Program

_CHAT, _EMBED, _RERANK = TaskKind.CHAT, TaskKind.EMBED, TaskKind.RERANK

TASKS: dict[ProviderKind, tuple[TaskKind, ...]] = {
    ProviderKind.OPENAI: (_CHAT, _EMBED),
    ProviderKind.ANTHROPIC: (_CHAT,),
    ProviderKind.GEMINI: (_CHAT, _EMBED),
    ProviderKind.BEDROCK: (_CHAT,),
    ProviderKind.LITELLM: (_CHAT, _EMBED, _RERANK),
    ProviderKind.OPENAI_COMPATIBLE: (_CHAT, _EMBED, _RERANK),
    ProviderKind.VLLM: (_CHAT, _EMBED, _RERANK),
    ProviderKind.MISTRALRS: (_CHAT, _EMBED),
    ProviderKind.CANDLE: (_CHAT, _EMBED),
    ProviderKind.PYTHON: (_CHAT, _EMBED, _RERANK),
} | {ProviderKind(kind): preset.tasks for kind, preset in PRESETS.items()}
"""The tasks that the API of each provider has. A plugin may do any."""


def check(program: Program, found: Diagnostics) -> None:
    """The task of a remote deployment must be one that its provider does."""
    for declared, deployment in program.deployments:
        runtime, task = deployment.effective_runtime(), deployment.effective_task()
        tasks = TASKS.get(runtime.provider) if runtime.provider else None
        if tasks is None or task in tasks:
            _model(declared, deployment, task, found)
            continue
        listed = ", ".join(f"`{each}`" for each in tasks)
        found.error(
            "E0419",
            f"`{runtime}` does not do the task `{task}`",
            declared.span("task"),
            "this is for local models" if task not in (_EMBED, _RERANK) else "its API has no such thing",
            help=f"a model behind `{runtime}` does {listed}; other tasks are for ONNX models and plugins",
        )


def _model(declared: Declared, deployment: Deployment, task: TaskKind, found: Diagnostics) -> None:
    """A warning when the catalogue says that the model does another task."""
    does = facts_of(deployment).values.get("task")
    if does is None or does == task:
        return
    found.warning(
        "W0422",
        f"`{deployment.model}` does `{does}`, and `{deployment.name}` is for `{task}`",
        declared.span("task") if deployment.task is not None else declared.span("model"),
        help="leave `task` out" if does == _CHAT else f"write `task {does} {{ }}`",
    )
