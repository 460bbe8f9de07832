"""`inferc run`: serve what a file or a plan declares, until told to stop."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

import attrs

from ...compiler.plan import Plan
from ...compiler.plan.reach import names_of
from ..logs import configure_logging
from ..output import fail
from ..plans import Ready, add_plan, add_state, ready_plan, state_of

EXAMPLES = """\
  inferc run hello.infer
  inferc run hello.plan.json --port 9000
  inferc run prod.infer --state redis://127.0.0.1:6379/0
"""


def configure(parser: ArgumentParser) -> None:
    add_plan(parser)
    parser.add_argument("--host", help="listen on this address instead of the file's")
    parser.add_argument(
        "--port", type=int, help="listen on this port instead of the file's; 0 takes a free one"
    )
    add_state(parser)
    parser.add_argument(
        "--strict",
        action="store_true",
        help="do not start while a deployment cannot be reached, nor without one that routes can spare",
    )
    parser.add_argument(
        "--trust-models",
        action="store_true",
        help="load models at once; else the first load of each on this machine is tried in a process of its "
        "own, so that one which crashes ONNX Runtime is an error",
    )


def run(arguments: Namespace) -> int:
    ready = ready_plan(arguments)
    if isinstance(ready, int):
        return ready
    from ...runtime.concurrency.event_loop import run_async
    from ...runtime.executor import Executor
    from ...runtime.gateway import serve
    from ...runtime.requests.errors import StartError

    gateway = ready.plan.gateway
    if arguments.host is not None:
        gateway = attrs.evolve(gateway, host=arguments.host)
    if arguments.port is not None:
        gateway = attrs.evolve(gateway, port=arguments.port)
    configure_logging()
    names = ", ".join(names_of(ready.plan))

    def announce(url: str) -> None:
        print(f"serving {names} at {url} (Ctrl-C stops)", file=sys.stderr, flush=True)

    def reread() -> Plan | None:
        again = ready_plan(arguments)
        return again.plan if isinstance(again, Ready) else None

    executor = Executor(
        ready.plan,
        ready.base,
        state=state_of(arguments.state, ready),
        strict=arguments.strict,
        trust_models=arguments.trust_models,
    )
    try:
        run_async(serve(executor, gateway, ready=announce, reread=reread))
    except StartError as error:
        for problem in error.problems:
            fail(problem)
        return 1
    return 0
