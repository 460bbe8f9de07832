"""`inferc drain`: let no more requests come to a deployment; those that run may end."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..output import fail, in_line
from ..server import NoServer, add_server, ask

EXAMPLES = """\
  inferc drain gpt
  inferc drain gpt --undo
"""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="DEPLOYMENT")
    parser.add_argument("--undo", action="store_true", help="let requests come again")
    add_server(parser)


def run(arguments: Namespace) -> int:
    try:
        answer = ask(arguments.server, "drain", name=arguments.name, undo=arguments.undo)
    except NoServer as error:
        return fail(str(error))
    if arguments.undo:
        print(f"requests may come to {arguments.name} again")
    else:
        print(in_line(f"no requests come to {arguments.name}; running: {answer['running']}"))
    return 0
