"""Where the lines of a declaration break, and how far each is indented."""

from __future__ import annotations

from attrs import field

from ..record import define, frozen
from .atoms import Atom, Bracket, Style
from .gaps import Gap

WIDTH = 100
INDENT = 2


@define
class Lines:
    """The text as it is written."""

    pieces: list[str] = field(factory=list)
    column: int = 0
    indent: int = 0
    """The indentation of the current line."""

    def write(self, text: str) -> None:
        self.pieces.append(text)
        last_break = text.rfind("\n")
        self.column = self.column + len(text) if last_break < 0 else len(text) - last_break - 1

    def break_line(self, indent: int, blank: bool = False) -> None:
        self.pieces.append(("\n\n" if blank else "\n") + " " * indent)
        self.column = self.indent = indent

    def write_comments(self, gap: Gap, indent: int, *, at_start: bool = True, blanks: bool = True) -> bool:
        """The comments of `gap`, each on its line; returns whether the block is still without any line.

        at_start: no line of the block is written yet, so that a blank one would be its first.
        """
        for index, comment in enumerate(gap.comments):
            if index == 0 and comment.lines_before == 0:
                self.write(f"  {comment.text}")
            else:
                self.break_line(indent, blank=blanks and comment.lines_before > 1 and not at_start)
                self.write(comment.text)
                at_start = False
        return at_start

    def write_gap(self, gap: Gap, indent: int, *, at_start: bool) -> None:
        """The comments of `gap`, its blank lines, and the start of a new line."""
        at_start = self.write_comments(gap, indent, at_start=at_start)
        self.break_line(indent, blank=gap.lines > 1 and not at_start)


@frozen
class _Frame:
    """A broken bracket: how far the line it begins on, its items, and their further lines are indented."""

    outer: int
    inner: int
    further: int


def lay_out(atoms: list[Atom], after: Gap) -> str:
    """The text of one declaration, from its first token to its last; `after` is what follows it."""
    return _Layout(atoms, after).text()


@define
class _Layout:
    _atoms: list[Atom]
    _after: Gap
    _lines: Lines = field(factory=Lines)
    _frames: list[_Frame] = field(factory=list)
    _is_first: bool = True
    """Whether the next item is the first one of its bracket."""

    def text(self) -> str:
        for index, atom in enumerate(self._atoms):
            if atom.closes is not None and atom.closes.broken:
                self._end(atom, atom.closes)
            elif atom.starts_item and atom.bracket is not None and atom.bracket.broken:
                self._item(atom, atom.bracket)
            elif index:
                self._go_on(atom)
            self._lines.write(atom.text)
            self._is_first = atom.opens is not None
            if atom.opens is not None:
                self._open(atom, atom.opens)
        return "".join(self._lines.pieces)

    def _open(self, atom: Atom, bracket: Bracket) -> None:
        last = bracket.otherwise or bracket
        bracket.broken = bracket.broken or last.broken or self._is_too_long(atom, bracket, last.closer)
        last.broken = last.broken or bracket.broken
        if bracket.broken:
            outer = self._lines.indent
            further = outer + INDENT if bracket.style is Style.PLAIN else outer + 2 * INDENT
            self._frames.append(_Frame(outer, outer + INDENT, further))

    def _item(self, atom: Atom, bracket: Bracket) -> None:
        if not self._is_first and bracket.style is Style.LIST:
            self._lines.write(",")
        self._lines.write_gap(atom.gap, self._frames[-1].inner, at_start=self._is_first)

    def _end(self, atom: Atom, bracket: Bracket) -> None:
        frame = self._frames.pop()
        if bracket.items and bracket.style is Style.LIST:
            self._lines.write(",")
        self._lines.write_comments(atom.gap, frame.inner, at_start=self._is_first)
        self._lines.break_line(frame.outer)

    def _go_on(self, atom: Atom) -> None:
        """Inside an item: on the same line, unless a comment or the author broke it."""
        indent = self._frames[-1].further if self._frames else INDENT
        if atom.gap.comments:
            self._lines.write_comments(atom.gap, indent, blanks=False)
            self._lines.break_line(indent)
        elif atom.breaks:
            self._lines.break_line(indent)
        else:
            self._lines.write(atom.space)

    # ---- what fits

    def _is_too_long(self, opener: Atom, bracket: Bracket, last: int) -> bool:
        """Whether a bracket that could be broken does not fit on its line, up to the atom numbered `last`."""
        closer = self._atoms[last]
        if bracket.style is Style.PLAIN or bracket.items == 0 or closer.kept > opener.kept:
            return False
        if bracket.items == 1 and bracket.kind != "{":
            return False
        end, comma = self._tail(last)
        gap = self._atoms[end + 1].gap if end + 1 < len(self._atoms) else self._after
        width = self._lines.column + self._atoms[end].end - opener.end + comma
        return width > WIDTH and not gap.pins_the_line

    def _tail(self, index: int) -> tuple[int, bool]:
        """The last atom that stays with the bracket that ends at `index`; whether a comma follows."""
        is_result = False
        while index + 1 < len(self._atoms):
            atom = self._atoms[index + 1]
            around = atom.bracket
            if around is not None and around.broken and (atom.starts_item or atom.closes is around):
                return index, around.style is Style.LIST
            is_result = is_result or atom.type == "ARROW"
            if (atom.closes is None and not is_result) or atom.gap.comments or atom.breaks:
                break
            index += 1
            if is_result and atom.opens is not None and atom.opens.kind == "{":
                break
        return index, False
