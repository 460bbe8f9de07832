"""The gateway on a free port of this machine, while a block of a script or a test runs."""

from __future__ import annotations

import gc
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import evolve

from ..dsl.record import frozen
from ..runtime.environment import in_environment
from ..runtime.gateway import serve as serve_gateway
from ..runtime.http.server import bind
from .checking import Source
from .executor import executor_of
from .loop_thread import Ready, Stopping, served
from .mock_provider import MockProvider
from .plans import Plan, inside, plan_of

_ADVICE = "choose another one; port 0 takes a free one"
_GRACE = 5.0
"""Seconds that requests in flight have to finish at the end of the block."""


@frozen
class Server:
    """A gateway that takes requests. url: without a slash at its end."""

    url: str
    plan: Plan

    @property
    def base_url(self) -> str:
        """What clients of OpenAI's API are given."""
        return f"{self.url}/v1"


@frozen
class MockedServer(Server):
    """A gateway with a mock provider behind all its remote deployments, as `inferc_server` starts it."""

    provider: MockProvider


@contextmanager
def serve(
    source: Source | Plan, *, host: str = "127.0.0.1", port: int = 0, state: Source | None = None
) -> Iterator[Server]:
    """Serve a plan, or the file of one, while the block runs: as `inferc run` does, in a thread.

        with inferc.serve("hello.infer") as server:
            client = OpenAI(base_url=server.base_url, api_key="unused")

    port: 0 takes a free one. state: as of `Executor`. One process serves, whatever `workers` says. Raises
    what `load` raises, and StartError with all problems.
    """
    plan = plan_of(source)
    gateway = evolve(inside(plan).gateway, host=host, port=port, bind=None, workers=1)
    there = evolve(plan, plan=in_environment(evolve(inside(plan), gateway=gateway)))
    executor = executor_of(there, state)
    bound = bind(host, port, advice=_ADVICE)

    def serving(ready: Ready, stopping: Stopping) -> Coroutine[Any, Any, None]:
        return serve_gateway(
            executor, inside(there).gateway, ready=ready, grace=_GRACE, stopping=stopping, bound=bound
        )

    collecting = gc.get_threshold()
    try:
        with served(serving, "inferc server") as url:
            yield Server(url, plan)
    finally:
        bound.close()
        gc.set_threshold(*collecting)
        gc.unfreeze()
