"""The way to replicas whose port cannot be reached from here: requests go to them through Ray.

A bridge listens at 127.0.0.1 and stands for the replicas of one application of Serve, which picks one of them
for each request. So pools need not know that it is one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from .library import Ray

log = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds that a port may take to accept a connection."""

AGAIN = 30.0
"""Seconds after which a port that could not be reached is tried again."""

_OF_THE_CONNECTION = frozenset(("connection", "transfer-encoding", "keep-alive", "date", "server", "host"))
_GONE = 502


async def reaches(url: str) -> bool:
    """Whether somebody accepts connections there."""
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


def passed_on(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those that are not about the connection alone."""
    return [(name, value) for name, value in headers if name.lower() not in _OF_THE_CONNECTION]


class Bridges:
    """Says for each replica where it is asked, which it finds out by trying."""

    def __init__(self, ray: Ray) -> None:
        self._ray = ray
        self._tried: dict[str, tuple[bool, float]] = {}
        self._bridges: dict[str, _Bridge] = {}

    async def ways_to(
        self, addresses: Mapping[str, Sequence[str]], applications: Mapping[str, str]
    ) -> dict[str, list[str]]:
        """Where the replicas at `addresses`, by deployment, are asked. applications: of Serve, by address."""
        now = asyncio.get_running_loop().time()
        every = [each for listed in addresses.values() for each in listed]
        self._tried = {each: self._tried[each] for each in every if each in self._tried}
        untried = [each for each in every if self._is_due(each, now)]
        for each, found in zip(untried, await asyncio.gather(*map(reaches, untried)), strict=True):
            if not found and each not in self._tried:
                log.warning(
                    "%s cannot be reached from here: requests for `%s` go through Ray, which takes longer",
                    each,
                    applications[each],
                )
            self._tried[each] = found, now
        return {
            name: [await self._way(each, applications[each]) for each in listed]
            for name, listed in addresses.items()
        }

    def _is_due(self, address: str, now: float) -> bool:
        found, when = self._tried.get(address, (False, -AGAIN))
        return not found and now - when >= AGAIN

    async def _way(self, address: str, application: str) -> str:
        if self._tried[address][0]:
            return address
        if application not in self._bridges:
            handle = await asyncio.to_thread(self._ray.serve.get_app_handle, application)
            self._bridges[application] = bridge = _Bridge(handle)
            await bridge.start()
        return self._bridges[application].url

    async def stop(self) -> None:
        """Close all of them."""
        for each in self._bridges.values():
            await each.stop()
        self._bridges.clear()


class _Bridge:
    """handle: of an application whose replicas have the method `ask`."""

    def __init__(self, handle: Any) -> None:
        self._ask = handle.options(stream=True, method_name="ask")
        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0)
        self.url = ""

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        asked = passed_on(list(request.headers.items()))
        pieces = self._ask.remote(request.method, request.path_qs, asked, await request.read())
        try:
            try:
                status, headers = await anext(pieces)
            except Exception as error:  # Ray raises what it likes
                return web.Response(status=_GONE, text=f"Ray cannot ask a replica: {type(error).__name__}")
            answer = web.StreamResponse(status=status)
            answer.headers.extend(headers)
            await answer.prepare(request)
            async for piece in pieces:
                await answer.write(piece)
            await answer.write_eof()
            return answer
        finally:
            pieces.cancel()
