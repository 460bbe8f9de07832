"""A line of a source file with a mark under what a failure is about."""

from __future__ import annotations

from pathlib import Path

from ...compiler.modules import is_source, read_file
from ...dsl.source import Source


def excerpt_of(base: Path, file: str, line: int, column: int) -> str:
    """Four rows of text, or none where no such source file is there any more. Secrets in the line are hidden.

    base: what `file` is relative to. line, column: count from 1.
    """
    if not is_source(base / file):
        return ""
    try:
        text = read_file(base / file)
    except (OSError, ValueError):
        return ""
    lines = Source(file, text).shown.split("\n")
    if not 1 <= line <= len(lines):
        return ""
    shown = lines[line - 1].rstrip("\r").expandtabs(1)
    gutter = " " * len(str(line))
    mark = " " * (column - 1) + "^"
    return f"{gutter}--> {file}:{line}:{column}\n{gutter} |\n{line} | {shown}\n{gutter} | {mark}\n"
