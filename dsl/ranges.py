"""From one whole number to another: `2..8`."""

from __future__ import annotations

from typing import NamedTuple


class Range(NamedTuple):
    """Any number from `least` to `most`, both included."""

    least: int
    most: int

    def __str__(self) -> str:
        return f"{self.least}..{self.most}"
