"""What stands around a place in a text that may be half typed, found from tokens alone."""

from __future__ import annotations

import re
from enum import Enum

from attrs import field

from ..dsl.lines import indentation, line_start
from ..dsl.parsing.tokens import CLOSER_OF, CLOSERS, DECLARATIONS, KEYWORDS, STARTS_TEST, Token, tokenize
from ..dsl.record import define, frozen

_WORDS = "|".join((*(word for word, kind in KEYWORDS.items() if kind in DECLARATIONS), STARTS_TEST))
_FIRST_WORD = re.compile(rf"(?:{_WORDS})\b")

_GO_ON_AFTER = frozenset(
    {"EQUAL", "OPERATOR", "PLUS", "MINUS", "BANG", "DOT", "COLON", "ARROW", "FAT_ARROW", "VBAR", "COMMA"}
    | {"ELSE", "WITH", "AS", "FROM", "PROMPT", "MATCH", "IF", "IN", "FOR", "RETURN", "LESSTHAN", "MORETHAN"}
    | DECLARATIONS
)
"""Tokens after which an item goes on in the next line."""

_GO_ON_BEFORE = frozenset(
    {"EQUAL", "OPERATOR", "PLUS", "MINUS", "DOT", "COLON", "ARROW", "FAT_ARROW", "VBAR", "QMARK"}
    | {"ELSE", "WITH", "AS", "FROM", "LBRACE", "LPAR", "LSQB", "LESSTHAN", "MORETHAN"}
)
"""Tokens that belong to the item before them, on whatever line they stand."""

_TEXTS = frozenset({"STRING", "OPEN_TEXT", "OPEN_LONG_TEXT", "WRONG_QUOTES", "OPEN_QUOTES"})


class Where(Enum):
    """What is around a place."""

    CODE = "code"
    TEXT = "text"
    COMMENT = "comment"


@define
class Frame:
    """A bracket that is open, or the file itself.

    head: the item before the bracket. item: what is written so far of the item at hand, closed brackets
    included. given: the names of the fields and blocks there are, before and after the place.
    """

    opener: str
    start: int = 0
    head: list[Token] = field(factory=list)
    item: list[Token] = field(factory=list)
    items: list[list[Token]] = field(factory=list)
    given: set[str] = field(factory=set)

    @property
    def word(self) -> str:
        """The first word of the head: `deployment`, `retry`, `with`…"""
        return self.head[0].text if self.head else ""


@frozen
class Cursor:
    """A place, the word that ends there, and the brackets around it, the outermost first.

    prefix: the beginning of a word or number before the place; inside of a text, all from its quote on.
    """

    offset: int
    where: Where
    prefix: str
    frames: list[Frame]

    @property
    def start(self) -> int:
        """Where the prefix begins."""
        return self.offset - len(self.prefix)

    @property
    def frame(self) -> Frame:
        """The innermost bracket."""
        return self.frames[-1]

    @property
    def before(self) -> list[Token]:
        """The item at hand, up to the prefix."""
        return self.frame.item


def cursor_at(text: str, offset: int) -> Cursor:
    """What is around `offset`."""
    begin = _declaration_before(text, offset)
    frames = [Frame("", begin)]
    end = begin
    for token in tokenize(text, begin):
        if token.type == "$END" or token.start >= offset:
            break
        reached = _reaches(token, offset) if token.end >= offset else None
        if "\n" in text[end : token.start] and token.type not in CLOSERS and token.type not in _GO_ON_BEFORE:
            _leave_unclosed(frames, text, token.start)
        _add(frames, token, "\n" in text[end : token.start])
        if reached is not None:
            frames[-1].item.pop()
            return _completed(Cursor(offset, *reached, frames), text)
        end = token.end
    gap = text[end:offset]
    if "#" in gap.rpartition("\n")[2]:
        return Cursor(offset, Where.COMMENT, "", frames)
    if "\n" in gap:
        _leave_unclosed(frames, text, offset)
    frame = frames[-1]
    last = frame.item[-1].type if frame.item else ""
    if "\n" in gap and last not in _GO_ON_AFTER and frame.opener in ("", "LBRACE"):
        _finish(frame)
    return _completed(Cursor(offset, Where.CODE, "", frames), text)


def _leave_unclosed(frames: list[Frame], text: str, offset: int) -> None:
    """Take `(` and `[` for closed where the line of `offset` is indented no more than theirs."""
    column = offset - line_start(text, offset)
    while frames[-1].opener in ("LPAR", "LSQB") and column <= indentation(text, frames[-1].start):
        frames.pop()


def _declaration_before(text: str, offset: int) -> int:
    """Where the last line before `offset` begins whose first word starts a declaration; 0 without one."""
    begin = offset
    while begin > 0:
        begin = line_start(text, begin)
        if _FIRST_WORD.match(text, begin, offset):
            return begin
        begin -= 1
    return 0


def _reaches(token: Token, offset: int) -> tuple[Where, str] | None:
    """What the place is in, and the prefix, when `token` is a word, a number or a text that reaches there."""
    if token.type in ("NAME", "NUMBER") or token.text in KEYWORDS:
        return Where.CODE, token.text[: offset - token.start]
    if token.type in _TEXTS and (token.end > offset or token.type.startswith("OPEN")):
        return Where.TEXT, token.text[1 : offset - token.start]
    return None


def _add(frames: list[Frame], token: Token, on_new_line: bool) -> None:
    frame = frames[-1]
    if token.type in CLOSER_OF:
        if token.type == "LBRACE" and frame.opener in ("", "LBRACE") and frame.item:
            frame.given.add(frame.item[0].text)
        frames.append(Frame(token.type, token.start, list(frame.item)))
        frame.item.append(token)
        return
    if token.type in CLOSERS:
        while len(frames) > 1 and CLOSER_OF[frames[-1].opener] != token.type:
            frames.pop()
        if len(frames) > 1:
            closed = frames.pop()
            frames[-1].item += [t for item in (*closed.items, closed.item) for t in item]
            frames[-1].item.append(token)
        return
    if token.type == "COMMA" and frame.opener:
        _finish(frame)
        return
    if frame.item and frame.opener in ("", "LBRACE"):
        last = frame.item[-1].type
        goes_on = token.type in _GO_ON_BEFORE or last in _GO_ON_AFTER
        if (on_new_line or last == "RBRACE") and not goes_on:
            _finish(frame)
    if token.type == "EQUAL" and len(frame.item) == 1:
        frame.given.add(frame.item[0].text)
    frame.item.append(token)


def _finish(frame: Frame) -> None:
    if frame.item:
        frame.items.append(frame.item)
        frame.item = []


def _completed(cursor: Cursor, text: str) -> Cursor:
    """`cursor` with the names that stand after the place in the same body."""
    depth = 0
    before: list[Token] = []
    for token in tokenize(text, cursor.offset):
        if token.type == "$END" or (depth == 0 and token.type in DECLARATIONS):
            break
        if depth == 0 and token.type in ("EQUAL", "LBRACE") and before:
            named = before[-1] if token.type == "EQUAL" else _head(before)
            if named.type == "NAME":
                cursor.frame.given.add(named.text)
            before = []
        if token.type in CLOSER_OF:
            depth += 1
        elif token.type in CLOSERS:
            depth -= 1
            if depth < 0:
                break
            before = []
        elif depth == 0:
            before.append(token)
    return cursor


def _head(before: list[Token]) -> Token:
    """The name of a block: what stands before its label, if it has one."""
    return before[-2] if len(before) > 1 and before[-2].type == "NAME" else before[-1]
