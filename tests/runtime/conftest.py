"""What tests of the runtime share: a real Redis server, and a clock that they can set."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from inferc.runtime.limits.store import redis as redis_store

from ..support.redis_server import PATIENCE, RedisServer, redis_server


@pytest.fixture
def redis(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RedisServer]:
    """An empty server, which the test may also stop and start.

    The parameter is how many seconds this process waits for it: many, since the machine may be busy, unless
    the test has to wait for a server that hangs.
    """
    monkeypatch.setattr(redis_store, "_PATIENCE", getattr(request, "param", PATIENCE))
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
async def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Awaitable[None]]:
    """Lets so many seconds pass on the clock of the event loop, once all that was sent has arrived.

    However long a busy machine sleeps is nothing beside them.
    """
    loop, passed = asyncio.get_running_loop(), [0.0]
    clock = loop.time
    monkeypatch.setattr(loop, "time", lambda: clock() + passed[0])

    async def pass_time(seconds: float) -> None:
        for more in (seconds, 0):
            for _ in range(10):
                await asyncio.sleep(0)
            passed[0] += more

    return pass_time
