"""The trace that a request belongs to, as W3C's Trace Context writes it: told to whoever is asked for it."""

from __future__ import annotations

from contextvars import ContextVar

from ...compiler.plan.late_pattern import late_pattern

TRACEPARENT = "traceparent"

PARENT: ContextVar[str] = ContextVar("traceparent", default="")
"""What providers are told for the request at hand; empty: nothing."""
parent_now = PARENT.get
"""The same, as it is; Python looks a method of an imported name up each time."""

_FORM = late_pattern(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def is_traceparent(text: str) -> bool:
    """Whether `text` names a trace."""
    return _FORM.fullmatch(text) is not None


def trace_id_of(parent: str) -> str:
    """The id of the trace that it names."""
    return parent[3:35]
