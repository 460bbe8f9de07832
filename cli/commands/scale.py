"""`inferc scale`: another number of replicas than the file says, until that is read again."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..output import fail
from ..server import NoServer, add_server, ask

EXAMPLES = """\
  inferc scale gpt 4
  inferc reload          # as the file says
"""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="DEPLOYMENT")
    parser.add_argument("replicas", metavar="REPLICAS", type=int)
    add_server(parser)


def run(arguments: Namespace) -> int:
    try:
        ask(arguments.server, "scale", name=arguments.name, replicas=arguments.replicas)
    except NoServer as error:
        return fail(str(error))
    print(f"{arguments.name} has {arguments.replicas} replicas, until the file is read again")
    return 0
