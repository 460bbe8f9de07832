"""Which features of which client were seen to work with which deployment: the tables of docs/clients.md.

COVERED=notes python -m pytest …           the tests note what they have shown
python covered.py notes docs/clients.md    compares it with the tables (--record: writes them)
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

BEGIN, END = "<!-- made by `make clients RECORD=1` -->\n", "<!-- end -->\n"
TABLES = (
    ("gpt", "claude", "flash", "vllm", "assistant", "local", "echo"),
    ("vectors", "minilm", "ranker", "line"),
)
"""Deployments that share a table."""

FEATURES = ("text", "stream", "goes on", "tools", "forced tool", "refuses tools", "shape")
"""In this order; others come after them."""


def note(client: str, features: Iterable[str], model: str) -> None:
    """Keep that these features of `client` work with `model`, where somebody asks for it."""
    if file := os.environ.get("COVERED"):
        with open(file, "a") as notes:
            notes.writelines(f"{client}\t{feature}\t{model}\n" for feature in features)


def tables(notes: str) -> str:
    """The tables, as Markdown."""
    seen: dict[tuple[str, str], list[str]] = {}
    for client, feature, model in sorted(
        {tuple(line.split("\t")) for line in notes.splitlines()}, key=_place
    ):
        seen.setdefault((client, model), []).append(feature)
    made = []
    for models in TABLES:
        clients = sorted({client for client, model in seen if model in models}, key=str.lower)
        rows = [["client", *(f"`{model}`" for model in models)], ["---"] * (len(models) + 1)]
        rows += [[each, *(", ".join(seen.get((each, model), [])) for model in models)] for each in clients]
        made.append("".join(f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in row)}|\n" for row in rows))
    return "\n" + "\n".join(made) + "\n"


def _place(noted: tuple[str, ...]) -> tuple[int, str]:
    feature = noted[1]
    return FEATURES.index(feature) if feature in FEATURES else len(FEATURES), feature


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("notes", type=Path)
    parser.add_argument("document", type=Path)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    text = options.document.read_text()
    before, _, rest = text.partition(BEGIN)
    old, _, after = rest.partition(END)
    new = tables(options.notes.read_text())
    if options.record:
        options.document.write_text(before + BEGIN + new + END + after)
    elif old != new:
        sys.stdout.writelines(
            difflib.unified_diff(old.splitlines(True), new.splitlines(True), "said", "seen")
        )
        print(f"error: {options.document} says something else than was seen: make clients RECORD=1")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
