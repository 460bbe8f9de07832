"""How pictures are written: in which format, and where to."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from .files import save
from .output import fail, misuse
from .plans import plain_name

if TYPE_CHECKING:
    from ..compiler.pictures import Picture


class Format(StrEnum):
    """How a picture is written."""

    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"
    PNG = "png"
    PDF = "pdf"


_DRAWN = (Format.SVG, Format.PNG, Format.PDF)
"""By Graphviz."""

SUFFIXES: dict[str, str] = {
    ".dot": Format.DOT,
    ".gv": Format.DOT,
    ".mmd": Format.MERMAID,
    ".mermaid": Format.MERMAID,
    ".md": Format.MERMAID,
    **{f".{form}": form for form in _DRAWN},
}


def add_output(parser: ArgumentParser, default: str, others: tuple[str, ...] = ()) -> None:
    """`--format` and `-o`. others: formats that are no pictures."""
    parser.add_argument(
        "--format",
        dest="form",
        choices=[*others, *(form.value for form in Format)],
        help=f"how it is written (default: as the name of the output ends, else {default}); "
        "svg, png and pdf need Graphviz",
    )
    parser.add_argument("-o", "--output", metavar="OUT", help="write into this file, not to standard output")


def form_of(arguments: Namespace, suffixes: dict[str, str]) -> str | None:
    """The format that is asked for; None, and said, where the name of the output ends like none."""
    if arguments.form is not None:
        return str(arguments.form)
    if (form := suffixes.get(Path(arguments.output or "").suffix.lower())) is not None:
        return form
    endings = ", ".join(each for each in suffixes if each)
    misuse(
        f"-o {arguments.output}: nothing is written to a name that ends so: one of {endings}, or say --format"
    )
    return None


def write_picture(picture: Picture, form: str, arguments: Namespace) -> int:
    """Write it where the command line says; gives the exit status."""
    from ..compiler.pictures import is_too_large, to_dot, to_mermaid
    from .graphviz import GraphvizError, drawn

    try:
        text: str | bytes
        match form:
            case Format.MERMAID:
                text = to_mermaid(picture)
            case Format.DOT:
                text = to_dot(picture)
            case _:
                text = drawn(to_dot(picture), form)
    except GraphvizError as error:
        return fail(str(error))
    if isinstance(text, bytes) and is_to_screen(arguments) and sys.stdout.isatty():
        return misuse(
            f"{form} is nothing to read: write it into a file, `-o {plain_name(arguments.file)}.{form}`"
        )
    if isinstance(text, str) and form == Format.MERMAID and is_too_large(picture, text):
        print(
            "note: Mermaid shows no picture of this size unless it is configured to: name a pipeline or a "
            "route to draw a part, or use --format svg",
            file=sys.stderr,
        )
    return write(text, arguments)


def is_to_screen(arguments: Namespace) -> bool:
    """Whether nothing is written into a file."""
    return arguments.output in (None, "-")


def write(text: str | bytes, arguments: Namespace) -> int:
    """Put `text` where the command line says; gives the exit status."""
    if not is_to_screen(arguments):
        return save(Path(arguments.output), text)
    if isinstance(text, str):
        sys.stdout.write(text)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(text)
    return 0
