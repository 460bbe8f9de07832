"""Draw the pictures of the documentation anew, as `inferc graph` and `inferc flows` do.

    python scripts/build_pictures.py [--check]

A picture stands between `<!-- graph: FILE [NAME] -->`, or `flows`, and `<!-- end -->`; FILE is an example of
that name on the same page, or counts from the folder of the page. GitHub shows its Mermaid as a picture.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from _written import ROOT, only_check, put, status

from inferc.compiler.analysis.flows import trace
from inferc.compiler.compile import Checked, check_file, compile_checked
from inferc.compiler.lowering.lower import outline
from inferc.compiler.pictures import Picture, picture_of, picture_of_flows, to_mermaid

PAGES = ("samples/README.md", "docs/language.md", "docs/outage.md", "docs/pipelines.md")
MARKED = re.compile(r"(<!-- (graph|flows): (\S+)(?: (\S+))? -->\n)(.*?)(<!-- end -->)", re.DOTALL)
EXAMPLE = re.compile(r"^```(?:infer|text) (\S+\.infer)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def main() -> int:
    check = only_check(__doc__)
    pages = ((page := ROOT / name, redrawn(page.read_text("utf-8"), page.parent)) for name in PAGES)
    return status(list(put(pages, check)), check, "reference")


def redrawn(text: str, folder: Path) -> str:
    """`text`, a page in `folder`, with every marked picture drawn anew."""

    def as_mermaid(found: re.Match[str], picture: Picture) -> str:
        return f"{found[1]}\n```mermaid\n{to_mermaid(picture)}```\n\n{found[6]}"

    return with_pictures(text, folder, as_mermaid)


def with_pictures(text: str, folder: Path, write: Callable[[re.Match[str], Picture], str]) -> str:
    """`text`, a page in `folder`, with what `write` makes of every marked picture."""
    with tempfile.TemporaryDirectory(prefix="examples-") as made:
        examples = Path(made)
        (examples / "models").symlink_to(ROOT / "samples" / "models")
        for name, example in EXAMPLE.findall(text):
            (examples / name).write_text(example, "utf-8")

        def draw(found: re.Match[str]) -> str:
            example = examples / found[3]
            file = example if example.exists() else folder / found[3]
            return write(found, _drawn(file, found[2], found[4]))

        return MARKED.sub(draw, text)


def _drawn(file: Path, what: str, name: str | None) -> Picture:
    checked = check_file(file.name, file)
    if any(each.is_error and (what, each.code) != ("flows", "E0440") for each in checked.diagnostics):
        raise SystemExit(f"error: {file} has errors; `inferc check {file}` shows them")
    draw = _flows if what == "flows" else _graph
    return draw(checked, file.parent, name)


def _graph(checked: Checked, folder: Path, name: str | None) -> Picture:
    return picture_of(compile_checked(checked, folder), name)


def _flows(checked: Checked, folder: Path, name: str | None) -> Picture:
    assert checked.program is not None
    plan = outline(checked.program)
    return picture_of_flows(plan, trace(plan), name)


if __name__ == "__main__":
    sys.exit(main())
