"""How long a provider asks to wait, and whether to try again at all, from the headers of its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..provider_times import seconds_to_wait

_HEADERS = (
    ("retry-after-ms", 0.001),
    ("x-ms-retry-after-ms", 0.001),
    ("retry-after", 1.0),
)
"""Where the time to wait stands, the most exact first, and the unit of a plain number there in seconds."""


def retry_after(headers: Mapping[str, str], error: Mapping[str, Any]) -> float | None:
    """Seconds to wait, always positive, and not believed yet; None where nothing says so.

    error: the error object in the body, where OpenRouter, Cloudflare and ChatGPT say when, or which quotes
    the headers of who answered it. Sources: developers.cloudflare.com/changelog, 2026-03-12, Retry-After for
    1xxx errors; https://github.com/router-for-me/CLIProxyAPI/issues/1666.
    """
    date = headers.get("date")
    for name, unit in _HEADERS:
        if (wait := seconds_to_wait(headers.get(name), date, unit)) is not None:
            return wait
    match error:
        case (
            {"availability": {"retry_after": int(seconds) | float(seconds)}}
            | {"retry_after": int(seconds) | float(seconds)}
            | {"resets_in_seconds": int(seconds) | float(seconds)}
        ) if seconds > 0 and seconds is not True:
            return float(seconds)
        case {"metadata": {"headers": {"X-RateLimit-Reset": str(reset)}}}:
            return seconds_to_wait(reset, date)
    return None


def should_retry(headers: Mapping[str, str]) -> bool | None:
    """What `x-should-retry` says; None where it is absent or means nothing."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())
