"""What stands in the place of a Redis server, or its primary, answers oddly: that is an error of each use."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from attrs import define

from inferc.compiler.plan import RateLimits
from inferc.runtime.limits.store import Opening, Store, StoreError, open_store
from inferc.runtime.limits.store.protocol import Ask
from inferc.runtime.policies.lease import Granted

from ..support.redis_server import redis_server

NO_REDIS = "it answers as no Redis server does"
IN_A_CLUSTER = "it is one of the servers of a cluster: name one that has everything"
READ_ONLY = b"-READONLY You can't write against a read only replica.\r\n"
FULL = "command not allowed when used memory > 'maxmemory'"
ANSWERS = {
    b"-MOVED 3999 127.0.0.1:6381\r\n": IN_A_CLUSTER,
    READ_ONLY: "You can't write against a read only replica",
    f"-OOM {FULL}.\r\n".encode(): FULL,
    b"-LOADING Redis is loading the dataset in memory\r\n": "Redis is loading the dataset in memory",
    b"-NOAUTH Authentication required.\r\n": "Authentication required",
    b"-NOAUTH HELLO must be called with the client already authenticated.\r\n": "Authentication required",
    b"HTTP/1.1 400 Bad Request\r\n\r\n": "Protocol Error: b'HTTP/1.1 400 Bad Request'",
    b"+OK\r\n": NO_REDIS,
    b"*-1\r\n": NO_REDIS,
    b"*2\r\n$3\r\nabc\r\n*1\r\n:1\r\n": NO_REDIS,
    b"$abc\r\n": NO_REDIS,
    b"*1\r\n" * 2000: NO_REDIS,
}


@define
class Server:
    """Answers each command but those that greet with `answer`; connections of later go on to `port`, if it is
    set."""

    answer: bytes
    port: int | None = None
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            if self.port is None:
                while head := await reader.readline():
                    words = [await self._word(reader) for _ in range(int(head[1:]))]
                    writer.write(b"+OK\r\n" if words[0] in (b"CLIENT", b"SELECT", b"HELLO") else self.answer)
            else:
                ahead, back = await asyncio.open_connection("127.0.0.1", self.port)
                await asyncio.gather(self._pass(reader, back), self._pass(ahead, writer))
        writer.close()

    async def _word(self, reader: asyncio.StreamReader) -> bytes:
        size = int((await reader.readline())[1:])
        return (await reader.readexactly(size + 2))[:-2]

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
        writer.close()


@asynccontextmanager
async def store_at(server: Server) -> AsyncIterator[Store]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"redis://127.0.0.1:{listening.sockets[0].getsockname()[1]}/0"
    store = open_store(server.url)
    await store.start()
    try:
        yield store
    finally:
        await store.stop()
        listening.close()


def uses(store: Store) -> dict[str, Callable[[], Awaitable[object]]]:
    """Each of what a store on Redis tells."""
    assert store.limits is not None
    assert store.health is not None
    assert store.spend is not None
    account = store.limits.account("a", RateLimits(requests_per_minute=5))
    health, spend = store.health, store.spend
    return {
        "slots": lambda: account.acquire([Ask(1, "lease")], (), ()),
        "shares": lambda: account.share(1, (0, 0), ()),
        "what is heard": lambda: health.heard(["e"], ["a"]),
        "probes": lambda: health.probe("e", "p"),
        "money": lambda: spend.update("shop/gpt", lambda state, now: Granted(0, state, now)),
        "looks": lambda: spend.look(["shop/gpt"]),
    }


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer[:12].decode())
async def test_each_use_says_what_is_wrong(answer: bytes) -> None:
    server = Server(answer)
    async with store_at(server) as store:
        for use in uses(store).values():
            said = re.escape(f"the state at {server.url} cannot be used: {ANSWERS[answer]}")
            with pytest.raises(StoreError, match=f"^{said}$"):
                await use()


@pytest.mark.parametrize("answer", [READ_ONLY, b"+OK\r\n"])
async def test_connections_to_one_that_is_no_primary_any_more_are_not_kept(
    answer: bytes, tmp_path: Path
) -> None:
    server = Server(answer)
    with redis_server(tmp_path) as primary:
        async with store_at(server) as store:
            for use in uses(store).values():
                with pytest.raises(StoreError):
                    await use()
            server.port = primary.port  # its name, or what stands before it, leads to another one from now on
            for use in uses(store).values():
                await use()
            assert store.health is not None
            await store.health.open("e", Opening(5.0, 5.0))
            assert isinstance(await store.health.probe("e", "p"), Opening)
