"""What providers say about their limits in the headers of an answer."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from .provider_times import seconds_to_wait

_MOST_DIGITS = 15


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
        until = seconds_to_wait(reset, headers.get("date"))
        if amount is None or not most or until is None or amount > most:
            return None
        return Remaining(amount, most, until / max(most - amount, 1), until)
    return None


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
