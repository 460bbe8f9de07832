"""Tokens in the user's words: what was found, and what could have stood there."""

from __future__ import annotations

from collections.abc import Sequence

from .late_pattern import late_pattern
from .parsing.tokens import DECLARATIONS, KEYWORDS, PUNCTUATION, Token
from .secrets.texts import veiled
from .suggest import either

_IDENTIFIER = late_pattern(r"[^\W\d]\w*")
_CHARACTERS = {value: key for key, value in PUNCTUATION.items() if value != "OPERATOR"}
_VALUE_STARTS = {
    "NUMBER",
    "STRING",
    "TRUE",
    "FALSE",
    "NAME",
    "LSQB",
    "LPAR",
    "MINUS",
    "BANG",
    "PROMPT",
    "MATCH",
    "IF",
}
_CONTINUATIONS = {"OPERATOR", "PLUS", "MINUS", "LESSTHAN", "MORETHAN", "ELSE", "DOT", "LPAR", "WITH", "AS"}

DECLARATION_WORDS = ", ".join(f"`{word}`" for word, kind in KEYWORDS.items() if kind in DECLARATIONS)


def found_words(token: Token) -> str:
    """A token in the user's words."""
    match token.type:
        case "$END":
            return "the end of the file"
        case "STRING":
            return "a text"
        case "NUMBER":
            return f"the number `{shorten(token.text)}`"
        case kind if token.text in KEYWORDS and kind == KEYWORDS[token.text]:
            return f"the reserved word `{token.text}`"
        case _:
            return f"`{shorten(token.text)}`"


def expected_words(expected: set[str]) -> str:
    """What could have stood here, in the user's words."""
    for kinds, phrase in _EXPECTATIONS:
        if kinds <= expected:
            return phrase
    left = expected - _CONTINUATIONS if {"OPERATOR", "PLUS"} <= expected else set(expected)
    words = []
    if {"NUMBER", "PROMPT"} <= left:
        words.append("a value")
        left -= _VALUE_STARTS
    if "NAME" in left:
        words.append("a name")
        left -= {"NAME", "STRING"}
    if "STRING" in left:
        words.append("a text")
        left -= {"STRING"}
    words += sorted(
        f"`{_CHARACTERS.get(name) or name.lower()}`" for name in left if name in _CHARACTERS or name.isalpha()
    )
    return either(words[:6]) if words else "something else"


_EXPECTATIONS: tuple[tuple[set[str], str], ...] = (
    ({"DEPLOYMENT"}, "a declaration"),
    ({"RETURN", "RBRACE"}, "a step or `}`"),
    ({"RETURN"}, "a step"),
    ({"NAME", "STRING", "COMMA", "RBRACE", "EQUAL"}, "`=` or `{`"),
    ({"NAME", "EQUAL", "LBRACE"}, "`=` or `{`"),
    ({"NAME", "NUMBER", "TRUE", "RBRACE"}, "a pattern or `}`"),
    ({"NAME", "STRING", "RBRACE"}, "a field or `}`"),
    ({"NAME", "STRING", "LBRACE"}, "a type"),
    ({"STRING", "LBRACE"}, "the name of a file in quotes, or `{`"),
)
"""What some kinds of tokens together are called; the first that is expected whole is said."""


def as_name(text: str) -> str:
    """`text` as a file writes it where a name stands: in quotes where it is no identifier."""
    if _IDENTIFIER.fullmatch(text) and text not in KEYWORDS:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t") + '"'


def show_circle(names: Sequence[str]) -> str:
    """`a → b → a`, the middle of a long circle left out."""
    circle = [*names, names[0]]
    shown = circle if len(circle) <= 12 else [*circle[:6], f"{len(circle) - 11} more", *circle[-5:]]
    return " → ".join(shown)


def shorten(text: str, most: int = 40) -> str:
    """`text` on one line, cut in the middle when it is long."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    line = veiled(line)  # the ends of a key are not known for parts of one
    return f"{line[: most // 2]}…{line[-most // 4 :]}"
