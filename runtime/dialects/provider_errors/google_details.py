"""What Google writes into the `details` of an error: how long to wait, which quota, which reason.

Source: Google API error model (RetryInfo, QuotaFailure, ErrorInfo).
"""

from __future__ import annotations

from typing import Any

from ....compiler.plan.record import frozen
from ..provider_times import seconds_to_wait


@frozen
class Details:
    """retry_after: seconds. spent: a quota of the day is used up. bad_key: the key means nothing."""

    retry_after: float | None = None
    spent: bool = False
    bad_key: bool = False


def read_details(error: dict[str, Any]) -> Details:
    """The details of an error object; what is not understood is left out."""
    given = error.get("details")
    retry_after: float | None = None
    spent = bad_key = False
    for detail in given if isinstance(given, list) else []:
        match detail:
            case {"retryDelay": str(delay)}:
                retry_after = seconds_to_wait(delay, None)
            case {"violations": list(violations)}:
                spent = spent or any(_is_daily(violation) for violation in violations)
            case {"reason": "API_KEY_INVALID" | "ACCESS_TOKEN_EXPIRED"}:
                bad_key = True
    return Details(retry_after, spent, bad_key)


def _is_daily(violation: object) -> bool:
    quota = violation.get("quotaId") if isinstance(violation, dict) else None
    return isinstance(quota, str) and "perday" in quota.lower()
