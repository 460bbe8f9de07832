"""The registry of an application, as an actor that whoever needs it first makes."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from .registry import BEAT, NAMESPACE, SILENT, Registry

log = logging.getLogger(__name__)


class SharedRegistry:
    """Calls the registry `name`. What is wrong with it is only logged: what runs, goes on without it."""

    def __init__(self, ray: Any, name: str) -> None:
        self._ray = ray
        self._name = name
        self._actor: Any = None
        self._silent = False

    async def call(self, method: str, *arguments: object) -> Any:
        """What it answers; None where it does not."""
        try:
            if self._actor is None:
                self._actor = await asyncio.to_thread(self._find)
            answer = getattr(self._actor, method).remote(*arguments)
            result = await asyncio.wait_for(asyncio.wrap_future(answer.future()), SILENT - BEAT)
        except Exception as error:  # Ray raises what it likes
            if not self._silent:
                log.warning("the registry of replicas does not answer: %s", error or type(error).__name__)
            self._actor, self._silent = None, True
            return None
        self._silent = False
        return result

    def _find(self) -> Any:
        """The actor, which is made on the node of this process, if it is not there yet."""
        here = self._ray.get_runtime_context().get_node_id()
        return (
            self._ray.remote(Registry)
            .options(
                name=self._name,
                namespace=NAMESPACE,
                get_if_exists=True,
                lifetime="detached",
                max_restarts=-1,
                num_cpus=0,
                label_selector={"ray.io/node-id": here},
                fallback_strategy=[{"label_selector": {}}],
            )
            .remote()
        )

    def end(self) -> None:
        """Nobody needs it any more."""
        if self._actor is not None:
            self._ray.kill(self._actor)
            self._actor = None
