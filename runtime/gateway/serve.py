"""From an executor to a running gateway, until a signal ends it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any

from aiohttp import web
from attrs import evolve

from ...compiler.plan import GatewayPlan, OnnxServingPlan, Plan, is_loopback
from ..concurrency.freed_memory import keep_blocks
from ..concurrency.garbage_collection import collect_rarely
from ..concurrency.tasks import end_tasks
from ..environment import in_environment
from ..executor import Executor
from ..http.server import GRACE, HttpServer, Stop, bind, from_systemd, stop_signal
from ..reload import Reloader, Reread, hangups, reloading_on_hangup
from ..requests.errors import StartError
from ..systemd import notify, watchdog
from .app import build_app, take_over
from .auth import web_tokens
from .auth.access import Access, read_access
from .auth.callers import following_keys
from .auth.tls import Certificate, following
from .door import DOOR
from .telemetry.kept_records import KeepingRecords
from .telemetry.request_records import RECORDS, Records
from .ui.pages import Sources

if TYPE_CHECKING:
    from .grpc_server import GrpcServer

log = logging.getLogger(__name__)


STOPPING = 10.0
"""Seconds that deployments have to stop in, when no request is in flight any more."""

AUTH_ADVICE = (
    'add `auth = bearer(env("TOKEN"))` to the `gateway` block, or `auth = none` if everyone may call'
)
GRPC_ADVICE = 'stop that program, or choose another address with `gateway { grpc = "127.0.0.1:8002" }`'
ADVICE = 'choose another address with `gateway { bind = "127.0.0.1:8081" }`'


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
    stopping: Callable[[], AbstractAsyncContextManager[Stop]] = stop_signal,
    sources: Sources = dict,
    bound: socket.socket | None = None,
) -> None:
    """Start `executor` and the gateway, serve until SIGINT or SIGTERM, finish, and stop both.

    A signal while the executor is still starting breaks that off. stopping: what else says when to stop.
    bound: where requests come; None: where systemd listens, if it does, else where the plan says.
    ready: called with the base URL, which names the real port, once requests are taken.
    grace: seconds that requests in flight have to finish. drain_delay: seconds before that in which requests
    are still taken, while `/readyz` says that none should be sent. share_port: other processes may listen at
    the same port. reread: reads the plan again, on SIGHUP; what has changed is then taken over while requests
    are answered. running: what goes on beside while requests are taken. records: where requests are written
    down. sources: the files that say the plan. Raises StartError with every problem,
    and where other machines would be served without a token.
    """
    check_door(gateway)
    if bound is None:
        bound = from_systemd() or bind(gateway.host, gateway.port, advice=ADVICE, shared=share_port)
    try:
        async with stopping() as stop, watchdog():
            hung_up = asyncio.Event() if reread is None else hangups()
            starting = asyncio.create_task(_start(executor, gateway))
            if not await _done_before(stop, starting):
                return
            opened: Access = starting.result()
            app = build_app(executor, opened.token, gateway, opened.keys, records, sources)
            server = HttpServer(app, bound, advice=ADVICE, grace=grace, tls=opened.tls)
            service = Service(executor, app, server, share_port, opened.certificate)
            reloader = Reloader(executor, reread, service.take_over) if reread is not None else None
            keeping = KeepingRecords(app[RECORDS], executor.state_at, executor.plan.state.name)
            try:
                await keeping.start()
                await server.start()
                service.rpc = await service.open_rpc(gateway)
                collect_rarely()
                if any(isinstance(each, OnnxServingPlan) for each in executor.plan.deployments):
                    keep_blocks()
                host = f"[{gateway.host}]" if ":" in gateway.host else gateway.host
                url = f"{'https' if opened.tls else 'http'}://{host}:{server.port}"
                async with (
                    app[RECORDS].lag.measured(),
                    following(service.certificates),
                    web_tokens.following(lambda: app[DOOR].tokens),
                    following_keys(lambda: app[DOOR].keys),
                    reloading_on_hangup(reloader, hung_up),
                    AsyncExitStack() as beside,
                ):
                    if running is not None and reloader is not None:
                        await beside.enter_async_context(running(service, reloader))
                    if ready:
                        ready(url)
                    notify("READY=1")
                    await stop.asked.wait()
                notify("STOPPING=1")
                app[DOOR].is_closing = True
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.at_once.wait(), drain_delay)
            finally:
                if service.rpc is not None:
                    await service.rpc.stop(grace)
                await server.stop(stop.at_once)
                await app[RECORDS].stop()
                await keeping.stop()
                await _stop(executor)
    finally:
        bound.close()


class Service:
    """An executor with its gateway, which takes over a changed plan."""

    def __init__(
        self,
        executor: Executor,
        app: web.Application,
        server: HttpServer,
        share_port: bool = False,
        certificate: Certificate | None = None,
    ) -> None:
        self.certificates = [] if certificate is None else [certificate]
        """The one that is shown, if any."""
        self.rpc: GrpcServer | None = None
        """What takes requests over gRPC, if anything does."""
        self._leaving: asyncio.Task[None] | None = None
        self.executor = executor
        self.app = app
        self._server = server
        self._share_port = share_port

    async def take_over(self, plan: Plan) -> None:
        """Serve `plan` from now on. Raises StartError with all problems, and then nothing has changed."""
        plan, old = in_environment(plan), self.executor.plan.gateway
        gateway = plan.gateway
        check_door(gateway)
        if gateway.workers > 1 and old.workers == 1:
            raise StartError("gateway: one process serves this file, and `workers` wants more: start it anew")
        opened = await read_access(plan, self.executor)
        bound = None
        if (gateway.host, gateway.port) != (old.host, old.port):
            bound = bind(gateway.host, gateway.port, advice=ADVICE, shared=self._share_port)
        elif gateway.tls is not None or old.tls is not None:
            bound = self._server.again()
        listening, old_rpc, rpc = None, self.rpc, None
        try:
            if bound is not None:
                listening = await self._server.listen(bound, opened.tls)
            if gateway.grpc != old.grpc:
                rpc = await self.open_rpc(gateway)
            await self.executor.reload(plan)
        except BaseException:
            if rpc is not None:
                await rpc.stop(0)
            if listening is not None:
                listening.close()
            if bound is not None:
                bound.close()
            raise
        self._server.rules = take_over(self.app, gateway, opened.token, opened.keys)
        self.certificates[:] = [] if opened.certificate is None else [opened.certificate]
        if bound is not None and listening is not None:
            await self._server.move(listening, bound)
        if gateway.grpc != old.grpc:
            self.rpc = rpc
            if old_rpc is not None:
                self._leaving = asyncio.create_task(old_rpc.stop())

    async def open_rpc(self, gateway: GatewayPlan) -> GrpcServer | None:
        """Take requests over gRPC, where the plan says so. Raises StartError."""
        if gateway.grpc is None:
            return None
        from .grpc_server import GrpcServer

        records = self.app[RECORDS]
        rpc = GrpcServer(
            self.executor,
            self.app[DOOR],
            gateway,
            advice=GRPC_ADVICE,
            records=records,
            share_port=self._share_port,
        )
        await rpc.start()
        log.info("gRPC at port %d", rpc.port)
        return rpc


Running = Callable[[Service, Reloader], AbstractAsyncContextManager[None]]


def check_door(gateway: GatewayPlan) -> None:
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


async def _start(executor: Executor, gateway: GatewayPlan) -> Access:
    """Start `executor`, and read what lets clients in."""
    problems: list[str] = []
    try:
        opened = await read_access(evolve(executor.plan, gateway=gateway), executor)
    except StartError as error:
        problems += error.problems
    try:
        await executor.start()
    except StartError as error:
        problems = [*error.problems, *problems]
    if problems:
        await executor.stop()
        raise StartError(*problems)
    return opened
