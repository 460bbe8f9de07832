"""Running the mock provider until a signal ends it."""

from __future__ import annotations

from collections.abc import Callable

from ..http_server import HttpServer, bind, stop_signal
from .app import build_app
from .options import MockOptions

ADVICE = "stop that program, or choose another port with --port"


async def serve_mock(
    port: int,
    options: MockOptions | None = None,
    *,
    host: str = "127.0.0.1",
    ready: Callable[[str], None] | None = None,
    grace: float = 5.0,
) -> None:
    """Answer on `port` (0 takes a free one) until SIGINT or SIGTERM. Raises StartError.

    ready: called with the base URL, to which `/v1` is added for an endpoint that speaks as OpenAI does.
    """
    server = HttpServer(build_app(options), bind(host, port, advice=ADVICE), advice=ADVICE, grace=grace)
    async with stop_signal() as stop:
        try:
            await server.start()
            url = f"http://{host}:{server.port}"
            if ready:
                ready(url)
            await stop.asked.wait()
        finally:
            await server.stop(stop.at_once)
