"""Groups that match as much as they can and give nothing back, `(?:…)*+`, in a Python that gets them wrong.

`re` of Python 3.11.0 to 3.11.4 (Debian 12 has 3.11.2) finds less than such a group matches, or raises
SystemError. There they are written as atomic groups, `(?>(?:…)*)`, which mean the same, are right, and take
more memory. Source: https://github.com/python/cpython/issues/106052.
"""

from __future__ import annotations

import re
import sys
from typing import AnyStr

IS_RIGHT = sys.version_info >= (3, 11, 5)

_PIECE = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[^\\\[()]+"
    r"|(?P<open>\()|\)(?P<many>[*+?]|\{[\d,]+\})\+|(?P<close>\))",
    re.DOTALL,
)


def possessive(pattern: AnyStr) -> AnyStr:
    """`pattern` as this Python understands it."""
    if IS_RIGHT:
        return pattern
    if isinstance(pattern, bytes):
        return as_atomic(pattern.decode("latin-1")).encode("latin-1")
    return as_atomic(pattern)


def as_atomic(pattern: str) -> str:
    """`pattern` with atomic groups where it has possessive ones."""
    written: list[str] = []
    opened: list[int] = []
    for piece in _PIECE.finditer(pattern):
        text = piece[0]
        if piece["open"]:
            opened.append(len(written))
        elif piece["close"]:
            opened.pop()
        elif piece["many"]:
            written[opened.pop()] = "(?>("
            text = f"){piece['many']})"
        written.append(text)
    return "".join(written)
