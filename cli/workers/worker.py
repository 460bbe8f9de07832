"""One of the workers that `inferc run` starts: `python -m inferc.cli.workers.worker SOCKET`."""

from __future__ import annotations

import gc
import socket
import sys

LINGERING = 1.0


def main() -> int:
    """Serve until the supervisor says that it is enough, or is gone."""
    gc.disable()  # until all is imported
    from ...runtime.concurrency.event_loop import run_async
    from .serve import work

    return run_async(work(socket.socket(fileno=int(sys.argv[1]))), lingering=LINGERING)


if __name__ == "__main__":
    from ...runtime.concurrency.native_work import end_process

    end_process(main())
