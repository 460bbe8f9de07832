"""The endpoints that models have, by what is done there, and where a gateway offers them."""

from __future__ import annotations

from collections.abc import Mapping

from ...dsl.kinds import TaskKind, WireFormat
from .capabilities import Capabilities
from .model import DeploymentPlan, RemotePoolPlan

KINDS: dict[str, tuple[str, ...]] = {
    "chat": ("chat/completions", "responses"),
    "completion": ("completions",),
    "embedding": ("embeddings",),
    "rerank": ("rerank",),
    "speech": ("audio/speech",),
    "transcription": ("audio/transcriptions", "audio/translations"),
    "image": ("images/generations", "images/edits", "images/variations"),
    "moderation": ("moderations",),
}
"""Paths below `/v1`, in the words of OpenAI's API. Batches hold requests to them, and are no endpoint of a
model."""

Endpoints = Mapping[str, tuple[str, ...] | None]
"""Paths by kind, without the kinds that a model does not have; None is not known."""

OF_TASKS = {
    TaskKind.CHAT: "chat/completions",
    TaskKind.GENERATE: "chat/completions",
    TaskKind.EMBED: "embeddings",
    TaskKind.RERANK: "rerank",
}

_CHATS = ("chat/completions", "responses", "messages")
"""Where each model that chats is asked here, whatever its provider speaks."""
_LOCAL: dict[TaskKind, dict[str, tuple[str, ...] | None]] = {
    TaskKind.GENERATE: {"chat": _CHATS, "completion": KINDS["completion"]},
    TaskKind.EMBED: {"embedding": KINDS["embedding"]},
    TaskKind.RERANK: {"rerank": KINDS["rerank"]},
    TaskKind.CLASSIFY: {"classification": ("classify",)},
}
_ASKED_FOR = {"embedding": TaskKind.EMBED, "rerank": TaskKind.RERANK}
"""Kinds that deployments have for a task of their own; all others are for those that chat."""

CHATTING: Endpoints = {"chat": _CHATS}
"""Of a pipeline that chats."""


def chats(can: Capabilities) -> bool | None:
    """Whether the model can be asked in chats, of whichever protocol."""
    return None if can.endpoints is None else not set(KINDS["chat"]).isdisjoint(can.endpoints)


def by_kind(can: Capabilities, task: TaskKind) -> Endpoints:
    """The endpoints of a model at its provider.

    task: what its deployment is for, which it is taken to have where nothing is known.
    """
    if can.endpoints is not None:
        known = set(can.endpoints)
        return {k: tuple(filter(known.__contains__, names)) for k, names in KINDS.items() if known & {*names}}
    own = OF_TASKS.get(task)
    return {kind: (own,) if own in names else None for kind, names in KINDS.items() if own}


def offered(plan: DeploymentPlan) -> Endpoints:
    """Where clients of a gateway can ask a deployment."""
    if not isinstance(plan, RemotePoolPlan):
        return _LOCAL.get(plan.task_kind, {})
    found: dict[str, tuple[str, ...] | None] = {}
    for kind, names in by_kind(plan.capabilities, plan.task).items():
        if plan.task is not _ASKED_FOR.get(kind, TaskKind.CHAT):
            continue
        if kind == "chat":
            found[kind] = _CHATS
        elif kind in _ASKED_FOR or plan.wire is WireFormat.OPENAI:  # the rest goes on as it came
            found[kind] = names
    return found


def shared(one: Endpoints, other: Endpoints) -> Endpoints:
    """What both have."""
    found: dict[str, tuple[str, ...] | None] = {}
    for kind, mine in one.items():
        theirs = other.get(kind, ())
        if mine is None or theirs is None:
            if kind in other:
                found[kind] = None
        elif common := tuple(each for each in mine if each in theirs):
            found[kind] = common
    return found


def told(endpoints: Endpoints) -> dict[str, list[str] | None]:
    """As JSON, with the paths that clients ask for."""
    return {
        kind: None if names is None else [f"/v1/{each}" for each in names]
        for kind, names in endpoints.items()
    }


def batches_told(plan: RemotePoolPlan) -> str:
    """Whether the provider of a deployment takes its model in batches, and where, in words."""
    has, at = plan.capabilities.batches, plan.batches_at
    if has is False:
        return f"{plan.provider} has no batches for it"
    if at is None:
        return (
            f"{plan.provider} has batches for it"
            if has
            else f"nothing is known of batches of {plan.provider}"
        )
    return f"{plan.provider} at {at}" if has else f"{plan.provider} at {at}, if it takes this model"


def batches_shown(plan: RemotePoolPlan) -> dict[str, bool | str | None]:
    """The same as JSON; null is not known."""
    has = plan.capabilities.batches
    return {"here": False, "at_provider": has, "send_to": None if has is False else plan.batches_at}
