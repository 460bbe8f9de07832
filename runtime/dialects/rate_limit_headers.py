"""What providers say about their limits in the headers of an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from attrs import frozen

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")


@frozen
class Remaining:
    """What a provider says is left of one limit: `amount` now, one more every `every` seconds.

    limit: what was there when nothing was used. until: seconds for which this means something.
    """

    amount: int
    limit: int
    every: float
    until: float


def remaining(headers: Mapping[str, str], what: str) -> Remaining | None:
    """What is left of the limit on `what`, "requests" or "tokens"; None where no header says so.

    Answers without a sensible limit, remainder and reset say nothing: some providers send -1 or 0.
    """
    for prefix, middle in (("x-ratelimit", True), ("anthropic-ratelimit", False)):
        left = headers.get(f"{prefix}-remaining-{what}" if middle else f"{prefix}-{what}-remaining")
        if left is None:
            continue
        limit = headers.get(f"{prefix}-limit-{what}" if middle else f"{prefix}-{what}-limit")
        reset = headers.get(f"{prefix}-reset-{what}" if middle else f"{prefix}-{what}-reset")
        amount, most = _whole(left), _whole(limit)
        until = _seconds(reset, headers.get("date"))
        if amount is None or not most or until is None or until <= 0 or amount > most:
            return None
        return Remaining(amount, most, until / max(most - amount, 1), until)
    return None


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _seconds(text: str | None, date: str | None) -> float | None:
    """A duration such as `6m0s`, plain seconds, or an RFC 3339 moment, counted from `date`."""
    if text is None:
        return None
    if _DURATION.fullmatch(text):
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return (datetime.fromisoformat(text) - parsedate_to_datetime(date or "")).total_seconds()
    except (TypeError, ValueError):
        return None
