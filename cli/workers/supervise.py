"""Serving by several processes, which this one looks after."""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from ...runtime.concurrency.event_loop import run_async
from ...runtime.gateway.ui.pages import Sources
from ...runtime.gateway.workers.commands import admin_of_all
from ...runtime.gateway.workers.supervisor import Supervisor
from ...runtime.reload import Reloader, Reread, reloading_on_change
from ...runtime.requests.errors import StartError
from ...runtime.secrets.own_process import hide_from_children
from ..output import fail
from ..plans import Ready, state_of
from ..server import NoServer, admin_path
from ..watch import Watched

log = logging.getLogger(__name__)

_COMMAND = (sys.executable, "-m", "inferc.cli.workers.worker")


def run_workers(
    arguments: Namespace,
    ready: Ready,
    watched: Watched,
    reread: Reread,
    sources: Sources,
    announce: Callable[[str], None],
) -> int:
    """Serve until told to stop; gives the exit status. `announce` is told the URL."""
    state = state_of(arguments.state, ready)
    options = {
        name: getattr(arguments, name)
        for name in ("log_level", "log_format", "access_log", "traces", "strict", "trust_models")
    }
    options |= {name: float(getattr(arguments, name)) for name in ("grace", "drain_delay", "load_timeout")}
    options |= {"base": str(ready.base), "state": None if state is None else str(state)}

    @asynccontextmanager
    async def beside(supervisor: Supervisor, reloader: Reloader) -> AsyncIterator[None]:
        changed = watched.has_changed if arguments.watch else None
        async with AsyncExitStack() as stack:
            try:
                admin = admin_of_all(admin_path(arguments.file))
                await stack.enter_async_context(admin(supervisor, reloader))
            except NoServer as error:
                log.warning("no commands are taken: %s", error)
            await stack.enter_async_context(reloading_on_change(reloader, changed))
            yield

    supervisor = Supervisor(ready.plan, _COMMAND, options, share_port=arguments.share_port, sources=sources)
    serving = supervisor.run(reread, ready=announce, beside=beside, grace=arguments.grace)
    hide_from_children()  # what the workers start comes below this process, too
    try:
        run_async(serving)
    except StartError as error:
        return max(fail(problem) for problem in error.problems)
    return 0
