"""The process that `forked_workers` come from: it has imported what they import, and nothing else."""

from __future__ import annotations

import gc
import json
import socket
import sys
from importlib import import_module

from inferc.runtime.serving.pipelines.workers.forking import main as workers
from inferc.runtime.serving.pipelines.workers.workers import PRELOAD

from .fork_server import ForkServer

PASSED = 3
"""The file that they are given beside those that each process has."""


def main(control: int) -> None:
    for name in PRELOAD:
        import_module(name)
    gc.collect()
    gc.freeze()
    path, preload = map(json.loads, ForkServer(socket.socket(fileno=control)).serve())
    sys.path[:] = path
    workers(socket.socket(fileno=PASSED), preload)


if __name__ == "__main__":
    main(int(sys.argv[1]))
