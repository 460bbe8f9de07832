"""Tokens with what a layout needs to know: the space before each, its bracket, and what its author broke.

A comma between two items is no atom: the layout writes commas where they belong.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto

from attrs import define, field

from ..tokens import KEYWORDS, Token
from .gaps import Gap
from .places import Places

_OPENERS = {"LBRACE": "{", "LSQB": "[", "LPAR": "("}
_CLOSERS = frozenset(("RBRACE", "RSQB", "RPAR"))
_OPERAND_ENDS = frozenset(("NAME", "NUMBER", "STRING", "TRUE", "FALSE", "RPAR", "RSQB", "RBRACE"))
_OPERATORS = frozenset(("OPERATOR", "PLUS", "MINUS", "LESSTHAN", "MORETHAN", "VBAR", "ELSE"))
_TIGHT_BEFORE = frozenset(("COMMA", "COLON", "DOT", "QMARK"))


class Style(Enum):
    """What separates the items of a bracket."""

    BLOCK = auto()  # commas on one line, line breaks on several
    LIST = auto()  # commas, on several lines also after the last one
    PLAIN = auto()  # nothing: there is one item


@define(eq=False)
class Bracket:
    """A pair of brackets."""

    kind: str
    style: Style
    opener: int
    closer: int = -1
    items: int = 0
    item_is_block: bool = False
    author_broke: bool = False
    holds_dimensions: bool = False
    broken: bool = False


@define(eq=False)
class Atom:
    """A token on its way to its place."""

    type: str
    text: str
    gap: Gap
    space: str = ""
    """What stands before it when its line is not broken there, the comma of the item before included."""
    bracket: Bracket | None = None
    """The bracket around it."""
    starts_item: bool = False
    breaks: bool = False
    """Whether its author put this operator at the end or the start of a line."""
    opens: Bracket | None = None
    closes: Bracket | None = None
    end: int = 0
    """The column after it, were everything on one line."""
    kept: int = 0
    """How many line breaks up to here stay."""
    lines: int = 0
    """How many line breaks the source has up to here."""


@define
class _Maker:
    source: str
    places: Places
    atoms: list[Atom] = field(factory=list)
    open: list[Bracket] = field(factory=list)
    last: Token | None = None
    kept: int = 0
    lines: int = 0

    def add(self, token: Token, gap: Gap) -> None:
        around = self.open[-1] if self.open else None
        closes = around if around is not None and _is_closer(token, around) else None
        starts_item = around is not None and closes is None and self._starts_item(token, around)
        atom = Atom(token.type, token.text, gap, bracket=around, starts_item=starts_item, closes=closes)
        if around is not None and (starts_item or closes is not None):
            self._boundary(atom, around)
        elif self.last is not None:
            self._inside_an_item(atom, token)
        if starts_item and around is not None:
            around.items += 1
            around.item_is_block = token.start in self.places.blocks
        if closes is not None:
            self._close(atom, closes)
        opens = self._bracket_of(token, starts_item)
        if opens is not None:
            atom.opens = opens
            self.open.append(opens)
        self._count(atom)
        self.atoms.append(atom)
        self.last = token

    def _starts_item(self, token: Token, around: Bracket) -> bool:
        return around.holds_dimensions or token.start in self.places.items

    def _boundary(self, atom: Atom, around: Bracket) -> None:
        """An item begins, or the bracket ends."""
        if atom.gap.is_broken and (atom.starts_item or around.items or atom.gap.comments):
            around.author_broke = True
            self.kept += around.kind != "{"
        if around.items and atom.starts_item:
            atom.space = " " if around.style is Style.BLOCK and around.item_is_block else ", "
        elif around.kind == "{" and (around.items or atom.starts_item):
            atom.space = " "

    def _inside_an_item(self, atom: Atom, token: Token) -> None:
        atom.space = self._space_before(token)
        if self._is_operator(token) or token.type == "FOR":
            after_block = token.type == "ELSE" and self.atoms[-1].type == "RBRACE"
            atom.breaks = atom.gap.lines > 0 and not after_block
            self.kept += atom.breaks
        before = self.atoms[-1]
        if atom.gap.comments:
            self.kept += 1
        elif atom.gap.lines and self._ended_with_operator and not before.breaks:
            before.breaks = True
            self.kept += 1

    @property
    def _ended_with_operator(self) -> bool:
        """Whether the last token is an operator between two operands, with nothing before it that must stay."""
        before = self.atoms[-1]
        if before.type not in _OPERATORS or before.space != " " or before.gap.comments:
            return False
        return not (before.type == "ELSE" and self.atoms[-2].type == "RBRACE")

    def _space_before(self, token: Token) -> str:
        before = self.last
        assert before is not None
        if token.type in _TIGHT_BEFORE or before.type == "DOT" or self.atoms[-1].opens is not None:
            return ""
        if token.type == "LPAR":
            return "" if before.type in _OPERAND_ENDS else self._space_after_sign(before)
        if token.type == "LESSTHAN" and before.start in self.places.generics:
            return ""
        if token.type == "MORETHAN" and self.open and self.open[-1].kind == "<":
            return ""
        return self._space_after_sign(before)

    def _space_after_sign(self, before: Token) -> str:
        is_sign = before.type == "BANG" or (before.type == "MINUS" and not self._was_operator)
        return "" if is_sign else " "

    @property
    def _was_operator(self) -> bool:
        """Whether the last token, a minus, stands between two operands."""
        return (
            len(self.atoms) > 1
            and self.atoms[-2].type in _OPERAND_ENDS
            and not self.atoms[-1].starts_item
        )

    def _is_operator(self, token: Token) -> bool:
        if token.type not in _OPERATORS or self.last is None:
            return False
        return token.type != "MINUS" or self.last.type in _OPERAND_ENDS

    def _bracket_of(self, token: Token, starts_item: bool) -> Bracket | None:
        """The bracket that `token` opens."""
        index, last = len(self.atoms), self.last
        kind = _OPENERS.get(token.type)
        if token.type == "LESSTHAN" and last is not None and last.start in self.places.generics:
            return Bracket("<", Style.PLAIN, index)
        if kind == "{":
            is_import = last is not None and last.type == "IMPORT"
            return Bracket(kind, Style.LIST if is_import else Style.BLOCK, index)
        if kind == "[":
            style = Style.PLAIN if token.start in self.places.comprehensions else Style.LIST
            return Bracket(kind, style, index, holds_dimensions=token.start in self.places.dimensions)
        if kind == "(":
            is_call = last is not None and last.type in _OPERAND_ENDS and not starts_item
            return Bracket(kind, Style.LIST if is_call else Style.PLAIN, index)
        return None

    def _close(self, atom: Atom, bracket: Bracket) -> None:
        self.open.pop()
        bracket.closer = len(self.atoms)
        opener = self.atoms[bracket.opener]
        if bracket.kind == "{" and (bracket.items or atom.gap.comments):
            in_gap = bool(atom.gap.is_broken)
            bracket.author_broke = self.lines + in_gap > opener.lines
            self.kept += bracket.author_broke
        bracket.broken = bracket.author_broke and bracket.kind != "<"

    def _count(self, atom: Atom) -> None:
        has_lines = "\n" in atom.text
        self.lines += atom.gap.is_broken + has_lines
        self.kept += has_lines
        atom.lines, atom.kept = self.lines, self.kept
        before = self.atoms[-1].end if self.atoms else 0
        atom.end = before + len(atom.space) + len(atom.text)


def make_atoms(source: str, tokens: Iterable[Token], places: Places) -> list[Atom]:
    """The atoms of one declaration."""
    maker = _Maker(source, places)
    gap, end = Gap(), None
    for token in tokens:
        if end is not None:
            gap.add(source[end : token.start])
        end = token.end
        if token.type == "COMMA" and maker.open and maker.open[-1].kind != "<":
            continue
        maker.add(token, gap)
        gap = Gap()
    return maker.atoms
