"""From `package.module:factory` to a running server, until a signal ends it."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Awaitable, Callable

from aiohttp import web

from ...http_server import HttpServer, bind, stop_signal
from ...requests.errors import StartError
from .chat import chat_app, takes_options

HEALTH = "/health"

_ADVICE = "choose another port with --port"
_GRACE = 5.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def serve_target(target: str, host: str, port: int) -> None:
    """Open `target` and serve what its factory makes. Raises StartError, and what the user's code raises."""
    server = HttpServer(
        await _make_app(target), bind(host, port, advice=_ADVICE), advice=_ADVICE, grace=_GRACE
    )
    async with stop_signal() as stop:
        try:
            await server.start()
            await stop.asked.wait()
        finally:
            await server.stop(stop.at_once)


async def _make_app(target: str) -> web.Application:
    made = _find(target)()
    if inspect.isawaitable(made):
        made = await made
    if isinstance(made, web.Application):
        app = made
    elif callable(made) and takes_options(made):
        app = chat_app(made)
    else:
        raise StartError(
            f"`{target}` made {type(made).__name__}: it must return an aiohttp Application, "
            "or an async function answer(messages, **options)"
        )
    app.middlewares.insert(0, _healthy)
    return app


def _find(target: str) -> Callable[[], object]:
    module_name, colon, name = target.partition(":")
    if not (module_name and colon and name):
        raise StartError(f'`{target}` names no factory: write "package.module:factory"')
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # the module is there, and one that it needs is not
        raise StartError(f"there is no module `{error.name}`, which `{target}` names") from None
    factory = getattr(module, name, None)
    if not callable(factory):
        raise StartError(f"the module `{module_name}` has no function `{name}`")
    found: Callable[[], object] = factory
    return found


@web.middleware
async def _healthy(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path == HEALTH and request.match_info.http_exception is not None:
        return web.Response(text="ok")
    return await handler(request)
