"""How long providers ask to wait, in all the forms in which they write it: durations and moments.

Sources: RFC 9110, 10.2.3 (`Retry-After`: seconds, or an HTTP date); OpenAI's rate limits (`1s`, `6m0s`,
`12ms`); Groq's (`2m59.56s`); Anthropic's (RFC 3339). OpenRouter writes Unix time in milliseconds, and
servers that count windows write it in seconds.
"""

from __future__ import annotations

import re
import time
from datetime import datetime
from email.utils import parsedate_to_datetime

from ...compiler.plan.late_pattern import late_pattern

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)", re.ASCII)
_DURATION = late_pattern(rf"(?:{_PART.pattern})+", re.ASCII)
_NUMBER = late_pattern(r"\d+(?:\.\d*)?(?:[eE]\+?\d{1,2})?", re.ASCII)

_TOLD = late_pattern(
    rf"\b(?:try again|retry) (?:in|after) (?P<exact>(?:{_PART.pattern})+)(?!\w)"
    r"|\b(?:try again|retry) (?:in|after) (?P<number>\d+(?:\.\d+)?) ?(?P<unit>second|minute|hour)s?\b",
    re.ASCII | re.IGNORECASE,
)
_LONGEST_TEXT = 64
_UNIX_SECONDS, _UNIX_MILLISECONDS, _TOO_LARGE = 1e9, 1e11, 1e14
"""From where on a number is no duration but a moment, in 2001 or later; and what is no moment either."""


def seconds_to_wait(text: str | None, date: str | None, unit: float = 1.0) -> float | None:
    """Seconds until what `text` says, always positive; None where that makes no sense, or is past.

    text: a duration such as `6m0s`, a number of units, Unix time in seconds or milliseconds, an RFC 3339
    moment, or an HTTP date. date: the answer's own `date`, from which moments count, so that no clock has
    to be right; where it has none, they count from now. unit: seconds.
    """
    text = (text or "").strip()
    if not text or len(text) > _LONGEST_TEXT:
        return None
    if _NUMBER.fullmatch(text):
        number = float(text)
        if number >= _UNIX_MILLISECONDS:
            wait = _after(number / 1000, date) if number < _TOO_LARGE else None
        else:
            wait = _after(number, date) if number * unit >= _UNIX_SECONDS else number * unit
    elif _DURATION.fullmatch(text):
        wait = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    else:
        moment = _moment(text)
        wait = None if moment is None else _after(moment.timestamp(), date)
    return wait if wait is not None and wait > 0 else None


def wait_told(message: str) -> float | None:
    """Seconds that the message of a rate limit asks to wait, where nothing but its words says so.

    Sources: https://github.com/openai/codex/pull/5956 (`try again in 1.898s`, `in 35 seconds`),
    https://github.com/openai/openai-node/issues/1108 (`retry after 33 seconds`).
    """
    found = _TOLD.search(message)
    if found is None:
        return None
    if found["exact"]:
        return seconds_to_wait(found["exact"], None)
    return float(found["number"]) * _UNITS[found["unit"][0].lower()] or None


def _after(moment: float, date: str | None) -> float:
    """Seconds from `date` to a moment in Unix time."""
    now = _http_date(date or "")
    return moment - (time.time() if now is None else now.timestamp())


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _http_date(text)
    return moment if moment.tzinfo else None


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else None
