"""What providers say in the headers of an answer: how they call the request, what is left of their limits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from ..requests.foreign_text import fits_header
from ..requests.upstream import Remaining, Upstream
from ..secret import Secret
from .provider_times import seconds_to_wait

REQUEST_ID_HEADERS = ("x-request-id", "request-id", "apim-request-id")
"""Where providers put the id of a request: OpenAI and Azure, Anthropic, Azure's gateway."""

_LIMITS = ("requests", "tokens")
_MOST_DIGITS = 15
_LONGEST_RESET = 366 * 86400.0


def read_upstream(headers: Mapping[str, str], secret: Secret | None) -> Upstream:
    """What `headers` say; nothing of it holds `secret`, or does not fit into a header."""
    request_id = next((headers[name] for name in REQUEST_ID_HEADERS if name in headers), None)
    if request_id is not None and (
        not fits_header(request_id) or (secret is not None and secret.scrub(request_id) != request_id)
    ):
        request_id = None
    left = {what: found for what in _LIMITS if (found := remaining(headers, what)) is not None}
    return Upstream(request_id, left)


def openai_limits(left: Mapping[str, Remaining]) -> dict[str, str]:
    """`left` as OpenAI's clients read it."""
    return {
        f"x-ratelimit-{name}-{what}": value
        for what, each in left.items()
        for name, value in (
            ("limit", str(each.limit)),
            ("remaining", str(each.amount)),
            ("reset", f"{min(each.until, _LONGEST_RESET):.3f}s"),
        )
    }


def anthropic_limits(left: Mapping[str, Remaining], now: float) -> dict[str, str]:
    """`left` as Anthropic's clients read it. now: in Unix time."""
    return {
        f"anthropic-ratelimit-{what}-{name}": value
        for what, each in left.items()
        for name, value in (
            ("limit", str(each.limit)),
            ("remaining", str(each.amount)),
            ("reset", _moment(now + min(each.until, _LONGEST_RESET))),
        )
    }


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


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
