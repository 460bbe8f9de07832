"""Permits to send a request under the limits of an account, and waiting for one."""

from .local import LocalPermits
from .permits import MAX_WAIT, Permits, too_late
from .shared import SharedPermits
from .strict import StrictPermits

__all__ = ["MAX_WAIT", "LocalPermits", "Permits", "SharedPermits", "StrictPermits", "too_late"]
