"""Write `docs/errors.md` from the pages of the diagnostic codes.

    python scripts/build_errors.py [--check]

`--check` writes nothing, and fails when the file is not what the pages make it.
"""

from __future__ import annotations

import sys

from _written import ROOT, only_check, put, status

from inferc.dsl.codes import RIGHT, WRONG, Block, Page, explain, known_codes

OUTPUT = ROOT / "docs" / "errors.md"

CHAPTERS = {
    "00": "The file itself",
    "01": "How a file is written",
    "02": "Names, fields and imports",
    "03": "Values",
    "04": "Settings that make no sense together",
    "05": "Models and tokenizers",
    "06": "Types, routes and pipelines",
    "07": "Tests",
}
"""The chapters, by the first two digits of their codes."""

_HEADINGS = {WRONG: "Wrong:", RIGHT: "Right:"}

_INTRODUCTION = """\
# Errors, warnings and notes

Every finding of `inferc` has a code. `inferc explain E0302` prints the same page in a terminal.
Codes that start with `E` are errors: nothing is compiled until they are gone. `W` is a warning, `N` a note.

<!-- Written by scripts/build_errors.py from the pages in dsl/codes: change those. -->
"""


def main() -> int:
    check = only_check(__doc__)
    return status(list(put([(OUTPUT, build())], check)), check, "reference")


def build() -> str:
    """The whole document."""
    pages = [page for code in known_codes() if (page := explain(code)) is not None]
    parts = [_INTRODUCTION]
    for digits in sorted({page.code[1:3] for page in pages}):
        chapter = [page for page in pages if page.code[1:3] == digits]
        rows = "\n".join(f"| [{page.code}](#{page.code.lower()}) | {_cell(page.title)} |" for page in chapter)
        parts.append(f"## {CHAPTERS[digits]}\n\n| code | what it says |\n| --- | --- |\n{rows}\n")
        parts += [section(page) for page in chapter]
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def section(page: Page) -> str:
    """What stands below the heading of a code, and that."""
    blocks = "\n\n".join(_block(block) for block in page.blocks())
    return f"### {page.code}\n\n**{page.title}** ({page.severity})\n\n{blocks}\n"


def _block(block: Block) -> str:
    if block.mark is None:
        return block.text
    heading = f"With `{block.name}`:" if block.name else _HEADINGS.get(block.mark, "")
    language = (
        "text" if block.name and not block.name.endswith(".infer") else block.mark.removesuffix("-wrong")
    )
    return f"{heading}\n\n```{language}\n{block.text}```".lstrip("\n")


if __name__ == "__main__":
    sys.exit(main())
