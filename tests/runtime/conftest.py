"""What tests of the runtime share: a real Redis server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..support.redis_server import RedisServer, redis_server


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """An empty server, which the test may also stop and start."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server
