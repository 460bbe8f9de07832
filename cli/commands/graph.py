"""`inferc graph`: a picture of deployments, routes and pipelines."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..output import fail
from ..pictures import SUFFIXES, Format, add_output, form_of, write_picture
from ..plans import add_plan, ready_plan

EXAMPLES = """\
  inferc graph shop.infer                        # Mermaid, on standard output
  inferc graph shop.infer reply -o reply.svg     # one pipeline with all that it needs
  inferc graph shop.infer -o shop.png            # svg, png and pdf are drawn by Graphviz
"""

_SUFFIXES: dict[str, str] = {".txt": Format.MERMAID, "": Format.MERMAID} | SUFFIXES


def configure(parser: ArgumentParser) -> None:
    add_plan(parser)
    parser.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        help="a pipeline, route or deployment: draw it with all that it needs, and nothing else",
    )
    add_output(parser, Format.MERMAID)


def run(arguments: Namespace) -> int:
    form = form_of(arguments, _SUFFIXES)
    if form is None:
        return 2
    ready = ready_plan(arguments)
    if isinstance(ready, int):
        return ready
    from ...compiler.pictures import NotThere, picture_of

    try:
        picture = picture_of(ready.plan, arguments.name)
    except NotThere as error:
        return fail(str(error))
    return write_picture(picture, form, arguments)
