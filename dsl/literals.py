"""The value of a text literal: escapes, dedenting, and the names between `${` and `}`."""

from __future__ import annotations

import re
from collections.abc import Callable

from .lines import unix_lines
from .syntax import Reference, Text

_SPECIAL = re.compile(r"\\(?:u\{([0-9A-Fa-f]*)\}|(\r++\n|[\s\S]))|\$\{([^}\n\"]*)(\}?)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "$": "$", "0": "\0"}
_RAW_ESCAPE = re.compile(r'\\(["n\\])')
_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)?\Z")

Report = Callable[[str, int, int], None]
"""Called with "escape" or "interpolation" and the offsets of what is wrong."""


def read_text(literal: str, start: int, end: int, report: Report) -> Text:
    """The text that `literal`, quotes included, stands for; `start` and `end` are where it stands."""
    if not literal.startswith('"""'):
        inner = literal[1:-1]
        if "\\" not in inner and "$" not in inner:
            return Text(start, end, (inner,))
        return Text(start, end, _parts(inner, start + 1, report))
    return Text(start, end, dedent(_parts(literal[3:-3], start + 3, report)))


def raw_text(literal: str) -> str:
    """The text of a prompt template: quotes and indentation removed, escapes and `${` left alone.

    Between single quotes, only a quote, a backslash and a line break can be escaped.
    """
    if literal.startswith('"""'):
        return "".join(part for part in dedent((unix_lines(literal[3:-3]),)) if isinstance(part, str))
    return _RAW_ESCAPE.sub(lambda found: _ESCAPES[found[1]], literal[1:-1])


def raw_places(literal: str) -> list[int]:
    """The offset in `literal` of each character of its `raw_text`, and that of its end."""
    if literal.startswith('"""'):
        return _places_in_lines(literal)
    places, position = [], 1
    while position < len(literal) - 1:
        places.append(position)
        position += 2 if _RAW_ESCAPE.match(literal, position) else 1
    return [*places, len(literal) - 1]


def _places_in_lines(literal: str) -> list[int]:
    """The same for a text in three quotes: lines lose their indentation, and the last one its blanks."""
    kept = raw_text(literal).split("\n")
    written = literal[3:-3].split("\n")
    start = 3 + sum(len(line) + 1 for line in written[: len(written) - len(kept)])
    places: list[int] = []
    for line, whole in zip(kept, written[len(written) - len(kept) :], strict=True):
        end = start + len(whole.rstrip("\r") if line else whole)
        places += range(end - len(line), end + 1)
        start += len(whole) + 1
    return places


def _parts(inner: str, start: int, report: Report) -> tuple[str | Reference, ...]:
    parts: list[str | Reference] = []
    plain: list[str] = []
    position = 0
    for found in _SPECIAL.finditer(inner):
        plain.append(unix_lines(inner[position : found.start()]))
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
    plain.append(unix_lines(inner[position:]))
    parts.append("".join(plain))
    return tuple(parts)


def _code_point(digits: str, start: int, end: int, report: Report) -> str:
    number = int(digits, 16) if 0 < len(digits) <= 6 else -1
    if not 0 <= number <= 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        report("escape", start, end)
        return ""
    return chr(number)


def dedent(parts: tuple[str | Reference, ...]) -> tuple[str | Reference, ...]:
    """Without a first line break, and without the indentation that all lines share.

    The line of the closing quotes counts too, so that they may say how deep the text is indented.
    """
    first = parts[0]
    if isinstance(first, str):
        first = re.sub(r"\A[ \t]*\n", "", first, count=1)
        started_below = first != parts[0]
        parts = (first, *parts[1:])
    else:
        started_below = False
    margin = _margin(parts, started_below)
    if margin:
        pattern = re.compile(rf"(?m)(?<=\n)[ \t]{{1,{margin}}}")
        cut = [
            pattern.sub("", "\n" + p)[1:]
            if isinstance(p, str) and i == 0 and started_below
            else pattern.sub("", p)
            if isinstance(p, str)
            else p
            for i, p in enumerate(parts)
        ]
        parts = tuple(cut)
    last = parts[-1]
    if isinstance(last, str):
        parts = (*parts[:-1], re.sub(r"\n[ \t]*\Z", "\n", last))
    return parts


def _margin(parts: tuple[str | Reference, ...], started_below: bool) -> int:
    """How many blanks begin every line that holds something, the closing line included."""
    whole = "".join(part if isinstance(part, str) else "x" for part in parts)
    lines = whole.split("\n")
    counted = lines if started_below else lines[1:]
    widths = [len(line) - len(line.lstrip(" \t")) for line in counted if line.strip()]
    if counted and not counted[-1].strip() and len(lines) > 1:
        widths.append(len(counted[-1]))
    return min(widths, default=0)
