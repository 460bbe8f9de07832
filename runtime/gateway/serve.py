"""From an executor to a running gateway, until a signal ends it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from ...compiler.plan import GatewayPlan, is_loopback
from ..concurrency.garbage_collection import collect_rarely
from ..concurrency.tasks import end_tasks
from ..executor import Executor
from ..http_server import GRACE, HttpServer, Stop, bind, stop_signal
from ..reload import Reread, reloading_on_hangup
from ..requests.errors import StartError
from ..secret import LiveSecret, read_secret
from .app import build_app
from .auth import Keys

log = logging.getLogger(__name__)

STOPPING = 10.0
"""Seconds that deployments have to stop in, when no request is in flight any more."""

AUTH_ADVICE = (
    'add `auth = bearer(env("TOKEN"))` to the `gateway` block, or `auth = none` if everyone may call'
)
ADVICE = 'stop that program, or choose another address with `gateway { bind = "127.0.0.1:8081" }`'


async def serve(
    executor: Executor,
    gateway: GatewayPlan,
    *,
    ready: Callable[[str], None] | None = None,
    grace: float = GRACE,
    reread: Reread | None = None,
) -> None:
    """Start `executor` and the gateway, serve until SIGINT or SIGTERM, finish, and stop both.

    A signal while the executor is still starting breaks that off.
    ready: called with the base URL, which names the real port, once requests are taken.
    grace: seconds that requests in flight have to finish. reread: reads the plan again, on SIGHUP; changed
    models are then taken over while requests are answered. Raises StartError with every problem, and where
    other machines would be served without a token.
    """
    if not (gateway.auth or gateway.keys or gateway.open or is_loopback(gateway.host)):
        raise StartError(
            f"gateway: {gateway.host} is reached from other machines, and nobody is asked for a token: "
            f"{AUTH_ADVICE}"
        )
    bound = bind(gateway.host, gateway.port, advice=ADVICE)
    try:
        async with stop_signal() as stop:
            starting = asyncio.create_task(_start(executor, gateway))
            if not await _done_before(stop, starting):
                return
            token, keys = starting.result()
            app = build_app(executor, token, gateway, keys)
            server = HttpServer(app, bound, advice=ADVICE, grace=grace)
            try:
                await server.start()
                collect_rarely()
                host = f"[{gateway.host}]" if ":" in gateway.host else gateway.host
                url = f"http://{host}:{server.port}"
                if ready:
                    ready(url)
                async with reloading_on_hangup(executor, reread):
                    await stop.asked.wait()
            finally:
                await server.stop(stop.at_once)
                await _stop(executor)
    finally:
        bound.close()


async def _stop(executor: Executor) -> None:
    """Stop `executor`, or say that it does not stop in time."""
    stopping = asyncio.create_task(executor.stop())
    done, _ = await asyncio.wait([stopping], timeout=STOPPING)
    if done:
        stopping.result()
    else:
        log.warning("something does not stop within %g s, and is left alone", STOPPING)


async def _done_before(stop: Stop, task: asyncio.Task[Any]) -> bool:
    """Whether `task` ended before a stop was asked for, which cancels it and waits until it is over.

    At once, it is not waited for.
    """
    asked, at_once = (asyncio.create_task(each.wait()) for each in (stop.asked, stop.at_once))
    try:
        done, _ = await asyncio.wait([task, asked], return_when=asyncio.FIRST_COMPLETED)
        return task in done
    finally:
        task.cancel()
        await asyncio.wait([task, at_once], return_when=asyncio.FIRST_COMPLETED)
        await end_tasks([asked, at_once])


async def _start(executor: Executor, gateway: GatewayPlan) -> tuple[LiveSecret | None, Keys | None]:
    """Start `executor`, and read the token and the keys of clients."""
    problems: list[str] = []
    auth, token, keys = gateway.auth, None, None
    try:
        if auth is not None:
            token = LiveSecret(
                auth, executor.base_dir, lambda: read_secret(auth, executor.base_dir, "gateway")
            )
    except StartError as error:
        problems += error.problems
    try:
        if gateway.keys:
            keys = Keys(gateway.keys, executor.base_dir)
    except StartError as error:
        problems += error.problems
    try:
        await executor.start()
    except StartError as error:
        problems = [*error.problems, *problems]
    if problems:
        await executor.stop()
        raise StartError(*problems)
    return token, keys
