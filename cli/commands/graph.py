"""`inferc graph`: a picture of deployments, routes and pipelines."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from enum import StrEnum
from pathlib import Path

from ..files import save
from ..output import fail, misuse
from ..plans import add_plan, plain_name, ready_plan

EXAMPLES = """\
  inferc graph shop.infer                        # Mermaid, on standard output
  inferc graph shop.infer reply -o reply.svg     # one pipeline with all that it needs
  inferc graph shop.infer -o shop.png            # svg, png and pdf are drawn by Graphviz
"""


class Format(StrEnum):
    """How a picture is written."""

    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"
    PNG = "png"
    PDF = "pdf"


_DRAWN = (Format.SVG, Format.PNG, Format.PDF)
"""By Graphviz."""

_SUFFIXES = {
    ".dot": Format.DOT,
    ".gv": Format.DOT,
    ".mmd": Format.MERMAID,
    ".mermaid": Format.MERMAID,
    ".md": Format.MERMAID,
    ".txt": Format.MERMAID,
    "": Format.MERMAID,
} | {f".{form}": form for form in _DRAWN}


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
        "svg, png and pdf need Graphviz",
    )
    parser.add_argument("-o", "--output", metavar="OUT", help="write into this file, not to standard output")


def run(arguments: Namespace) -> int:
    form = _format(arguments.form, arguments.output)
    if form is None:
        endings = ", ".join(each for each in _SUFFIXES if each)
        return misuse(
            f"-o {arguments.output}: no picture has a name that ends so: one of {endings}, or say --format"
        )
    ready = ready_plan(arguments)
    if isinstance(ready, int):
        return ready
    from ...compiler.pictures import NotThere, Picture, is_too_large, picture_of, to_dot, to_mermaid
    from ..graphviz import GraphvizError, drawn

    try:
        picture: Picture = picture_of(ready.plan, arguments.name)
        text: str | bytes
        match form:
            case Format.MERMAID:
                text = to_mermaid(picture)
            case Format.DOT:
                text = to_dot(picture)
            case _:
                text = drawn(to_dot(picture), form)
    except (NotThere, GraphvizError) as error:
        return fail(str(error))
    to_screen = arguments.output in (None, "-")
    if isinstance(text, bytes) and to_screen and sys.stdout.isatty():
        return misuse(
            f"{form} is nothing to read: write it into a file, `-o {plain_name(arguments.file)}.{form}`"
        )
    if isinstance(text, str) and form is Format.MERMAID and is_too_large(picture, text):
        print(
            "note: Mermaid shows no picture of this size unless it is configured to: name a pipeline or a "
            "route to draw a part, or use --format svg",
            file=sys.stderr,
        )
    if to_screen:
        if isinstance(text, str):
            sys.stdout.write(text)
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(text)
        return 0
    return save(Path(arguments.output), text, f"wrote {arguments.output}")


def _format(asked: str | None, output: str | None) -> Format | None:
    """None where the name of the output says nothing that is known."""
    if asked is not None:
        return Format(asked)
    return _SUFFIXES.get(Path(output or "").suffix.lower())
