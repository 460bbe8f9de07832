"""What is said about numbers that are none, and about their units."""

from __future__ import annotations

import re

from ..diagnostics import Edit, Fix
from ..late_pattern import late_pattern
from ..secrets.names import stands_for_secret
from ..secrets.texts import has_long_row
from ..suggest import did_you_mean, every
from ..units import (
    DURATION_UNITS,
    MISNAMED_UNITS,
    NUMBER_SUFFIXES,
    SIZE_UNITS,
    UNITS,
    WEEKS,
    PartsError,
    UnitError,
)
from ..wording import shorten
from .bare_texts import BareText, bare_text
from .reports import SyntaxReports
from .tokens import Token

_IN_OTHER_LETTERS = {unit.lower(): unit for unit in (*SIZE_UNITS, *DURATION_UNITS)}

_PER_MINUTE = ("rpm", "tpm")
_DOLLARS = ("usd", "dollar", "dollars")
"""What others write behind numbers, by what it means."""

_POWER = late_pattern(r"(\d[\d_]*)(?:\.(\d+))?[eE](\d{1,2})")
_MOST_ZEROS = 12
_HEXADECIMAL = late_pattern(r"0x[0-9a-fA-F]{1,8}")
_NUMBERED = late_pattern(r"\d++(?:_\d++)*+_")
_NUMBER = re.compile(r"\$?[\w.%]*+")
_MONEY_BEHIND = re.compile(r"\d[\d_]*(?:\.\d+)?[kMG]?\$")
_NUMBER_REST = re.compile(r"[\w%]|\.\d")


def bad_number(reports: SyntaxReports, token: Token, error: Exception) -> None:
    text = reports.source.text
    bare = bare_text(text, token.start)
    if bare is not None:
        bare_text_said(reports, bare)
    elif _MONEY_BEHIND.fullmatch(token.text):
        _money_behind(reports, token)
    elif isinstance(error, PartsError) and not _NUMBER_REST.match(text, token.end):
        _no_duration(reports, token)
    elif not isinstance(error, UnitError) or _NUMBER_REST.match(text, token.end):
        no_number(reports, token.start)
    else:
        _bad_unit(reports, token, error.suffix)


def _no_duration(reports: SyntaxReports, token: Token) -> None:
    here = reports.token_span(token)
    reports.error(
        "E0106",
        f"`{shorten(here.text)}` is no duration",
        here,
        "several parts",
        help="a duration of several parts begins with the largest unit, and has each once: `1m30s`",
    )


def no_number(reports: SyntaxReports, start: int) -> None:
    """Report a text at `start` that begins like a number and is none, once."""
    if start == reports.last_number:
        return
    reports.last_number = start
    found = _NUMBER.match(reports.source.text, start)
    here = reports.span(start, found.end() if found else start)
    written = reports.source.text[here.start : here.end]
    if has_long_row(written) and stands_for_secret(reports.source.text, start):
        reports.keys.say(Token("STRING", f'"{written}"', here.start, here.end))
        return
    meant = _in_digits(here.text)
    reports.error(
        "E0106",
        f"`{shorten(here.text)}` is no number",
        here,
        help="a number is written in digits, with a unit at its end: `10_000`, `2.5`, `30s`",
        fixes=[Fix(f"write `{meant}`", (Edit(here, meant),))] if meant else (),
    )


def _in_digits(written: str) -> str | None:
    """`1e3` and `0x10` in digits, `1_000_` without its last sign; None for what is no number anywhere."""
    power = _POWER.fullmatch(written)
    if power is not None:
        digits, fraction, zeros = power[1].replace("_", ""), power[2] or "", int(power[3])
        return f"{digits}{fraction.ljust(zeros, '0')}" if len(fraction) <= zeros <= _MOST_ZEROS else None
    if _HEXADECIMAL.fullmatch(written):
        return str(int(written, 16))
    return written.rstrip("_") if _NUMBERED.fullmatch(written) else None


def bare_text_said(reports: SyntaxReports, text: BareText) -> None:
    """Report a text without its quotes, once."""
    if text.start == reports.last_number:
        return
    reports.last_number = text.start
    reports.told_until = max(reports.told_until, text.end)
    text.say(reports.span(text.start, text.end), reports.error)


def _money_behind(reports: SyntaxReports, token: Token) -> None:
    here = reports.token_span(token)
    meant = f"${token.text[:-1]}"
    reports.error(
        "E0106",
        "the `$` of an amount of money stands before it",
        here,
        fixes=[Fix(f"write `{meant}`", (Edit(here, meant),))],
    )


def _bad_unit(reports: SyntaxReports, token: Token, suffix: str) -> None:
    start = token.end - len(suffix)
    meant = MISNAMED_UNITS.get(suffix) or _IN_OTHER_LETTERS.get(suffix.lower())
    fixes = []
    if token.text.startswith("$"):
        pass
    elif meant is not None:
        fixes = [Fix(f"write `{meant}`", (Edit(reports.span(start, token.end), meant),))]
    elif (whole := _instead(token.text[: -len(suffix)], suffix.lower())) is not None:
        counted = suffix.lower() in _PER_MINUTE  # the field perhaps holds something else
        fixes = [Fix(f"write `{whole}`", (Edit(reports.token_span(token), whole),), safe=not counted)]
    allowed = NUMBER_SUFFIXES if token.text.startswith("$") else UNITS
    hint = None if fixes else did_you_mean(suffix, allowed)
    known = f"units are {every(f'`{unit}`' for unit in allowed)}"
    reports.error(
        "E0106",
        f"there is no unit `{shorten(suffix)}`",
        reports.span(start, token.end),
        "unknown unit",
        help=[hint, known] if hint else known,
        fixes=fixes,
    )


def _instead(number: str, suffix: str) -> str | None:
    """What a number with a unit of others is here, None for one that nobody has."""
    if suffix in _PER_MINUTE:
        return number
    if suffix in _DOLLARS:
        return f"${number}"
    return f"{int(number) * 7}d" if suffix in WEEKS and number.isdecimal() else None


def no_dimension(reports: SyntaxReports, token: Token) -> None:
    if token.start != reports.last_number:
        reports.error(
            "E0106",
            f"`{shorten(token.text)}` is no dimension",
            reports.token_span(token),
            help="a dimension is a name, such as `batch`, or a whole number, such as `384`",
        )
