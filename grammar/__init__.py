"""What can be written: the Lark grammar of `.infer`, and the LALR tables that Lark makes of it, ahead.

`tables.json` is made from `infer.lark` by `python -m inferc.grammar.build`; tables that do not belong
to the grammar beside them are never used, they are built anew.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from .files import GRAMMAR, TABLES, fingerprint


class Rule:
    """One alternative of the grammar; compared by identity, which is quick.

    origin: what it defines. size: of how many things. callback: the name after the arrow in the grammar.
    """

    __slots__ = ("callback", "origin", "passes", "size")

    def __init__(self, origin: str, size: int, callback: str) -> None:
        self.origin = origin
        self.size = size
        self.callback = callback
        self.passes = size == 1 and callback == "first"
        """Whether it is nothing but the one thing in it."""


class Tables:
    """An LALR parse table, and the rules that it reduces by."""

    __slots__ = ("end", "rules", "start", "states")

    def __init__(self, stored: dict[str, Any]) -> None:
        origins, symbols = stored["origins"], stored["symbols"]
        self.rules = [Rule(origins[origin], size, callback) for origin, size, callback in stored["rules"]]
        self.states: list[dict[str, Any]] = [
            {symbols[s]: target if target >= 0 else self.rules[~target] for s, target in pairs}
            for pairs in stored["states"]
        ]
        """For each state what a symbol does: the number of the next one, or the rule to reduce by."""
        self.start: int = stored["start"]
        self.end: int = stored["end"]


@cache
def load_tables() -> Tables:
    """The tables of the language."""
    text = GRAMMAR.read_text("utf-8")
    try:
        stored = json.loads(TABLES.read_text("utf-8"))
    except (OSError, ValueError):
        stored = None
    if stored is None or stored["grammar"] != fingerprint(text):
        from .build import build_tables

        stored = build_tables(text)
    return Tables(stored)
