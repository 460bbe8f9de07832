"""The classes of a text's tokens, as each kind of editor sees them, in one form that can be compared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

Spans = Iterable[tuple[int, int, str]]
"""Start, end and class of pieces of a text, in characters; later ones lie on top of earlier ones."""

WORDY = frozenset({"comment", "doc", "string", "template", "interpolation"})
"""Classes whose tokens hold blanks."""


def listed(text: str, spans: Spans) -> str:
    """One line for each token: its line in the text, its class, and what it says."""
    lines = [f"{number:>3} {role:<13} {token}" for number, role, token in tokens(text, spans)]
    return "\n".join(lines) + "\n"


def tokens(text: str, spans: Spans) -> Iterator[tuple[int, str, str]]:
    """Line, class and text of each token. Pieces of one class that touch are one token; lines end tokens."""
    roles = ["name"] * len(text)
    for start, end, role in spans:
        roles[start:end] = [role] * (end - start)
    start = 0
    for number, line in enumerate(re.split(r"(?<=\n)", text), 1):
        at = 0
        while at < len(line):
            role = roles[start + at]
            end = at + 1
            while end < len(line) and _goes_on(role, roles[start + end], line[end]):
                end += 1
            token = line[at:end]
            if token.strip():
                yield number, role, token.strip()
            at = end
        start += len(line)


def _goes_on(role: str, next_role: str, next_char: str) -> bool:
    if next_char.isspace():
        return role in WORDY and next_role == role
    return next_role == role
