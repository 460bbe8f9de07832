"""The comments that document a declaration."""

from __future__ import annotations


def doc_comment(text: str, start: int) -> str:
    """The doc comment above the declaration that starts at `start`, empty when there is none."""
    lines: list[str] = []
    position = text.rfind("\n", 0, start)
    while position >= 0:
        above = text.rfind("\n", 0, position)
        line = text[above + 1 : position].strip()
        if not line.startswith("##"):
            break
        lines.append(line[2:].strip())
        position = above
    return "\n".join(reversed(lines))
