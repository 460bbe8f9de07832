"""Text to tokens. Never fails: what no terminal of the grammar matches is a token that no rule accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..late_pattern import late_pattern
from ..possessive import possessive

_DECLARATIONS = "import param let template deployment route pipeline cluster gateway type extern"
_OTHERS = "from as with else match for in if prompt return true false"

DECLARATIONS = frozenset((*_DECLARATIONS.upper().split(), "TEST"))
"""The words that start a declaration."""

KEYWORDS: dict[str, str] = {word: word.upper() for word in f"{_DECLARATIONS} {_OTHERS}".split()}

STARTS_TEST = "test"
"""Starts a declaration as the first word of a line on which a text follows; else it is a name like others."""

PUNCTUATION: dict[str, str] = {
    "{": "LBRACE",
    "}": "RBRACE",
    "(": "LPAR",
    ")": "RPAR",
    "[": "LSQB",
    "]": "RSQB",
    "=": "EQUAL",
    ",": "COMMA",
    ":": "COLON",
    ".": "DOT",
    "->": "ARROW",
    "=>": "FAT_ARROW",
    "|": "VBAR",
    "<": "LESSTHAN",
    ">": "MORETHAN",
    "?": "QMARK",
    "+": "PLUS",
    "-": "MINUS",
    "!": "BANG",
    "~": "TILDE",
} | dict.fromkeys(("..", "==", "!=", "<=", ">=", "&&", "||", "*", "/"), "OPERATOR")

_WORDS = KEYWORDS | PUNCTUATION

CLOSER_OF = {"LBRACE": "RBRACE", "LPAR": "RPAR", "LSQB": "RSQB"}
"""Brackets that open, and what closes each."""

CLOSERS = frozenset(CLOSER_OF.values())

_SPACES = r"[ \t\r\n\f]*+"
_GAP = rf"{_SPACES}(?:(?:#[^\n]*+|\uFEFF){_SPACES})*+"
_NAME = r"[^\W\d]\w*+"
_STRING = r'"""(?:[^"\\]++|\\[\s\S]|"(?!""))*+"""|"(?!"")(?:[^"\\\n]++|\\.)*+"'
_NUMBER = r"\$?\d[\d_]*+(?:\.\d[\d_]*+)?[A-Za-z%]*+(?:\d[\d_]*+(?:\.\d[\d_]*+)?[A-Za-z]++)*+\$?"
_PUNCTUATION = r"->|=>|\.\.|==|!=|<=|>=|&&|\|\||[{}()\[\]=,:.|<>?+\-!*/~]"

_WRONG_COMMENT = (
    r"(?<!:)//[^\n]*+|/\*(?:[^*]++|\*(?!/))*+(?:\*/)?"
    r"|(?<=[ \t])--[ \t]++(?=[^\W\d]\w*+[ \t]++(?!(?:as|else|for|with)\b)\w)[^\n]*+"
    r"|(?<=\" )--[ \t]++(?=[^\W\d])[^\n]*+"
)
"""Comments of other languages. No correct file has two of these signs together, so none is mistaken;
`x -- y` is a difference, and `--` begins a comment before two words of which the second goes on with no
value, or behind a text, from which nothing is taken."""

_TITLE = late_pattern(r'[ \t]*+"')

_TOKEN = re.compile(
    possessive(
        f"{_GAP}(?:(?P<NAME>{_NAME})|(?P<WRONG_COMMENT>{_WRONG_COMMENT})|(?P<PUNCTUATION>{_PUNCTUATION})"
        f"|(?P<NUMBER>{_NUMBER})|(?P<STRING>{_STRING})|\\Z|(?P<MISTAKE>))"
    )
)
_MISTAKE = late_pattern(
    f"{_GAP}(?:"
    r"(?P<OPEN_LONG_TEXT>\"\"\"[\s\S]*+)"
    r"|(?P<OPEN_TEXT>\"[^\n]*+)"
    r"|(?P<WRONG_QUOTES>'(?:[^'\\\n]|\\.)*+'|[“”„][^“”„\n]*+[“”]|[‘’‚][^‘’‚\n]*+[‘’]|«[^«»\n]*+»|`[^`\n]*+`)"
    r"|(?P<OPEN_QUOTES>'[^\n]*+)"
    r"|(?P<UNKNOWN>[;@^`\\&$%]|[^\w\s;@~^`\\&$%'\"#{}()\[\]=,:.|<>?+\-!*/]++|[\s\S]))"
)
"""What stands where no token does."""


class Token:
    """One token: `type` is the grammar's name of the terminal, `start` and `end` are offsets."""

    __slots__ = ("end", "start", "text", "type")

    def __init__(
        self,
        type: str,
        text: str,
        start: int,
        end: int,
    ) -> None:
        self.type = type
        self.text = text
        self.start = start
        self.end = end

    def __repr__(self) -> str:
        return f"Token({self.type}, {self.text!r}, {self.start})"


def tokenize(text: str, begin: int = 0) -> Iterator[Token]:
    """The tokens of `text` from `begin` on, without spaces and comments, then one `$END`."""
    words = _WORDS
    position = begin
    while True:
        for found in _TOKEN.finditer(text, position):
            kind = found.lastgroup
            if kind is None:
                position = found.end()
                yield Token("$END", "", position, position)
                return
            start, position = found.span(kind)
            word = text[start:position]
            kind = words.get(word, kind)
            if word == STARTS_TEST and _starts_test(text, start, position):
                kind = "TEST"
            elif kind == "MISTAKE":
                break
            yield Token(kind, word, start, position)
        mistake = _MISTAKE.match(text, position)
        assert mistake is not None
        assert mistake.lastgroup is not None
        start, position = mistake.span(mistake.lastgroup)
        yield Token(mistake.lastgroup, text[start:position], start, position)


def _starts_test(text: str, start: int, end: int) -> bool:
    before = text[text.rfind("\n", 0, start) + 1 : start]
    return not before.strip(" \t\f\ufeff") and _TITLE.match(text, end) is not None
