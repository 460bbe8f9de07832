"""Tokens with what a layout needs to know: the space before each, its bracket, and what its author broke.

A comma between two items is no atom: the layout writes commas where they belong.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto

from attrs import field

from ..lines import unix_lines
from ..parsing.tokens import CLOSERS, Token
from ..record import define
from .gaps import Gap
from .places import Places

_OPERAND_ENDS = frozenset(("NAME", "NUMBER", "STRING", "TRUE", "FALSE", "RPAR", "RSQB", "RBRACE"))
_OPERATORS = frozenset(("OPERATOR", "PLUS", "MINUS", "LESSTHAN", "MORETHAN", "VBAR", "ELSE"))
RANGE = ".."
_TIGHT = frozenset(("COMMA", "COLON", "DOT", "QMARK"))


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
    holds_dimensions: bool = False
    is_index: bool = False
    """Whether it names a place in the value before it."""
    closer: int = -1
    items: int = 0
    item_is_block: bool = False
    """Whether the latest item is one that ends with its own `}`."""
    otherwise: Bracket | None = None
    """The braces of the `else` that follows these: both pairs are broken, or none."""
    broken: bool = False
    """Whether each item stands on a line of its own: as its author wrote it, until a layout breaks it."""


@define(eq=False)
class Atom:
    """A token on its way to its place."""

    type: str
    text: str
    gap: Gap
    bracket: Bracket | None
    """The bracket around it."""
    opens: Bracket | None = None
    closes: Bracket | None = None
    starts_item: bool = False
    is_sign: bool = False
    is_operator: bool = False
    space: str = ""
    """What stands before it when its line is not broken there, the comma of the item before included."""
    breaks: bool = False
    """Whether its author broke a line before or after this operator."""
    end: int = 0
    """The column after it, were everything on one line."""
    kept: int = 0
    """How many line breaks up to here will stay."""
    lines: int = 0
    """How many line breaks the author made up to here."""


def make_atoms(source: str, tokens: Iterable[Token], places: Places) -> list[Atom]:
    """The atoms of one declaration."""
    maker = _Maker(places)
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


@define
class _Maker:
    """The atoms so far, and the brackets that are open after them."""

    places: Places
    atoms: list[Atom] = field(factory=list)
    open: list[Bracket] = field(factory=list)
    _last_start: int = -1
    _last_end: int = -1
    _kept: int = 0
    _lines: int = 0

    def add(self, token: Token, gap: Gap) -> None:
        around = self.open[-1] if self.open else None
        atom = Atom(token.type, unix_lines(token.text), gap, around)
        self._classify(atom, token)
        if around is not None and (atom.starts_item or atom.closes is not None):
            self._at_a_boundary(atom, around)
        elif self.atoms:
            self._inside_an_item(atom)
        if atom.closes is not None:
            self._close(atom, atom.closes)
        if atom.opens is not None:
            self.open.append(atom.opens)
            self._join_with_then(atom.opens)
        if around is not None and atom.starts_item:
            around.items += 1
            around.item_is_block = token.start in self.places.blocks
        self._count(atom)
        self.atoms.append(atom)
        self._last_start, self._last_end = token.start, token.end

    # ---- what it is

    def _classify(self, atom: Atom, token: Token) -> None:
        around, last = atom.bracket, self.atoms[-1].type if self.atoms else ""
        if around is not None and (token.type == "MORETHAN" if around.kind == "<" else token.type in CLOSERS):
            atom.closes = around
            return
        if around is not None:
            atom.starts_item = around.holds_dimensions or token.start in self.places.items
        follows_operand = last in _OPERAND_ENDS and not atom.starts_item
        atom.opens = self._bracket(token, last, follows_operand)
        atom.is_sign = token.type == "BANG" or (token.type == "MINUS" and not follows_operand)
        atom.is_operator = (
            token.type in _OPERATORS
            and atom.text != RANGE
            and not atom.is_sign
            and atom.opens is None
            and not (token.type == "ELSE" and last == "RBRACE")
        )

    def _bracket(self, token: Token, last: str, follows_operand: bool) -> Bracket | None:
        index = len(self.atoms)
        match token.type:
            case "LBRACE":
                return Bracket("{", Style.LIST if last == "IMPORT" else Style.BLOCK, index)
            case "LSQB":
                style = Style.PLAIN if token.start in self.places.comprehensions else Style.LIST
                is_index = self._last_end in self.places.indexed
                return Bracket("[", style, index, token.start in self.places.dimensions, is_index)
            case "LPAR":
                return Bracket("(", Style.LIST if follows_operand else Style.PLAIN, index)
            case "LESSTHAN" if self._last_start in self.places.generics:
                return Bracket("<", Style.PLAIN, index)
        return None

    def _join_with_then(self, bracket: Bracket) -> None:
        """The `{` after `} else` belongs together with the braces before it."""
        if bracket.kind == "{" and self.atoms and self.atoms[-1].type == "ELSE":
            then = self.atoms[-2].closes
            if then is not None and then.kind == "{":
                then.otherwise = bracket

    # ---- what stands before it

    def _at_a_boundary(self, atom: Atom, around: Bracket) -> None:
        """An item begins, or the bracket ends."""
        if around.items and atom.starts_item:
            atom.space = " " if around.style is Style.BLOCK and around.item_is_block else ", "
        elif around.kind == "{" and (around.items or atom.starts_item):
            atom.space = " "
        holds_something = atom.starts_item or around.items or atom.gap.comments
        if around.kind != "{" and atom.gap.is_broken and holds_something:
            around.broken = around.kind != "<"
            self._kept += 1

    def _inside_an_item(self, atom: Atom) -> None:
        before = self.atoms[-1]
        is_tight = (
            atom.type in _TIGHT
            or before.type == "DOT"
            or RANGE in (atom.text, before.text)
            or before.is_sign
            or (before.opens is not None)
            or (atom.opens is not None and (atom.opens.kind == "<" or atom.opens.is_index))
            or (before.type == "COLON" and atom.bracket is not None and atom.bracket.is_index)
            or (atom.type == "LPAR" and before.type in _OPERAND_ENDS)
        )
        atom.space = "" if is_tight else " "
        atom.breaks = atom.gap.lines > 0 and (atom.is_operator or atom.type == "FOR")
        if atom.type == "FOR" and atom.bracket is not None:
            atom.bracket.broken |= atom.gap.is_broken
        if atom.breaks or atom.gap.comments:
            self._kept += 1
        elif atom.gap.lines and before.is_operator and not before.breaks and not before.gap.comments:
            before.breaks = True
            self._kept += 1

    def _close(self, atom: Atom, bracket: Bracket) -> None:
        self.open.pop()
        bracket.closer = len(self.atoms)
        if bracket.kind == "{" and (bracket.items or atom.gap.comments):
            lines = self._lines + atom.gap.is_broken - self.atoms[bracket.opener].lines
            bracket.broken = lines > 0
            self._kept += bracket.broken

    def _count(self, atom: Atom) -> None:
        has_lines = "\n" in atom.text
        self._lines += atom.gap.is_broken + has_lines
        self._kept += has_lines
        atom.lines, atom.kept = self._lines, self._kept
        before = self.atoms[-1].end if self.atoms else 0
        atom.end = before + len(atom.space) + len(atom.text)
