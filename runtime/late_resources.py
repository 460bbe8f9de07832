"""What is served at a path, made when somebody first asks there: of hundreds of paths, few are asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from aiohttp import web

Add = Callable[[web.UrlDispatcher, str], object]
"""Adds what is served at a path to a router."""


class LateResources(web.PlainResource):
    """Sees to all paths of a server, by a router for those that begin alike, which are added to it together.

    aiohttp looks for the longest beginning first, and then for the path that was added first: so does this.
    One of the paths is to be for whatever no other one takes.
    """

    def __init__(self) -> None:
        super().__init__("/")
        self._routers: dict[str, web.UrlDispatcher] = {}
        self._waiting: dict[str, list[tuple[str, Add]]] = {}

    def add(self, path: str, add: Add) -> None:
        self._waiting.setdefault(_beginning(path), []).append((path, add))

    async def resolve(self, request: web.Request) -> tuple[web.UrlMappingMatchInfo, set[str]]:
        beginning = request.rel_url.path_safe
        while True:
            if (waiting := self._waiting.pop(beginning, None)) is not None:
                router = self._routers[beginning] = web.UrlDispatcher()
                for path, add in waiting:
                    add(router, path)
            if (known := self._routers.get(beginning)) is not None:
                found = await known.resolve(request)
                if found.http_exception is None or beginning == "/":
                    return found, set()
            beginning = beginning.rpartition("/")[0] or "/"


@lru_cache(1024)  # a server has a few hundred paths, and a test many servers
def _beginning(path: str) -> str:
    """The whole segments of `path` before the first that may be anything."""
    fixed, brace, _ = path.partition("{")
    return (fixed.rpartition("/")[0] if brace else fixed).rstrip("/") or "/"
