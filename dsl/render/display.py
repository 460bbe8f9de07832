"""How text looks on a terminal: what is drawn for each character, and in which columns.

A tab takes four columns wherever it stands, so that where a character is drawn never depends on how much
was cut off before it. Characters that draw nothing, or that would move the cursor or reorder the line, are
replaced by something visible.
"""

from __future__ import annotations

from unicodedata import category, combining, east_asian_width

from ..record import frozen

TAB = " " * 4
JOINER = "\u200d"
JOINERS = "\u200c\u200d"
WIDENER = "\ufe0f"
HANGUL_TAILS = frozenset((*range(0x1160, 0x1200), *range(0xD7B0, 0xD800)))
SKIN_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"


@frozen
class Drawing:
    """A text as it is drawn.

    cells: what is drawn for each character.
    left, right: the columns it covers, from `left` up to, not including, `right`. A character that is
    drawn on top of another one covers the columns of that one.
    """

    cells: tuple[str, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    width: int

    @property
    def text(self) -> str:
        return "".join(self.cells)


def draw(text: str) -> Drawing:
    """`text`, which is one line, as it is drawn."""
    if text.isascii() and text.isprintable():
        size = len(text)
        return Drawing(tuple(text), tuple(range(size)), tuple(range(1, size + 1)), size)
    cells: list[str] = []
    left: list[int] = []
    right: list[int] = []
    column, base, previous = 0, 0, ""
    for character in text:
        cell, size = _cell(character)
        if column > base and _continues(character, previous, column - base):
            cell, size = character, 0
            if character == WIDENER and column - base == 1:
                column = _widen(right, column)
        elif size == 0:
            cell, size = "\u25cc" + character, 1
        if size:
            base = column
            column += size
        cells.append(cell)
        left.append(base)
        right.append(column)
        previous = character
    return Drawing(tuple(cells), tuple(left), tuple(right), column)


def visible(text: str) -> str:
    """`text` with its line ends as spaces and everything invisible made visible."""
    if text.isascii() and text.isprintable():
        return text
    return draw(" ".join(text.splitlines())).text


def width_of(text: str) -> int:
    """The number of columns that `text` takes."""
    return draw(text).width


def _cell(character: str) -> tuple[str, int]:
    """What is drawn for a character that stands alone, and how wide it is; 0 for what needs a base."""
    if " " <= character <= "~":
        return character, 1
    if character == "\t":
        return TAB, len(TAB)
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code), 1
    if code == 0x7F:
        return "\u2421", 1
    kind = category(character)
    if kind in ("Cc", "Cf", "Cn", "Cs", "Zl", "Zp"):
        name = f"<U+{code:04X}>"
        return name, len(name)
    if kind in ("Mn", "Me") or combining(character) or code in HANGUL_TAILS:
        return character, 0
    return character, 2 if east_asian_width(character) in "WF" else 1


def _continues(character: str, previous: str, base_width: int) -> bool:
    """Whether `character` is drawn on top of what stands before it, `base_width` columns wide."""
    if character in JOINERS:
        return not previous.isascii()
    if previous == JOINER or character in SKIN_TONES:
        return base_width == 2 and _cell(character)[1] == 2
    return _cell(character)[1] == 0


def _widen(right: list[int], column: int) -> int:
    """Give one more column to the last character drawn, and to all on top of it."""
    for index in range(len(right) - 1, -1, -1):
        if right[index] != column:
            break
        right[index] = column + 1
    return column + 1
