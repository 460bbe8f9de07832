"""`inferc graph`: a picture of deployments, routes and pipelines."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from enum import StrEnum
from pathlib import Path

from ..files import save
from ..output import fail
from ..plans import add_plan, ready_plan

EXAMPLES = """\
  inferc graph shop.infer                        # Mermaid, on standard output
  inferc graph shop.infer reply -o reply.svg     # one pipeline with all that it needs
  inferc graph shop.infer --format dot | dot -Tpng > shop.png
"""


class Format(StrEnum):
    """How a picture is written."""

    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"


_SUFFIXES = {".dot": Format.DOT, ".gv": Format.DOT, ".svg": Format.SVG}


def configure(parser: ArgumentParser) -> None:
    add_plan(parser)
    parser.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        help="a pipeline, route or deployment: draw it with all that it needs, and nothing else",
    )
    parser.add_argument(
        "--format",
        dest="form",
        choices=[form.value for form in Format],
        help="how the picture is written (default: as the name of the output ends, else mermaid); "
        "svg needs Graphviz",
    )
    parser.add_argument("-o", "--output", metavar="OUT", help="write into this file, not to standard output")


def run(arguments: Namespace) -> int:
    ready = ready_plan(arguments)
    if isinstance(ready, int):
        return ready
    from ...compiler.pictures import NotThere, Picture, is_too_large, picture_of, to_dot, to_mermaid
    from ..graphviz import GraphvizError, drawn_as_svg

    form = _format(arguments.form, arguments.output)
    try:
        picture: Picture = picture_of(ready.plan, arguments.name)
        match form:
            case Format.MERMAID:
                text = to_mermaid(picture)
            case Format.DOT:
                text = to_dot(picture)
            case Format.SVG:
                text = drawn_as_svg(to_dot(picture))
    except (NotThere, GraphvizError) as error:
        return fail(str(error))
    if form is Format.MERMAID and is_too_large(picture, text):
        print(
            "note: Mermaid shows no picture of this size unless it is configured to: name a pipeline or a "
            "route to draw a part, or use --format svg",
            file=sys.stderr,
        )
    if arguments.output is None or arguments.output == "-":
        sys.stdout.write(text)
        return 0
    return save(Path(arguments.output), text, f"wrote {arguments.output}")


def _format(asked: str | None, output: str | None) -> Format:
    if asked is not None:
        return Format(asked)
    return _SUFFIXES.get(Path(output or "").suffix.lower(), Format.MERMAID)
