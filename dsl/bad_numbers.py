"""What is said about numbers that are none, and about their units."""

from __future__ import annotations

import re

from .diagnostics import Edit, Fix
from .reports import SyntaxReports
from .suggest import did_you_mean, every
from .tokens import Token
from .units import DURATION_UNITS, NUMBER_SUFFIXES, SIZE_UNITS, PartsError, UnitError
from .wording import shorten

UNITS = (*NUMBER_SUFFIXES, *DURATION_UNITS, *SIZE_UNITS, "%")
MISNAMED_UNITS = {
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "min": "m",
    "mins": "m",
    "minute": "m",
    "minutes": "m",
    "hr": "h",
    "hrs": "h",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
    "msec": "ms",
    "millis": "ms",
    "Ki": "KiB",
    "Mi": "MiB",
    "Gi": "GiB",
    "Ti": "TiB",
    "KB": "KiB",
    "MB": "MiB",
    "GB": "GiB",
    "TB": "TiB",
    "K": "k",
    "m": "M",
    "g": "G",
    "B": "G",
    "kb": "KiB",
    "mb": "MiB",
    "gb": "GiB",
    "tb": "TiB",
    "kib": "KiB",
    "mib": "MiB",
    "gib": "GiB",
    "tib": "TiB",
}

_PER_MINUTE = ("rpm", "tpm")
_DOLLARS = ("usd", "dollar", "dollars")
_WEEKS = ("w", "wk", "week", "weeks")
"""What others write behind numbers, by what it means."""

_NUMBER = re.compile(r"\$?[\w.%]*+")
_MONEY_BEHIND = re.compile(r"\d[\d_]*(?:\.\d+)?[kMG]?\$")
_NUMBER_REST = re.compile(r"[\w%]|\.\d")
_TEXT_BEFORE = re.compile(r"[^\W\d][\w./-]*[-/]$")
_BARE_TEXT = re.compile(r"[\w./-]*+")
"""A text without its quotes, such as the name of a model."""


def bad_number(reports: SyntaxReports, token: Token, error: Exception) -> None:
    text = reports.source.text
    first = _TEXT_BEFORE.search(text, max(0, token.start - 60), token.start)
    if first is not None and first.end() == token.start:
        _bare_text(reports, first.start())
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
    reports.error(
        "E0106",
        f"`{shorten(here.text)}` is no number",
        here,
        help="a number is written in digits, with a unit at its end: `10_000`, `2.5`, `30s`",
    )


def _bare_text(reports: SyntaxReports, start: int) -> None:
    found = _BARE_TEXT.match(reports.source.text, start)
    here = reports.span(start, found.end() if found else start)
    reports.error(
        "E0105",
        "a text stands between double quotes",
        here,
        "quote this",
        fixes=[Fix("add the quotes", (Edit(here, f'"{here.text}"'),))],
    )


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
    meant = MISNAMED_UNITS.get(suffix)
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
    return f"{int(number) * 7}d" if suffix in _WEEKS and number.isdecimal() else None


def no_dimension(reports: SyntaxReports, token: Token) -> None:
    if token.start != reports.last_number:
        reports.error(
            "E0106",
            f"`{shorten(token.text)}` is no dimension",
            reports.token_span(token),
            help="a dimension is a name, such as `batch`, or a whole number, such as `384`",
        )
