"""From `package.module:factory` to a running server, until a signal ends it."""

from __future__ import annotations

import asyncio
import faulthandler
import importlib
import inspect
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from ...concurrency.tasks import end_tasks
from ...http.server import HttpServer, bind, stop_signal
from ...requests.errors import StartError
from .chat import NOT_THEIRS, chat_app, takes_options

HEALTH = "/health"

MAX_BLOCKED = 60.0
"""Seconds that code of the user's may hold the event loop."""

_ADVICE = "choose another port with --port"
_GRACE = 5.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


log = logging.getLogger(__name__)


async def serve_target(target: str, host: str, port: int, max_blocked: float = MAX_BLOCKED) -> None:
    """Open `target` and serve what its factory makes. Raises StartError, and what the user's code raises.

    max_blocked: seconds after which a process whose event loop is held ends.
    """
    server = HttpServer(
        await _make_app(target), bind(host, port, advice=_ADVICE), advice=_ADVICE, grace=_GRACE
    )
    async with stop_signal() as stop:
        try:
            await server.start()
            watching = asyncio.create_task(_end_when_blocked(max_blocked))
            await stop.asked.wait()
            await end_tasks([watching])
        finally:
            await server.stop(stop.at_once)


async def _end_when_blocked(seconds: float) -> None:
    """End the process when code of the user's has held the event loop for so long.

    It says where, and whoever has started the server starts it again. The timer is one of C, which needs
    neither the loop nor the interpreter.
    """
    try:
        while True:
            faulthandler.dump_traceback_later(seconds, exit=True)
            await asyncio.sleep(min(1.0, seconds / 4))
    finally:
        faulthandler.cancel_dump_traceback_later()


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
    app.middlewares[:0] = [_healthy, _lasting]
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


@web.middleware
async def _lasting(request: web.Request, handler: Handler) -> web.StreamResponse:
    """`sys.exit()` and Ctrl-C in code of the user's are errors of its request, and end nothing."""
    try:
        return await handler(request)
    except (Exception, *NOT_THEIRS):
        raise
    except BaseException as error:
        log.error("an answer failed", exc_info=error)
        raise web.HTTPInternalServerError from None
