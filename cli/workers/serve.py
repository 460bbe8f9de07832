"""What a worker does."""

from __future__ import annotations

import socket
from pathlib import Path

from ...runtime.executor import Executor
from ...runtime.gateway import serve
from ...runtime.gateway.telemetry.request_records import Records
from ...runtime.gateway.telemetry.traces import Traces
from ...runtime.gateway.workers.worker import Worker
from ...runtime.requests.errors import StartError
from ..logs import access_log, configure_logging


async def work(end: socket.socket) -> int:
    """Serve what the supervisor says; 1 where that cannot be."""
    worker = Worker()
    await worker.listen(end)
    orders = await worker.orders
    assert worker.plan is not None
    configure_logging(orders["log_level"], as_json=orders["log_format"] == "json")
    try:
        executor = Executor(
            worker.plan,
            Path(orders["base"]),
            state=orders["state"],
            strict=orders["strict"],
            trust_models=orders["trust_models"],
            load_timeout=orders["load_timeout"],
        )
        access = access_log(orders["access_log"])
        await serve(
            executor,
            worker.plan.gateway,
            ready=worker.serves,
            grace=orders["grace"],
            drain_delay=orders["drain_delay"],
            share_port=True,
            reread=lambda: worker.plan,
            running=worker.beside,
            records=Records(access, Traces() if orders["traces"] else None),
            stopping=worker.stopping,
            bound=socket.socket(fileno=orders["listening"][0]) if orders["listening"] else None,
        )
    except StartError as error:
        await worker.failed(error.problems)
        return 1
    return 0
