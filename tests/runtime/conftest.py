"""What tests of the runtime share: a real Redis server."""

from __future__ import annotations

from collections.abc import Iterator

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
