"""How long a provider asks to wait, in all the forms in which providers say it."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from math import isfinite


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, always positive; None where `headers` do not say.

    Reads `retry-after-ms`, `x-ms-retry-after-ms`, and `retry-after` in seconds or as an HTTP date,
    which is taken relative to the answer's own `date`, so that no clock has to be right.
    """
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if (milliseconds := _positive(headers.get(name))) is not None:
            return milliseconds / 1000
    value = headers.get("retry-after")
    if (seconds := _positive(value)) is not None:
        return seconds
    return _until(value, headers.get("date")) if value else None


def should_retry(headers: Mapping[str, str]) -> bool | None:
    """What `x-should-retry` says; None where it is absent or means nothing."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def _positive(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if isfinite(value) and value > 0 else None


def _until(date: str, now: str | None) -> float | None:
    try:
        wait = (parsedate_to_datetime(date) - parsedate_to_datetime(now or "")).total_seconds()
    except (TypeError, ValueError):
        return None
    return wait if wait > 0 else None
