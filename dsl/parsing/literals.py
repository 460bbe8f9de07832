"""The value of a text literal: escapes, dedenting, and the names between `${` and `}`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

from ..late_pattern import late_pattern
from ..lines import unix_lines
from ..syntax import Reference, Text

_SPECIAL = late_pattern(
    r"\\(?:u\{([0-9A-Fa-f]*)\}|(\r++\n|[\s\S]))|\$\{((?:[^}\n\"]++|\"[^\"\n]*+\")*+)(\}?)"
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "$": "$", "0": "\0"}
_RAW_ESCAPE = late_pattern(r'\\(["n\\])')
FOREIGN_ESCAPE = late_pattern(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2}))")
"""How JSON and Python write a character by its number."""
_NAME = late_pattern(r"[^\W\d]\w*(?:\.[^\W\d]\w*)?\Z")

_RETURNS = late_pattern(r"(?<!\r)\r++(?=\n)")
_BLANKS = " \t\r"

Cut = tuple[int, int]
"""Characters of a literal that are no part of its text: from one up to, not including, another."""

Report = Callable[[str, int, int], None]
"""Called with "escape" or "interpolation" and the offsets of what is wrong."""


def read_text(literal: str, start: int, end: int, report: Report) -> Text:
    """The text that `literal`, quotes included, stands for; `start` and `end` are where it stands."""
    if not literal.startswith('"""'):
        inner = literal[1:-1]
        if "\\" not in inner and "$" not in inner:
            return Text(start, end, (inner,))
        return Text(start, end, _parts(inner, start + 1, report))
    inner = literal[3:-3]
    return Text(start, end, _parts(inner, start + 3, report, layout(inner)))


def raw_text(literal: str) -> str:
    """The text of a prompt template: quotes and indentation removed, escapes and `${` left alone.

    Between single quotes, only a quote, a backslash and a line break can be escaped.
    """
    if literal.startswith('"""'):
        inner = literal[3:-3]
        return _without(inner, 0, len(inner), layout(inner))
    return _RAW_ESCAPE.sub(lambda found: _ESCAPES[found[1]], literal[1:-1])


def raw_places(literal: str) -> list[int]:
    """The offset in `literal` of each character of its `raw_text`, and that of its end."""
    if literal.startswith('"""'):
        inner = literal[3:-3]
        ends = [found.span() for found in _RETURNS.finditer(inner)]
        left_out = {place for cut in (*layout(inner), *ends) for place in range(*cut)}
        return [place + 3 for place in range(len(inner) + 1) if place not in left_out]
    places, position = [], 1
    while position < len(literal) - 1:
        places.append(position)
        position += 2 if _RAW_ESCAPE.match(literal, position) else 1
    return [*places, len(literal) - 1]


def layout(inner: str) -> list[Cut]:
    """What of a text between three quotes belongs to the file that it stands in, in order.

    That is a first line that is empty, what all other lines are indented by, and the blanks before the
    closing quotes, which say by their place how deep the text is indented. Tabs and spaces are not the same.
    """
    first, *rest = inner.split("\n")
    if not rest:
        return []
    start = len(first) + 1
    cuts = [(0, start)] if not first.strip(_BLANKS) else []
    closes = not rest[-1].strip(_BLANKS)
    blanks = [line[: len(line) - len(line.lstrip(" \t"))] for line in rest]
    counted = [blank for line, blank in zip(rest, blanks, strict=True) if line.strip(_BLANKS)]
    margin = _shared([*counted, blanks[-1]] if closes else counted)
    for line, blank in zip(rest, blanks, strict=True):
        cuts.append((start, start + len(_shared([margin, blank]))))
        start += len(line) + 1
    if closes:
        cuts[-1] = (cuts[-1][0], len(inner))
    return cuts


def _shared(texts: Sequence[str]) -> str:
    """What all texts begin with."""
    first, last = min(texts, default=""), max(texts, default="")
    return next((first[:index] for index, sign in enumerate(first) if last[index] != sign), first)


def _without(inner: str, start: int, end: int, cuts: Sequence[Cut]) -> str:
    """The characters `start` to `end` of a text without `cuts`, its lines ended as everywhere."""
    pieces, position = [], start
    for index in range(bisect_left(cuts, (start, 0)), len(cuts)):
        first, last = cuts[index]
        if first >= end:
            break
        pieces.append(inner[position:first])
        position = last
    return unix_lines("".join([*pieces, inner[position:end]]))


def _parts(inner: str, start: int, report: Report, cuts: Sequence[Cut] = ()) -> tuple[str | Reference, ...]:
    parts: list[str | Reference] = []
    plain: list[str] = []
    position = 0
    for found in _SPECIAL.finditer(inner):
        plain.append(_without(inner, position, found.start(), cuts))
        position = found.end()
        here = start + found.start()
        if found[3] is not None:
            name = found[3].strip()
            if not found[4] or not _NAME.match(name):
                report("interpolation", here, start + found.end())
                continue
            parts += ["".join(plain), Reference(here + 2, here + 2 + len(found[3]), name)]
            plain = []
        elif found[1] is not None:
            plain.append(_code_point(found[1], here, start + found.end(), report))
        elif found[2] in _ESCAPES:
            plain.append(_ESCAPES[found[2]])
        elif not found[2].endswith("\n"):
            report("escape", here, start + found.end())
    plain.append(_without(inner, position, len(inner), cuts))
    parts.append("".join(plain))
    return tuple(parts)


def _code_point(digits: str, start: int, end: int, report: Report) -> str:
    number = int(digits, 16) if 0 < len(digits) <= 6 else -1
    if not 0 <= number <= 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        report("escape", start, end)
        return ""
    return chr(number)
