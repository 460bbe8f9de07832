"""TOML with places: Python's own reader, and a look at which line begins which table or key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

from .foreign import TOO_LONG, ImportFailed, Node, below, rebuilt

_AT = re.compile(r"\(at line (\d+)")
_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_KEY = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_KEY})\s*\]\]?\s*(?:#.*)?$")
_ENTRY = re.compile(rf"\s*({_KEY})\s*=")
_PARTS = re.compile(_PART)


def read_toml(text: str) -> Node:
    """The value of a TOML file. Raises ImportFailed."""
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _AT.search(str(error))
        said = str(error).split(" (at ")[0]
        raise ImportFailed(f"this is no TOML: {said}", int(found[1]) if found else None) from None
    except ValueError:
        raise ImportFailed(TOO_LONG) from None
    except RecursionError:
        raise ImportFailed("this TOML lies in itself too deep to be read") from None
    return rebuilt(value, _lines(text))


def _lines(text: str) -> dict[str, int]:
    """The lines of tables and keys by their paths; what looks like a key inside of a text does no harm."""
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            *outer, last = _parts(header[2])
            current = ""
            for part in outer:
                current = _latest(below(current, part), counts)
                lines.setdefault(current, number)
            current = below(current, last)
            if header[1] == "[[":
                counts[current] = counts.get(current, -1) + 1
            current = _latest(current, counts)
            lines.setdefault(current, number)
        elif entry := _ENTRY.match(line):
            at = current
            for part in _parts(entry[1]):
                at = below(at, part)
                lines.setdefault(at, number)
    return lines


def _latest(path: str, counts: Mapping[str, int]) -> str:
    return f"{path}[{counts[path]}]" if path in counts else path


def _parts(key: str) -> list[str]:
    return [
        str(tomllib.loads(f"x = {part}")["x"]) if part[0] in "\"'" else part for part in _PARTS.findall(key)
    ]
