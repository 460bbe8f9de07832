"""Running the mock provider until a signal ends it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from ..http.server import HttpServer, Stop, bind, stop_signal
from .app import build_app
from .options import MockOptions
from .stats import Stats

ADVICE = "choose another port with --port"


async def serve_mock(
    port: int,
    options: MockOptions | None = None,
    *,
    host: str = "127.0.0.1",
    ready: Callable[[str], None] | None = None,
    stats: Stats | None = None,
    stopping: Callable[[], AbstractAsyncContextManager[Stop]] = stop_signal,
) -> None:
    """Answer on `port` (0 takes a free one) until SIGINT or SIGTERM. Raises StartError.

    ready: called with the base URL, to which `/v1` is added for an endpoint that speaks as OpenAI does.
    stats: counted into, when the caller wants to look. stopping: what else says when to stop.
    """
    server = HttpServer(build_app(options, stats), bind(host, port, advice=ADVICE), advice=ADVICE, grace=5.0)
    async with stopping() as stop:
        try:
            await server.start()
            url = f"http://{host}:{server.port}"
            if ready:
                ready(url)
            await stop.asked.wait()
        finally:
            await server.stop(stop.at_once)
