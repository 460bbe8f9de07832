"""Draw the pictures of the documentation anew, as `inferc graph` does.

    python scripts/build_pictures.py [--check]

A picture stands between `<!-- graph: FILE [NAME] -->` and `<!-- end -->`; FILE is an example of that name on
the same page, or counts from the folder of the page. GitHub shows the Mermaid in it as a picture.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

from inferc.compiler.compile import check_file, compile_checked
from inferc.compiler.pictures import picture_of, to_mermaid

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("samples/README.md", "docs/pipelines.md")
MARKED = re.compile(r"(<!-- graph: (\S+)(?: (\S+))? -->\n)(.*?)(<!-- end -->)", re.DOTALL)
EXAMPLE = re.compile(r"^```infer (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 when something is stale")
    check = parser.parse_args().check
    stale = []
    for name in PAGES:
        page = ROOT / name
        before = page.read_text("utf-8")
        after = redrawn(before, page.parent)
        if before != after:
            stale.append(name)
            if not check:
                page.write_text(after, "utf-8")
    if check and stale:
        print(f"stale: {', '.join(stale)}; run `make reference`", file=sys.stderr)
    return 1 if check and stale else 0


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
