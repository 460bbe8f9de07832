"""The command line of the server process."""

from __future__ import annotations

import logging
import sys
from argparse import ArgumentParser

from ...concurrency.event_loop import run_async
from ...requests.errors import StartError
from .serve import MAX_BLOCKED, serve_target


def main() -> int:
    parser = ArgumentParser(prog="python -m inferc.runtime.replicas.python_server")
    parser.add_argument("target", help="package.module:factory")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument(
        "--max-blocked",
        type=float,
        default=MAX_BLOCKED,
        metavar="SECONDS",
        help="end, to be started again, when the event loop is held for so long (default: %(default)g)",
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        run_async(serve_target(arguments.target, arguments.host, arguments.port, arguments.max_blocked))
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
