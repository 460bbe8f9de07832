"""The value of a mistaken expression."""

from __future__ import annotations

from typing import Final


class Unknown:
    """What a mistaken expression stands for. The mistake is reported; nothing more is said about it."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()
