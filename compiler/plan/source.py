"""Where in the source something was declared."""

from __future__ import annotations

from ...dsl.record import frozen


@frozen
class SourceRef:
    """Where in the source something was declared; line and column count from 1."""

    file: str
    line: int
    column: int
