"""What can be written: the Lark grammar of `.infer`, and its LALR tables, built ahead.

`tables.json` is made from `infer.lark` by `python -m inferc.grammar.build`; tables that do not belong
to the grammar beside them are never used, they are built anew.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson

from .files import GRAMMAR, START, TABLES, fingerprint

PLAIN = "first"
"""The callback of rules that give their first part as it is."""


class Nonterminal:
    """What a rule defines."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Rule:
    """One alternative of the grammar, as Lark's parser reads it; compared by identity, which is quick.

    callback: the name after the arrow in the grammar. symbol: the name of what it defines. cut: where its
    parts begin, counted from the end of the stacks. is_plain: whether it has one part, which stands for it.
    """

    __slots__ = ("callback", "cut", "expansion", "is_plain", "origin", "symbol")

    def __init__(self, origin: Nonterminal, size: int, callback: str) -> None:
        self.origin = origin
        self.symbol = origin.name
        self.expansion = range(size)
        self.cut = -size
        self.callback = callback
        self.is_plain = size == 1 and callback == PLAIN


class Tables:
    """An LALR parse table in the form that Lark's parser takes, and the rules that it reduces by."""

    __slots__ = ("end_states", "rules", "start_states", "states")

    def __init__(self, stored: dict[str, Any]) -> None:
        from lark.parsers.lalr_analysis import Reduce, Shift

        origins = [Nonterminal(name) for name in stored["origins"]]
        self.rules = [Rule(origins[origin], size, callback) for origin, size, callback in stored["rules"]]
        rows, symbols = stored["states"], stored["symbols"]
        reduces = [(Reduce, rule) for rule in self.rules]
        actions: list[tuple[Any, Any]] = [*((Shift, state) for state in range(len(rows))), *reversed(reduces)]
        self.states: list[dict[str, tuple[Any, Any]]] = [
            {symbols[symbol]: actions[target] for symbol, target in zip(*row, strict=True)} for row in rows
        ]
        self.start_states = {START: stored["start"]}
        self.end_states = {START: stored["end"]}


@cache
def load_tables() -> Tables:
    """The tables of the language."""
    text = GRAMMAR.read_text("utf-8")
    try:
        stored = orjson.loads(TABLES.read_bytes())
    except (OSError, ValueError):
        stored = None
    if stored is None or stored["grammar"] != fingerprint(text):
        from .build import build_tables

        stored = build_tables(text)
    return Tables(stored)
