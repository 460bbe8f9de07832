"""From an executor to a running gateway, until a signal ends it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import Any

from aiohttp import web

from ...compiler.plan import GatewayPlan, Plan, is_loopback
from ..concurrency.garbage_collection import collect_rarely
from ..concurrency.tasks import end_tasks
from ..environment import in_environment
from ..executor import Executor
from ..http_server import GRACE, HttpServer, Stop, bind, stop_signal
from ..reload import Reloader, Reread, reloading_on_hangup
from ..requests.errors import StartError
from ..secret import LiveSecret, read_secret
from ..systemd import notify, watchdog
from .app import DOOR, build_app, take_over
from .auth import Keys
from .grpc_server import GrpcServer
from .records import RECORDS, Records

log = logging.getLogger(__name__)

STOPPING = 10.0
"""Seconds that deployments have to stop in, when no request is in flight any more."""

AUTH_ADVICE = (
    'add `auth = bearer(env("TOKEN"))` to the `gateway` block, or `auth = none` if everyone may call'
)
GRPC_ADVICE = 'stop that program, or choose another address with `gateway { grpc = "127.0.0.1:8002" }`'
ADVICE = 'stop that program, or choose another address with `gateway { bind = "127.0.0.1:8081" }`'


async def serve(
    executor: Executor,
    gateway: GatewayPlan,
    *,
    ready: Callable[[str], None] | None = None,
    grace: float = GRACE,
    drain_delay: float = 0.0,
    share_port: bool = False,
    reread: Reread | None = None,
    running: Running | None = None,
    records: Records | None = None,
) -> None:
    """Start `executor` and the gateway, serve until SIGINT or SIGTERM, finish, and stop both.

    A signal while the executor is still starting breaks that off.
    ready: called with the base URL, which names the real port, once requests are taken.
    grace: seconds that requests in flight have to finish. drain_delay: seconds before that in which requests
    are still taken, while `/readyz` says that none should be sent. share_port: other processes may listen at
    the same port. reread: reads the plan again, on SIGHUP; what has changed is then taken over while requests
    are answered. running: what goes on beside while requests are taken. records: where requests are written
    down. Raises StartError with every problem,
    and where other machines would be served without a token.
    """
    _check_door(gateway)
    bound = bind(gateway.host, gateway.port, advice=ADVICE, shared=share_port)
    try:
        async with stop_signal() as stop, watchdog():
            starting = asyncio.create_task(_start(executor, gateway))
            if not await _done_before(stop, starting):
                return
            token, keys = starting.result()
            app = build_app(executor, token, gateway, keys, records)
            server = HttpServer(app, bound, advice=ADVICE, grace=grace)
            service = Service(executor, app, server, share_port)
            reloader = Reloader(executor, reread, service.take_over) if reread is not None else None
            rpc = GrpcServer(executor, app[DOOR], gateway, advice=GRPC_ADVICE) if gateway.grpc else None
            try:
                await server.start()
                if rpc is not None:
                    await rpc.start()
                    log.info("gRPC at port %d", rpc.port)
                collect_rarely()
                host = f"[{gateway.host}]" if ":" in gateway.host else gateway.host
                url = f"http://{host}:{server.port}"
                if ready:
                    ready(url)
                notify("READY=1")
                async with reloading_on_hangup(reloader), AsyncExitStack() as beside:
                    if running is not None and reloader is not None:
                        await beside.enter_async_context(running(service, reloader))
                    await stop.asked.wait()
                notify("STOPPING=1")
                app[DOOR].is_closing = True
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.at_once.wait(), drain_delay)
            finally:
                if rpc is not None:
                    await rpc.stop(grace)
                await server.stop(stop.at_once)
                await app[RECORDS].stop()
                await _stop(executor)
    finally:
        bound.close()


class Service:
    """An executor with its gateway, which takes over a changed plan."""

    def __init__(
        self, executor: Executor, app: web.Application, server: HttpServer, share_port: bool = False
    ) -> None:
        self.executor = executor
        self.app = app
        self._server = server
        self._share_port = share_port

    async def take_over(self, plan: Plan) -> None:
        """Serve `plan` from now on. Raises StartError with all problems, and then nothing has changed."""
        plan, old = in_environment(plan), self.executor.plan.gateway
        gateway = plan.gateway
        _check_door(gateway)
        token, keys = _read_access(gateway, self.executor)
        moved = (gateway.host, gateway.port) != (old.host, old.port)
        bound = bind(gateway.host, gateway.port, advice=ADVICE, shared=self._share_port) if moved else None
        try:
            listening = await self._server.listen(bound) if bound is not None else None
            try:
                await self.executor.reload(plan)
            except BaseException:
                if listening is not None:
                    listening.close()
                raise
        except BaseException:
            if bound is not None:
                bound.close()
            raise
        self._server.rules = take_over(self.app, gateway, token, keys)
        if bound is not None and listening is not None:
            await self._server.move(listening, bound)
            log.info("listening at %s:%d", gateway.host, self._server.port)


Running = Callable[[Service, Reloader], AbstractAsyncContextManager[None]]


def _check_door(gateway: GatewayPlan) -> None:
    """Raises StartError where other machines would be served without being asked who they are."""
    if not (gateway.auth or gateway.keys or gateway.open or is_loopback(gateway.host)):
        raise StartError(
            f"gateway: {gateway.host} is reached from other machines, and nobody is asked for a token: "
            f"{AUTH_ADVICE}"
        )


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
    token, keys = None, None
    try:
        token, keys = _read_access(gateway, executor)
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


def _read_access(gateway: GatewayPlan, executor: Executor) -> tuple[LiveSecret | None, Keys | None]:
    """The token and the keys of clients. Raises StartError."""
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
    if problems:
        raise StartError(*problems)
    return token, keys
