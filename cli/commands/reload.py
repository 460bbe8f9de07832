"""`inferc reload`: let a running server take over its changed file."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..output import fail, in_line
from ..server import NoServer, add_server, ask

EXAMPLES = """\
  inferc reload
  inferc reload --dry-run
  inferc reload --server prod.infer
"""


def configure(parser: ArgumentParser) -> None:
    add_server(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")


def run(arguments: Namespace) -> int:
    """0 when the file is served as it is now; 1 when it cannot be, and nothing has changed."""
    try:
        answer = ask(arguments.server, "difference" if arguments.dry_run else "reload")
    except NoServer as error:
        return fail(str(error))
    for change in answer["changes"]:
        print(in_line(change))
    if not answer["changes"]:
        print("nothing has changed" if not arguments.dry_run else "nothing would change")
    return 0
