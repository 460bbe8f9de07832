"""Serving by this process alone: its executor, its gateway, and what stands beside them."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from functools import partial

from ..runtime.concurrency.event_loop import run_async
from ..runtime.concurrency.native_work import end_process
from ..runtime.executor import Executor
from ..runtime.gateway import serve
from ..runtime.gateway.commands import admin_at, without_admin
from ..runtime.gateway.serve import Running, Service
from ..runtime.gateway.telemetry.request_records import Records
from ..runtime.gateway.ui.pages import Sources
from ..runtime.reload import Reloader, Reread, reloading_on_change
from ..runtime.requests.errors import StartError
from ..runtime.starting import Started
from .logs import access_log
from .output import fail
from .plans import Ready, state_of
from .progress import Seen, progress
from .server import NoServer, admin_path
from .watch import Watched

_LINGERING = 1.0
"""Seconds that threads may run on when all is stopped, such as that of a model that does not come back."""
_SHOWN = 4
"""Deployments that are waited for, which are named."""


def serve_alone(
    arguments: Namespace,
    ready: Ready,
    watched: Watched,
    reread: Reread,
    sources: Sources,
    announce: Callable[[str], None],
) -> int:
    """Serve until told to stop; gives the exit status. `announce` is told the URL."""
    admin = _admin(arguments.file)

    @asynccontextmanager
    async def beside(service: Service, reloader: Reloader) -> AsyncIterator[None]:
        changed = watched.has_changed if arguments.watch else None
        async with admin(service, reloader), reloading_on_change(reloader, changed):
            yield

    options = {name: getattr(arguments, name) for name in ("strict", "trust_models", "load_timeout")}
    options["state"] = state_of(arguments.state, ready)
    executor: Executor
    try:
        if arguments.engine == "ray":
            from .on_ray import executor_on_ray

            executor, reread = executor_on_ray(arguments, ready, reread, **options)
        else:
            executor = Executor(ready.plan, ready.base, **options)
    except StartError as error:
        return max(fail(problem) for problem in error.problems)
    access = access_log(arguments.access_log)
    traces = None
    if arguments.traces:
        from ..runtime.gateway.telemetry.traces import Traces

        try:
            traces = Traces()
        except StartError as error:
            return fail(str(error))
    loading = ExitStack()  # until requests are taken, or that fails

    def taken(url: str) -> None:
        loading.close()
        announce(url)

    serving = serve(
        executor,
        ready.plan.gateway,
        ready=taken,
        grace=arguments.grace,
        drain_delay=arguments.drain_delay,
        share_port=arguments.share_port,
        reread=reread,
        running=beside,
        records=Records(access, traces),
        sources=sources,
    )
    try:
        with loading:
            loading.enter_context(progress("loading models", partial(_loaded, executor.started)))
            run_async(serving, lingering=_LINGERING)
    except StartError as error:
        for problem in error.problems:
            fail(problem)
        return end_process(1)
    return end_process(0)


def _admin(file: str) -> Running:
    """What listens for commands; nothing, where that cannot be."""
    try:
        return admin_at(admin_path(file))
    except NoServer as error:
        return without_admin(str(error))


def _loaded(started: Started) -> Seen:
    """How many deployments are ready, and which of them are waited for."""
    waiting = sorted(started.waiting)
    return started.count - len(waiting), started.count, ", ".join(waiting[:_SHOWN])
