"""An example of a plugin: replicas that answer a chat with what was said last.

A package would declare it in its pyproject.toml:

    [project.entry-points."inferc.replicas"]
    echo = "echo_replicas:make_replica"

and a file would use it, with settings that only the plugin understands:

    deployment parrot {
      model = "parrot-1"
      runtime custom("echo") { settings { prefix = "You said: " } }
    }
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path

from inferc.compiler.plan import RemotePoolPlan, ReplicaPlacement
from inferc.runtime.replicas.replica import ReplicaStatus
from inferc.runtime.requests.answer import ChatChunk, Chunk
from inferc.runtime.requests.errors import StartError, Unsupported
from inferc.runtime.requests.request import ChatRequest, Request
from inferc.runtime.requests.usage import Usage

NUMBER = 1


class EchoReplica:
    """Says everything twice, as a parrot would."""

    def __init__(self, plan: RemotePoolPlan, placement: ReplicaPlacement, base_dir: Path) -> None:
        self._plan = plan
        self._prefix = str(plan.settings.get("prefix", ""))
        self._started = False

    async def start(self) -> None:
        self._started = True

    async def stop(self) -> None:
        self._started = False

    def status(self) -> ReplicaStatus:
        return ReplicaStatus(ready=self._started)

    async def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        if not isinstance(request, ChatRequest):
            raise Unsupported("a parrot only chats", deployment=self._plan.deployment)
        said = request.body["messages"][-1]["content"]
        message = {"role": "assistant", "content": self._prefix + said}
        answer = {
            "id": "chatcmpl-echo",
            "object": "chat.completion",
            "created": 0,
            "model": self._plan.model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        }
        yield ChatChunk(json.dumps(answer).encode(), Usage(len(said.split()), len(said.split())))


def make_replica(plan: RemotePoolPlan, placement: ReplicaPlacement, base_dir: Path) -> EchoReplica:
    return EchoReplica(plan, placement, base_dir)


def refuse(plan: RemotePoolPlan, placement: ReplicaPlacement, base_dir: Path) -> EchoReplica:
    raise StartError(f"deployment `{plan.deployment}`: the parrot wants a cracker")


def stumble(plan: RemotePoolPlan, placement: ReplicaPlacement, base_dir: Path) -> EchoReplica:
    raise KeyError("cracker")
