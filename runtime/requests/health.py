"""What is to be known about a server before requests are sent to it."""

from __future__ import annotations

from enum import StrEnum

from ...compiler.plan.record import frozen


class Health(StrEnum):
    """Whether requests may come, from best to worst."""

    OK = "ok"
    DEGRADED = "degraded"
    NOT_READY = "not ready"


@frozen
class Finding:
    """Something that is not as it should be. part: such as "deployment `gpt`". Neither says a secret."""

    part: str
    health: Health
    reason: str
