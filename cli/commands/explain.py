"""`inferc explain`: what a diagnostic code means, and how to get rid of it."""

from __future__ import annotations

import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from ...dsl.codes import RIGHT, WRONG, Block, Page, explain, known_codes
from ...dsl.render.style import OF_SEVERITY, Piece, Style, paint
from ...dsl.render.wrap import wrap
from ...dsl.suggest import did_you_mean
from ..output import fail, wants_color

EXAMPLES = """\
  inferc explain E0302
  inferc explain e0302 w0210
  inferc explain              # lists all codes
"""

_HEADINGS = {WRONG: "Wrong:", RIGHT: "Right:"}
_INDENT = "    "
_WIDEST = 88


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("codes", metavar="CODE", nargs="*", help="such as E0302; none: list them all")


def run(arguments: Namespace) -> int:
    pages: list[Page] = []
    for code in dict.fromkeys(code.upper() for code in arguments.codes):
        page = explain(code)
        if page is None:
            hint = did_you_mean(code, known_codes()) or "`inferc explain` lists them all"
            return fail(f"there is no code `{code}`: {hint}")
        pages.append(page)
    rows = list(_pages(pages) if pages else _index())
    color = wants_color(sys.stdout)
    print("\n".join(paint(row, color=color) for row in rows))
    return 0


def _index() -> Iterator[list[Piece]]:
    for code in known_codes():
        page = explain(code)
        assert page is not None
        yield [(code, OF_SEVERITY[page.severity]), (f"  {page.title}", Style.PLAIN)]


def _pages(pages: list[Page]) -> Iterator[list[Piece]]:
    width = min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns)
    for index, page in enumerate(pages):
        if index:
            yield from ([], [])
        style = OF_SEVERITY[page.severity]
        yield [(f"{page.severity}[{page.code}]", style), (f": {page.title}", Style.BOLD)]
        for block in page.blocks():
            yield []
            yield from _prose(block.text, width) if block.mark is None else _code(block)


def _prose(text: str, width: int) -> Iterator[list[Piece]]:
    for index, paragraph in enumerate(text.split("\n\n")):
        if index:
            yield []
        for line in wrap(" ".join(paragraph.split("\n")), width):
            yield [(line, Style.PLAIN)]


def _code(block: Block) -> Iterator[list[Piece]]:
    heading = f"With {block.name}:" if block.name else _HEADINGS.get(block.mark or "")
    if heading:
        yield [(heading, Style.BOLD)]
        yield []
    for line in block.text.splitlines():
        yield [(f"{_INDENT}{line}", Style.PLAIN)]
