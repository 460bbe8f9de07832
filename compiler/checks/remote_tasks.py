"""What a remote model can be asked, by who serves it."""

from __future__ import annotations

from ...dsl.catalogues.bedrock_names import RETRIEVES, retrieval_of
from ...dsl.catalogues.inference import WILDCARD
from ...dsl.catalogues.presets import PRESETS
from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics
from ...dsl.kinds import ProviderKind, TaskKind
from ...dsl.suggest import either
from ..capabilities import facts_of, has_responses
from ..declare import Declared

_CHAT, _EMBED, _RERANK = TaskKind.CHAT, TaskKind.EMBED, TaskKind.RERANK

_ASKED_AT = {_EMBED: "embeddings", _RERANK: "rerank"}

TASKS: dict[ProviderKind, tuple[TaskKind, ...]] = {
    ProviderKind.OPENAI: (_CHAT, _EMBED),
    ProviderKind.ANTHROPIC: (_CHAT,),
    ProviderKind.GEMINI: (_CHAT, _EMBED),
    ProviderKind.BEDROCK: (_CHAT, _EMBED, _RERANK),
    ProviderKind.LITELLM: (_CHAT, _EMBED, _RERANK),
    ProviderKind.OPENAI_COMPATIBLE: (_CHAT, _EMBED, _RERANK),
    ProviderKind.VLLM: (_CHAT, _EMBED, _RERANK),
    ProviderKind.MISTRALRS: (_CHAT, _EMBED),
    ProviderKind.CANDLE: (_CHAT, _EMBED),
    ProviderKind.PYTHON: (_CHAT, _EMBED, _RERANK),
} | {ProviderKind(kind): preset.tasks for kind, preset in PRESETS.items()}
"""The tasks that the API of each provider has. A plugin may do any."""


def check(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    """The task of a remote deployment must be one that its provider does."""
    runtime, task = deployment.effective_runtime, deployment.effective_task
    tasks = TASKS.get(runtime.provider) if runtime.provider else None
    if tasks is None or task in tasks:
        _model(declared, deployment, task, found)
        _endpoint(declared, deployment, task, found)
        _on_bedrock(declared, deployment, task, found)
        return
    listed = ", ".join(f"`{each}`" for each in tasks)
    found.error(
        "E0419",
        f"`{runtime}` does not do the task `{task}`",
        declared.span("task"),
        "this is for local models" if task not in (_EMBED, _RERANK) else "its API has no such thing",
        help=f"a model behind `{runtime}` does {listed}; other tasks are for ONNX models and plugins",
    )


def _endpoint(declared: Declared, deployment: Deployment, task: TaskKind, found: Diagnostics) -> None:
    """A warning when the model is asked in OpenAI's responses alone, and the endpoint may not have them."""
    if task is not _CHAT or facts_of(deployment).values.get("chat_endpoint") is not False:
        return
    config = deployment.effective_config
    if getattr(config, "responses", None) is None and not has_responses(deployment):
        writable = deployment.effective_runtime if hasattr(config, "responses") else "openai_compatible"
        found.warning(
            "W0431",
            f"`{deployment.model}` is asked at OpenAI's `/responses` alone",
            declared.span("model"),
            "this endpoint is asked for chats",
            help=f"write `responses = true` in `runtime {writable}` if it serves them",
        )


def _on_bedrock(declared: Declared, deployment: Deployment, task: TaskKind, found: Diagnostics) -> None:
    """An error for a model of Bedrock that is not asked for vectors or ranks here."""
    if deployment.effective_runtime.provider is not ProviderKind.BEDROCK or task is _CHAT:
        return
    if WILDCARD in deployment.known_model:
        return  # which says that it is for chats
    kind = retrieval_of(deployment.known_model)
    if kind and kind.endswith("rerank") == (task is _RERANK):
        return
    known = [f"`{name}…`" for name, how in RETRIEVES.items() if how.endswith("rerank") == (task is _RERANK)]
    found.error(
        "E0419",
        f"`{deployment.model}` does not do the task `{task}` behind `bedrock`",
        declared.span("model"),
        "on Bedrock, each model that does is asked in its own way",
        help=f"models that are known to do it begin with {either(known)}",
    )


def _model(declared: Declared, deployment: Deployment, task: TaskKind, found: Diagnostics) -> None:
    """A warning when the catalogue says that the model does another task."""
    facts = facts_of(deployment).values
    does, has = facts.get("task"), facts.get("endpoints")
    if does is None and task is not _CHAT and has is not None:
        _lacks(declared, deployment, task, has, found)
    if does is None or does == task:
        return
    found.warning(
        "W0422",
        f"`{deployment.model}` does `{does}`, and `{deployment.name}` is for `{task}`",
        declared.span("task") if deployment.task is not None else declared.span("model"),
        help="leave `task` out" if does == _CHAT else f"write `task {does} {{ }}`",
    )


def _lacks(
    declared: Declared, deployment: Deployment, task: TaskKind, has: list[str], found: Diagnostics
) -> None:
    """A warning when what the task is asked at is none of the endpoints that the model has."""
    asked = _ASKED_AT.get(task)
    if asked is None or asked in has:
        return
    found.warning(
        "W0422",
        f"`{deployment.model}` has no `/v1/{asked}`, and `{deployment.name}` is for `{task}`",
        declared.span("task"),
        f"it answers {', '.join(f'`/v1/{each}`' for each in has)}",
        help="leave `task` out: what clients ask a model at its own endpoints is passed on",
    )
