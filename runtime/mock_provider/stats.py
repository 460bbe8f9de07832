"""What the mock provider saw."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from attrs import asdict, field, fields

from ...compiler.plan.record import define


@define
class Stats:
    """Counts since the start or the last reset; `open` are the requests being answered right now.

    keys: requests for each key, under its fingerprint. statuses: answers for each HTTP status.
    """

    requests: int = 0
    answered: int = 0
    faults: int = 0
    limited: int = 0
    unauthorized: int = 0
    cancelled: int = 0
    open: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    apis: dict[str, int] = field(factory=dict)
    models: dict[str, int] = field(factory=dict)
    keys: dict[str, int] = field(factory=dict)
    statuses: dict[str, int] = field(factory=dict)

    def count(self, group: dict[str, int], name: str) -> None:
        """One more of `name`."""
        group[name] = group.get(name, 0) + 1

    def reset(self) -> None:
        """Start to count anew; what is open stays open."""
        still_open, fresh = self.open, Stats()
        for attribute in fields(Stats):
            setattr(self, attribute.name, getattr(fresh, attribute.name))
        self.open = still_open

    def json(self) -> Mapping[str, Any]:
        """The counts as they are shown."""
        return asdict(self)


def fingerprint(key: str) -> str:
    """What tells keys apart without giving them away."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:12]
