"""What the scripts that write files have in common: to write them, or with `--check` only to compare."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def only_check(doc: str | None) -> bool:
    """Whether the command line has `--check`. doc: of the script."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 when something is stale")
    return parser.parse_args().check is True


def put(texts: Iterable[tuple[Path, str]], check: bool) -> Iterator[str]:
    """The names of files that differ from their text; unless `check`, they get it."""
    for path, text in texts:
        if path.exists() and path.read_text("utf-8") == text:
            continue
        yield path.relative_to(ROOT).as_posix()
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")


def status(stale: list[str], check: bool, target: str) -> int:
    """The exit status of the script. target: of `make`, which writes the files."""
    if check and stale:
        print(f"stale: {', '.join(stale)}; run `make {target}`", file=sys.stderr)
    return 1 if check and stale else 0
