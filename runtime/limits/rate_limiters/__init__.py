"""When a request may be sent under the limits of its account: permits, and waiting for one."""

from .limiter import MAX_WAIT, RateLimiter, too_late
from .local import LocalRateLimiter
from .shared import SharedRateLimiter
from .strict import StrictRateLimiter

__all__ = [
    "MAX_WAIT",
    "LocalRateLimiter",
    "RateLimiter",
    "SharedRateLimiter",
    "StrictRateLimiter",
    "too_late",
]
