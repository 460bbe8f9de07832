"""`inferc log`: let a running server say more, or less."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ...runtime.admin import LEVELS
from ..durations import seconds_in
from ..output import fail
from ..server import NoServer, add_server, ask

EXAMPLES = """\
  inferc log debug --for 10m
  inferc log warning
"""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("level", choices=LEVELS)
    parser.add_argument(
        "--for",
        dest="seconds",
        metavar="TIME",
        type=seconds_in,
        default=0.0,
        help="for how long; then it says as much as before (default: until it is told otherwise)",
    )
    add_server(parser)


def run(arguments: Namespace) -> int:
    try:
        ask(arguments.server, "log", level=arguments.level, seconds=arguments.seconds)
    except NoServer as error:
        return fail(str(error))
    span = f" for {arguments.seconds:g} s" if arguments.seconds else ""
    print(f"the log says what is {arguments.level} or worse{span}")
    return 0
