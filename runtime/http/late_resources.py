"""What is served at a path, made when somebody first asks there: of hundreds of paths, few are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from aiohttp import web

Served = TypeVar("Served")
ByBeginning = Mapping[str, list[tuple[str, Served]]]
"""Paths, and what is served there, by how they begin."""


class LateResources(web.PlainResource, Generic[Served]):
    """Sees to all paths of a server, by a router for those that begin alike, which are added to it together.

    aiohttp looks for the longest beginning first, and then for the path that was added first: so does this.
    One of the paths is to be for whatever no other one takes.

    add: adds what is served at a path to a router. tables: may be those of many servers.
    """

    def __init__(
        self, add: Callable[[web.UrlDispatcher, str, Served], object], *tables: ByBeginning[Served]
    ) -> None:
        super().__init__("/")
        self._add = add
        self._tables = tables
        self._routers: dict[str, web.UrlDispatcher] = {}

    async def resolve(self, request: web.Request) -> tuple[web.UrlMappingMatchInfo, set[str]]:
        beginning = request.rel_url.path_safe
        while True:
            known = self._routers.get(beginning)
            if known is None:
                known = self._router(beginning)
            if known is not None:
                found = await known.resolve(request)
                if found.http_exception is None or beginning == "/":
                    return found, set()
            beginning = beginning.rpartition("/")[0] or "/"

    def _router(self, beginning: str) -> web.UrlDispatcher | None:
        """The router for the paths that begin so; None where none does."""
        served = [each for table in self._tables for each in table.get(beginning, ())]
        if not served:
            return None
        router = self._routers[beginning] = web.UrlDispatcher()
        for path, what in served:
            self._add(router, path, what)
        return router


def by_beginning(served: Iterable[tuple[str, Served]]) -> ByBeginning[Served]:
    """Paths, and what is served there, in their order."""
    found: dict[str, list[tuple[str, Served]]] = {}
    for path, what in served:
        found.setdefault(_beginning(path), []).append((path, what))
    return found


def _beginning(path: str) -> str:
    """The whole segments of `path` before the first that may be anything."""
    fixed, brace, _ = path.partition("{")
    return (fixed.rpartition("/")[0] if brace else fixed).rstrip("/") or "/"
