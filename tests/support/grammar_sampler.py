"""Random texts made from the grammar: every construct, with odd but allowed spaces, breaks and comments."""

from __future__ import annotations

import random
from functools import cache

import lark

from inferc.dsl.parsing.tokens import KEYWORDS, PUNCTUATION, STARTS_TEST
from inferc.grammar.build import build_grammar
from inferc.grammar.files import GRAMMAR

_SAMPLES: dict[str, list[str]] = {
    "NAME": ["a", "b", "model", "retry", "x_1", "été", "名前"],
    "STRING": [
        '"x"',
        '""',
        '"a${b}c"',
        r'"\n\""',
        '"# no comment"',
        '"""\n    two\n  lines\n  """',
        '"""x"""',
    ],
    "NUMBER": ["1", "10_000", "2.5", "30s", "4GiB", "$100", "95%", "0"],
    "OPERATOR": ["==", "&&", "||", "*", "/", "<=", "!="],
}
_SAMPLES["TEST"] = [STARTS_TEST]
_SAMPLES |= {kind: [word] for word, kind in KEYWORDS.items()}
_SAMPLES |= {kind: [sign] for sign, kind in PUNCTUATION.items() if kind != "OPERATOR"}
_GAPS = [" "] * 12 + [
    "  ",
    "\t",
    "\n",
    "\n",
    "\n\n\n",
    "\r\n",
    " # why\n",
    "\n  #odd\n",
    "\n\n##doc\n\n\n",
    "\f\n",
]
_TIGHT = frozenset("{}()[],=:")


@cache
def grammar() -> lark.Lark:
    """The grammar as Lark reads it."""
    return lark.Lark(GRAMMAR.read_text("utf-8"), parser="lalr", maybe_placeholders=False)


@cache
def _rules() -> tuple[dict[str, list[list[str]]], dict[str, int]]:
    """The alternatives of each rule, and the least depth that each rule needs."""
    alternatives: dict[str, list[list[str]]] = {}
    for rule in build_grammar(GRAMMAR.read_text("utf-8")).rules:
        alternatives.setdefault(rule.origin.name, []).append([symbol.name for symbol in rule.expansion])
    depths: dict[str, int] = {}
    while len(depths) < len(alternatives):
        for name, expansions in alternatives.items():
            known = [
                max((0 if part not in alternatives else depths[part] for part in parts), default=0)
                for parts in expansions
                if all(part not in alternatives or part in depths for part in parts)
            ]
            if known and name not in depths:
                depths[name] = min(known) + 1
    return alternatives, depths


def sample_words(choose: random.Random, size: int) -> list[str]:
    """The tokens of a text that the grammar takes, of about `size` steps of derivation."""
    alternatives, depths = _rules()
    words: list[str] = []
    waiting = ["declaration"] * choose.randint(1, 3)
    while waiting:
        name = waiting.pop()
        if name not in alternatives:
            words.append(choose.choice(_SAMPLES[name]))
            continue
        size -= 1
        choices = alternatives[name]
        if size < 0:
            least = min(_cost(parts, depths) for parts in choices)
            choices = [parts for parts in choices if _cost(parts, depths) == least]
        waiting += reversed(choose.choice(choices))
    return words


def _cost(parts: list[str], depths: dict[str, int]) -> int:
    return max((depths.get(part, 0) for part in parts), default=0)


def sample_text(choose: random.Random, size: int = 60) -> str:
    """The same with gaps between the tokens."""
    pieces = [choose.choice(["", "", "\n\n", "# first\n", "\ufeff"])]
    for word in sample_words(choose, size):
        if pieces[-1] == STARTS_TEST:
            pieces.append(" ")  # its title follows on its line
        elif word == STARTS_TEST:
            pieces.append(choose.choice(["\n", " # why\n", "\n\n  "]))
        elif pieces[-1] in _TIGHT or word in _TIGHT:
            pieces.append(choose.choice(["", *_GAPS]))
        elif len(pieces) > 1:
            pieces.append(choose.choice(_GAPS))
        pieces.append(word)
    return "".join(pieces) + choose.choice(["", "\n", "  # last", "\n\n"])
