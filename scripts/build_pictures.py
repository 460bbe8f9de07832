"""Draw the pictures of the documentation anew, as `inferc graph` does.

    python scripts/build_pictures.py [--check]

A picture stands between `<!-- graph: FILE [NAME] -->` and `<!-- end -->`; FILE is an example of that name on
the same page, or counts from the folder of the page. GitHub shows the Mermaid in it as a picture.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from _written import ROOT, only_check, put, status

from inferc.compiler.compile import check_file, compile_checked
from inferc.compiler.pictures import picture_of, to_mermaid

PAGES = ("samples/README.md", "docs/pipelines.md")
MARKED = re.compile(r"(<!-- graph: (\S+)(?: (\S+))? -->\n)(.*?)(<!-- end -->)", re.DOTALL)
EXAMPLE = re.compile(r"^```infer (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def main() -> int:
    check = only_check(__doc__)
    pages = ((page := ROOT / name, redrawn(page.read_text("utf-8"), page.parent)) for name in PAGES)
    return status(list(put(pages, check)), check, "reference")


def redrawn(text: str, folder: Path) -> str:
    """`text`, a page in `folder`, with every marked picture drawn anew."""
    with tempfile.TemporaryDirectory(prefix="examples-") as made:
        examples = Path(made)
        (examples / "models").symlink_to(ROOT / "samples" / "models")
        for name, example in EXAMPLE.findall(text):
            (examples / name).write_text(example, "utf-8")

        def draw(found: re.Match[str]) -> str:
            example = examples / found[2]
            file = example if example.exists() else folder / found[2]
            return f"{found[1]}\n```mermaid\n{_drawn(file, found[3])}```\n\n{found[5]}"

        return MARKED.sub(draw, text)


def _drawn(file: Path, name: str | None) -> str:
    checked = check_file(file.name, file)
    if not checked.ok:
        raise SystemExit(f"error: {file} has errors; `inferc check {file}` shows them")
    return to_mermaid(picture_of(compile_checked(checked, file.parent), name))


if __name__ == "__main__":
    sys.exit(main())
