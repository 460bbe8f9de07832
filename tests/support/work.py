"""How much work something is, in a measure that does not depend on the machine."""

from __future__ import annotations

import cProfile
from collections.abc import Callable


def calls_during(work: Callable[[], object]) -> int:
    """How many functions are called, of Python and of C."""
    profile = cProfile.Profile(subcalls=False)
    profile.runcall(work)
    return sum(entry.callcount for entry in profile.getstats())
