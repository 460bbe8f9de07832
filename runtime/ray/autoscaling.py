"""How many replicas a deployment has: Ray takes this to its controller, so it imports nothing of ours."""

from __future__ import annotations

from typing import Any

LOAD = "load"
"""What each replica says: how many requests for its deployment are under way or wait, at all gateways."""


def replicas_for_load(context: Any) -> tuple[float, dict[str, Any]]:
    """So many that each has no more than the target; what Serve's own delays and bounds are applied to."""
    said = [series[-1] for series in context.raw_metrics.get(LOAD, {}).values() if series]
    if not said:
        return context.target_num_replicas, {}
    last = max(said, key=lambda each: each.timestamp)
    return last.value / context.config.target_ongoing_requests, {}
