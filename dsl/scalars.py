"""Texts, numbers, names and words of the model, read from parsed values; all raise Mismatch.

It says what to write where a value does not fit. for_words: text may stand for a bare word, as in JSON.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from .late_pattern import late_pattern
from .late_text import LateText
from .mismatch import Mismatch, WordMismatch
from .ranges import Range
from .units import MISNAMED_UNITS, Duration, Money, Percent, Size, of_clock, parse_number, parse_quantity
from .values import Call, Word, show
from .word_enum import by_word

_TRUTHS = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}
_ISO_DURATION = late_pattern(r"P(?=[\dT])(?:(\d++)D)?(?:T(?=\d)(?:(\d++)H)?(?:(\d++)M)?(?:(\d++)S)?)?")
"""A duration of ISO 8601, as Java and the APIs of clouds write it."""
_NUMBER_AND_UNIT = late_pattern(r"(\d[\d_]*+(?:\.\d++)?)[ \t]*+([A-Za-z]++)")
_NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def read_text(value: object) -> str:
    """A text, also one that comes from the environment."""
    if isinstance(value, str) and not isinstance(value, Word):
        return value
    late = _late_text(value)
    if late is not None:
        return late
    if isinstance(value, Call) and value.name == "env" and isinstance(value.args[0], Word):
        raise Mismatch("the name of a variable as a text", value, f'env("{value.args[0]}")')
    raise Mismatch("text", value, suggestion(str, value))


def write_text(value: str) -> object:
    """The same for JSON."""
    return value.as_json() if isinstance(value, LateText) else str(value)


def _late_text(value: object) -> LateText | None:
    """What `env(…)` stands for, in a file or in a plan; None for anything else."""
    if isinstance(value, Call):
        variable = value.variable
        return None if variable is None else LateText((variable,))
    return LateText.from_json(value)


def with_late_texts(value: object) -> object:
    """`value`, of any kind, with the texts in it that come from the environment."""
    late = _late_text(value)
    if late is not None:
        return late
    if isinstance(value, dict):
        return {name: with_late_texts(inner) for name, inner in value.items()}
    return [with_late_texts(inner) for inner in value] if isinstance(value, list) else value


def suggestion(kind: type, value: object) -> str | None:
    """How a value that does not fit is written so that it does, where that can be told."""
    if kind is str and (isinstance(value, Word) or type(value) in (int, float)):
        return f'"{show(value)}"'
    if kind is int and type(value) is float and value.is_integer():
        return str(int(value))
    if not isinstance(value, str):
        return None
    word = value.strip().lower()
    if kind is bool:
        return _TRUTHS.get(word)
    if kind is int and word in _NUMBER_WORDS:
        return str(_NUMBER_WORDS.index(word))
    return value.strip() if kind in (int, float) and _is_plain_number(value.strip(), kind) else None


def _is_plain_number(text: str, kind: type) -> bool:
    """Whether `text` is the literal of a number without a unit that `kind` takes."""
    try:
        number = parse_number(text)
    except (ValueError, ArithmeticError):
        return False
    return type(number) is int or type(number) is kind


def quantity_suggestion(kind: Any, value: object) -> str | None:
    """The most likely literal behind a bare number or a quoted quantity."""
    if isinstance(value, str):
        for written in (value.strip(), _as_here(value.strip())):
            with suppress(ValueError):
                parse_quantity(written, kind)
                return written
        return None
    if type(value) in (int, float):
        return {Duration: f"{value}s", Money: f"${value}", Percent: f"{value}%", Size: f"{value}GiB"}[kind]
    return None


def _as_here(quantity: str) -> str:
    """`512MB` and `PT1M30S` with the units of the language, where others write them otherwise."""
    clock = of_clock(quantity)
    if clock is not None:
        return clock
    iso = _ISO_DURATION.fullmatch(quantity)
    if iso is not None:
        return "".join(f"{number}{unit}" for number, unit in zip(iso.groups(), "dhms", strict=True) if number)
    counted = _NUMBER_AND_UNIT.fullmatch(quantity)
    return f"{counted[1]}{MISNAMED_UNITS.get(counted[2], '')}" if counted is not None else quantity


def read_name(value: object, kind: type[str]) -> str:
    """A bare name, which loses the alias of the file it comes from, or a text."""
    if isinstance(value, Word):
        return kind(value.rpartition(".")[2])
    if isinstance(value, str):
        return kind(value)
    raise Mismatch("a name, or a text", value, suggestion(str, value))


def read_count(value: object, *, for_words: bool) -> int | Range:
    """A number, or the ends of a range."""
    if isinstance(value, Range):
        return value
    if type(value) is int:
        return value
    ends = re.fullmatch(r"(\d{1,9})\.\.(\d{1,9})", value) if isinstance(value, str) else None
    if ends is None or isinstance(value, Word):
        raise Mismatch("a whole number, or a range such as `2..8`", value, _range_meant(value))
    if not for_words:
        raise Mismatch("a whole number, or a range such as `2..8`", value, str(value))
    return Range(int(ends[1]), int(ends[2]))


def _range_meant(value: object) -> str | None:
    """`2..8` for `"2-8"` and `[2, 8]`; else what a number is."""
    if isinstance(value, list | tuple) and len(value) == 2 and all(type(each) is int for each in value):
        return f"{value[0]}..{value[1]}"
    ends = re.fullmatch(r"(\d{1,9})[ ]*[-:~][ ]*(\d{1,9})", value) if isinstance(value, str) else None
    return suggestion(int, value) if ends is None else f"{ends[1]}..{ends[2]}"


def read_word(value: object, kind: Any, *, for_words: bool) -> object:
    """The member of the enumeration `kind` that a word names."""
    members = by_word(kind)
    if isinstance(value, Word) or (for_words and isinstance(value, str)):
        if value in members:
            return members[value]
        raise WordMismatch(tuple(members), value)
    words = tuple(members)
    raise WordMismatch(words, value, value if isinstance(value, str) and value in words else None)
