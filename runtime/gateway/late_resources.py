"""What is served at a path, made when somebody first asks there: of hundreds of paths, few are asked for."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

Add = Callable[[web.UrlDispatcher, str], None]
"""Adds what is served at a path to a router."""


class LateResources(web.PlainResource):
    """Sees to all paths of a server, by a router to which those that begin alike are added together.

    aiohttp looks for the longest beginning first, and then for the path that was added first: so does this.
    """

    def __init__(self) -> None:
        super().__init__("/")
        self._router = web.UrlDispatcher()
        self._waiting: dict[str, list[tuple[str, Add]]] = {}

    def add(self, path: str, add: Add) -> None:
        self._waiting.setdefault(_beginning(path), []).append((path, add))

    async def resolve(self, request: web.Request) -> tuple[web.UrlMappingMatchInfo, set[str]]:
        beginning = request.rel_url.path_safe
        while self._waiting and beginning:
            for path, add in self._waiting.pop(beginning, ()):
                add(self._router, path)
            beginning = "" if beginning == "/" else beginning.rpartition("/")[0] or "/"
        return await self._router.resolve(request), set()


def _beginning(path: str) -> str:
    """The whole segments of `path` before the first that may be anything."""
    fixed, brace, _ = path.partition("{")
    return (fixed.rpartition("/")[0] if brace else fixed).rstrip("/") or "/"
