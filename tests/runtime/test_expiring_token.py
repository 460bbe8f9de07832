"""Tokens that end, on a clock of their own: when they are asked for, and which one is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest
from attrs import define, field

from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.replicas.remote.auth.expiring_token import TokenAuthorizer
from inferc.runtime.requests.errors import RequestError, ServerError
from inferc.runtime.secrets.secret import Secret

from ..support.remote import remote_plan

LIFE = 600.0


@define
class Source:
    """Gives `token-1`, `token-2`… after two seconds each; asked: when."""

    asked: list[float] = field(factory=list)
    error: RequestError | None = None
    is_another: bool = False

    async def start(self) -> None:
        """There is nothing to read."""

    def look(self, now: float) -> bool:
        found, self.is_another = self.is_another, False
        return found

    def read_again(self) -> bool:
        return False

    async def fetch(self) -> tuple[Secret, float]:
        self.asked.append(asyncio.get_running_loop().time())
        number = len(self.asked)
        await asyncio.sleep(2)
        if self.error is not None:
            raise self.error
        return Secret(f"token-{number}", "a test"), LIFE


def playing(play: Callable[[TokenAuthorizer, Source], Awaitable[None]], seed: int = 1) -> None:
    """Run `play` in virtual time, with an authorizer in front of a source."""

    async def main() -> None:
        source = Source()
        authorizer = TokenAuthorizer(remote_plan(), source, random=Random(seed))
        await authorizer.start()
        try:
            await play(authorizer, source)
        finally:
            await authorizer.stop()

    run_virtual(main())


async def shown(authorizer: TokenAuthorizer) -> str:
    return (await authorizer.authorize()).headers["Authorization"].removeprefix("Bearer ")


def test_those_who_come_together_wait_for_one_token() -> None:
    async def play(authorizer: TokenAuthorizer, source: Source) -> None:
        assert await asyncio.gather(*(shown(authorizer) for _ in range(50))) == ["token-1"] * 50
        assert source.asked == [0.0]

    playing(play)


def test_a_token_is_renewed_before_it_ends_and_nobody_waits() -> None:
    async def play(authorizer: TokenAuthorizer, source: Source) -> None:
        loop = asyncio.get_running_loop()
        await shown(authorizer)
        seen = []
        while loop.time() < 1500:
            before = loop.time()
            seen.append(await shown(authorizer))
            assert loop.time() == before
            await asyncio.sleep(1)
        assert list(dict.fromkeys(seen)) == ["token-1", "token-2", "token-3", "token-4"]
        first, second, *_ = source.asked
        assert 2 + LIFE - 180 <= second - first <= 2 + LIFE - 120 + 1

    playing(play)


def test_those_who_started_together_do_not_renew_together() -> None:
    times = set()
    for seed in range(20):

        async def play(authorizer: TokenAuthorizer, source: Source) -> None:
            await shown(authorizer)
            while len(source.asked) < 2:
                await asyncio.sleep(0.5)
                await shown(authorizer)
            times.add(source.asked[1])

        playing(play, seed)
    assert len(times) > 10


def test_while_none_comes_the_last_serves_until_it_ends_and_not_longer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def play(authorizer: TokenAuthorizer, source: Source) -> None:
        loop = asyncio.get_running_loop()
        await shown(authorizer)
        source.error = ServerError("nobody is there")
        while loop.time() < 2 + LIFE:
            assert await shown(authorizer) == "token-1"
            await asyncio.sleep(1)
        with pytest.raises(ServerError, match="nobody is there"):
            await shown(authorizer)
        assert 180 / 18 <= len(source.asked) <= 2 + 180 / 10  # not with each request
        source.error = None
        assert (await shown(authorizer)).startswith("token-")

    playing(play)
    assert caplog.messages[0] == "nobody is there; the last access token is still good"


def test_a_refused_token_is_renewed_once_in_a_minute() -> None:
    async def play(authorizer: TokenAuthorizer, source: Source) -> None:
        first = await authorizer.authorize()
        assert await authorizer.refused(first)
        second = await authorizer.authorize()
        assert second is not first
        assert await authorizer.refused(first)  # whoever used the first has another one to show
        assert not await authorizer.refused(second)
        await asyncio.sleep(60)
        assert await authorizer.refused(second)
        assert len(source.asked) == 2
        assert await shown(authorizer) == "token-3"

    playing(play)


def test_a_token_for_somebody_else_is_asked_for_at_once() -> None:
    async def play(authorizer: TokenAuthorizer, source: Source) -> None:
        await shown(authorizer)
        before = authorizer.version()
        source.is_another = True
        assert await shown(authorizer) == "token-2"
        assert authorizer.version() == before + 1

    playing(play)
