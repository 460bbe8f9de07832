"""The one table of words and signs that every editor grammar is made from.

`words.json` is written by `scripts/build_grammars.py` (`make grammars`): from `infer.lark` what can be
written, and from the classes of `dsl/` which words a field takes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .files import GRAMMAR

WORDS = Path(__file__).with_name("words.json")

BRACKETS = ("{", "}", "(", ")", "[", "]")
SEPARATORS = (",", ":", ".")

STRATEGY_WORDS = ("by", "after", "accept")
"""What may follow the members of a route; plain names elsewhere."""

NAME = r"[^\W\d]\w*"
DIGITS = r"\d[\d_]*(?:\.\d[\d_]*)?"
UNIT = r"(?:[A-Za-z%]+\$?|\$)?"
PARTS = rf"(?:{DIGITS}[A-Za-z]+)*"
NUMBER = rf"\$?{DIGITS}[A-Za-z%]*{PARTS}\$?"
COMMENT = r"#[^\n]*"
"""The terminals of `infer.lark` that are no fixed words; a number is taken apart into digits and unit."""


@dataclass(frozen=True)
class Words:
    """Words by what they do.

    keywords: all reserved words but the constants. naming: those that a name follows, which they declare.
    operators: every sign but brackets and separators, the longest first.
    enum_fields: fields that take a word of the closed vocabularies; enum_words: those words.
    """

    keywords: tuple[str, ...]
    constants: tuple[str, ...]
    declaring: tuple[str, ...]
    naming: tuple[str, ...]
    operators: tuple[str, ...]
    enum_fields: tuple[str, ...]
    enum_words: tuple[str, ...]


@cache
def load_words() -> Words:
    """The table, as `words.json` holds it."""
    return Words(**{key: tuple(words) for key, words in json.loads(WORDS.read_text("utf-8")).items()})


def words_of_the_grammar() -> dict[str, list[str]]:
    """What `infer.lark` says; the constants are the words that stand for a value."""
    from .build import build_grammar

    grammar: Any = build_grammar(GRAMMAR.read_text("utf-8"))
    fixed = {t.name: t.pattern.value for t in grammar.terminals if type(t.pattern).__name__ == "PatternStr"}
    words = {name: text for name, text in fixed.items() if text.isalpha()}
    signs = {text for text in fixed.values() if not text.isalpha()} | _operators()
    starts = [
        [symbol.name for symbol in rule.expansion]
        for rule in grammar.rules
        if rule.origin.name == "declaration"
    ]
    constants = [words["TRUE"], words["FALSE"]]
    return {
        "keywords": [word for word in words.values() if word not in constants],
        "constants": constants,
        "declaring": _unique(words[first] for first, *_ in starts),
        "naming": _unique(words[first] for first, second, *_ in starts if second in ("NAME", "name")),
        "operators": sorted(signs - {*BRACKETS, *SEPARATORS}, key=lambda sign: (-len(sign), sign)),
    }


def _operators() -> set[str]:
    """The signs of the terminal OPERATOR, which Lark holds as one pattern."""
    [line] = [text for text in GRAMMAR.read_text("utf-8").splitlines() if text.startswith("OPERATOR")]
    return set(line.split('"')[1::2])


def _unique(words: Any) -> list[str]:
    return list(dict.fromkeys(words))
