"""What is told of requests that have ended: their stories, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...admin import Answer, Refused
from .accounting import DIMENSIONS, grouped
from .request_records import Records

LAST = 20
"""Requests that went wrong which are told at once."""

MOST = 500
"""Requests that are told at once, whatever is asked for."""

Asked = Mapping[str, Any]


def costs(records: Records, asked: Asked) -> Answer:
    """What was spent in the last `seconds`, `by` some of the dimensions. Raises Refused."""
    by, seconds = asked.get("by"), asked.get("seconds")
    if not isinstance(by, list) or not by or any(each not in DIMENSIONS for each in by):
        raise Refused(f"costs are told by {', '.join(DIMENSIONS)}")
    if not isinstance(seconds, int | float) or not 0 < seconds < 1e10:
        raise Refused("`seconds` must be a number of seconds")
    accounting = records.accounting
    rows = grouped(accounting.since(seconds), by)
    return {
        "since": accounting.began,
        "rows": [{"group": list(group), **spend.as_json()} for group, spend in rows],
    }


def why(records: Records, asked: Asked) -> Answer:
    """The story of the request with the `id`; without one, the last ones: those that went wrong, or as many
    as `recent` says of all. Raises Refused."""
    request_id = asked.get("id")
    if request_id is None:
        recent = asked.get("recent")
        if type(recent) is int and recent > 0:
            return {"requests": last_requests(records, min(recent, MOST))}
        return {"requests": records.troubled(LAST)}
    story = records.story(str(request_id))
    if story is None:
        raise Refused(f"no request {request_id} is remembered: it is too long ago, or was sent elsewhere")
    return story


def last_requests(records: Records, most: int) -> list[dict[str, Any]]:
    """The last requests, and the last of those that went wrong; the oldest first."""
    found = {(each["id"], each["time"]): each for each in (*records.troubled(most), *records.recent(most))}
    return sorted(found.values(), key=lambda each: float(each["time"]))
