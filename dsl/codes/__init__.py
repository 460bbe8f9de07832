"""The page of each diagnostic code: what goes wrong, an example that gets it, and one that does not.

A page is a Markdown file beside this module. Its first line is `# CODE: title`. A fence marked
`infer-wrong` holds the example that gets the code, one marked `infer` the example that is right; a
name after the mark (`infer limits.infer`) makes it another file that the example needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from ..diagnostics import Severity
from ..record import frozen

WRONG, RIGHT = "infer-wrong", "infer"

_PAGES = Path(__file__).parent
_SEVERITIES = {"E": Severity.ERROR, "W": Severity.WARNING, "N": Severity.NOTE}
_FENCE = re.compile(r"^```(?P<mark>[\w-]*) ?(?P<name>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@frozen
class Block:
    """A part of a page: prose, with line breaks as written, or what stands between fences.

    mark: None for prose. name: the file that a fence stands for, empty for the example itself.
    """

    text: str
    mark: str | None = None
    name: str = ""


@frozen
class Example:
    """A file, and the files it needs beside it, by their paths."""

    text: str
    files: Mapping[str, str]


@frozen
class Page:
    """What is to be known about one code. Without examples, the body says how to get there."""

    code: str
    severity: Severity
    title: str
    body: str
    wrong: Example | None
    right: Example | None

    def blocks(self) -> Iterator[Block]:
        """The parts of the body from top to bottom."""
        return _blocks(self.body)


@cache
def known_codes() -> tuple[str, ...]:
    """Every code that has a page, by number."""
    return tuple(sorted((page.stem for page in _PAGES.glob("*.md")), key=lambda code: (code[1:], code)))


def explain(code: str) -> Page | None:
    """The page of `code`, None when there is no such code."""
    return _read(code) if code in known_codes() else None


def page_path(code: str) -> Path | None:
    """The file of the page of `code`, None when there is no such code."""
    return _PAGES / f"{code}.md" if code in known_codes() else None


@cache
def _read(code: str) -> Page:
    heading, _, body = (_PAGES / f"{code}.md").read_text(encoding="utf-8").partition("\n")
    body = body.strip("\n")
    right = _files(body, RIGHT)
    wrong = _files(body, WRONG)
    return Page(
        code=code,
        severity=_SEVERITIES[code[0]],
        title=heading.removeprefix(f"# {code}: "),
        body=body,
        wrong=_example(right | wrong) if "" in wrong else None,
        right=_example(right) if "" in right else None,
    )


def _files(body: str, mark: str) -> dict[str, str]:
    return {block.name: block.text for block in _blocks(body) if block.mark == mark}


def _example(files: dict[str, str]) -> Example:
    """The example and its files; the wrong one also has those of the right one that it does not replace."""
    return Example(files[""], {name: text for name, text in files.items() if name})


def _blocks(body: str) -> Iterator[Block]:
    position = 0
    for fence in _FENCE.finditer(body):
        prose = body[position : fence.start()].strip("\n")
        if prose:
            yield Block(prose)
        yield Block(fence["text"], fence["mark"], fence["name"])
        position = fence.end()
    rest = body[position:].strip("\n")
    if rest:
        yield Block(rest)
