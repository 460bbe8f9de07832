"""`inferc breaker`: leave the endpoint of a deployment alone for a while, or try it again at once."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..durations import seconds_in
from ..output import fail
from ..server import NoServer, add_server, ask

EXAMPLES = """\
  inferc breaker gpt open --for 10m
  inferc breaker gpt close
"""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="DEPLOYMENT")
    parser.add_argument("what", choices=("open", "close"))
    parser.add_argument(
        "--for",
        dest="seconds",
        metavar="TIME",
        type=seconds_in,
        default=60.0,
        help="for how long it is open (default: 1m)",
    )
    add_server(parser)


def run(arguments: Namespace) -> int:
    seconds = arguments.seconds if arguments.what == "open" else 0
    try:
        ask(arguments.server, "breaker", name=arguments.name, seconds=seconds)
    except NoServer as error:
        return fail(str(error))
    state = f"open for {seconds:g} s" if seconds else "closed"
    print(f"the circuit of {arguments.name} is {state}")
    return 0
