"""What inferc calls of RE2, on Python's own `re`: RE2 is C++, which no browser has.

Patterns of JSON schemas may then take long; they can only hold up the page of whoever wrote them.
"""

from __future__ import annotations

import re

error = re.error


class Options:
    """Its settings; none of them means anything here."""

    log_errors = False
    max_mem = 0


def compile(pattern: str, options: Options | None = None) -> re.Pattern[str]:
    """Raises error."""
    return re.compile(pattern)
