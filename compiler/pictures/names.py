"""Identifiers that no format takes for anything else, and texts that fit into a vertex."""

from __future__ import annotations

import re

from attrs import field

from ...dsl.record import define

LONGEST = 60
"""Characters of a line; longer ones are cut."""


@define
class Names:
    """Gives everything in a plan an identifier; a prefix keeps it apart from reserved words."""

    _taken: set[str] = field(factory=set)

    def of(self, *parts: str) -> str:
        """An identifier of ASCII letters, digits and `_` that was not given before."""
        plain = "_".join(re.sub(r"[^A-Za-z0-9]+", "_", part).strip("_") or "x" for part in parts)
        name, number = plain, 1
        while name in self._taken:
            number += 1
            name = f"{plain}_{number}"
        self._taken.add(name)
        return name


def shortened(text: str, longest: int = LONGEST) -> str:
    """`text` on one line, what cannot be shown replaced, and cut when it is too long."""
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return shown if len(shown) <= longest else shown[: longest - 1].rstrip() + "…"
