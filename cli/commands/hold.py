"""`inferc hold`: send nothing to the account of a deployment for a while."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..durations import seconds_in
from ..output import fail
from ..server import NoServer, add_server, ask

EXAMPLES = "  inferc hold gpt 2m\n"


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="DEPLOYMENT")
    parser.add_argument("seconds", metavar="TIME", type=seconds_in, help="for how long, such as 90s")
    add_server(parser)


def run(arguments: Namespace) -> int:
    try:
        ask(arguments.server, "hold", name=arguments.name, seconds=arguments.seconds)
    except NoServer as error:
        return fail(str(error))
    print(f"nothing is sent to the account of {arguments.name} for {arguments.seconds:g} s")
    return 0
