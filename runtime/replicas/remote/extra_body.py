"""Fields that a plan adds to the bodies of requests, under the names of their provider."""

from __future__ import annotations

from typing import Any

import orjson

from ....compiler.plan import RemotePoolPlan

Fields = dict[str, Any]


class ExtraBody:
    """The `extra_body` of a plan's defaults, and of what it forces."""

    def __init__(self, defaults: Fields, force: Fields) -> None:
        self._defaults = defaults
        self._force = force

    @classmethod
    def of(cls, plan: RemotePoolPlan) -> ExtraBody | None:
        """That of `plan`; None where it adds nothing."""
        if plan.request is None:
            return None
        defaults, force = (
            (each.extra_body or {}) if each is not None else {}
            for each in (plan.request.defaults, plan.request.force)
        )
        return cls(defaults, force) if defaults or force else None

    def added_to(self, body: bytes) -> bytes:
        """`body`, a JSON object, with all that it lacks, and what is forced in the place of its own."""
        value = orjson.loads(body)
        return orjson.dumps(_over(self._force, _over(value, self._defaults)))


def _over(upper: Fields, lower: Fields) -> Fields:
    """The fields of both, object by object; where both have one, that of `upper`."""
    merged = {**lower, **upper}
    for name, value in upper.items():
        below = lower.get(name)
        if isinstance(value, dict) and isinstance(below, dict):
            merged[name] = _over(value, below)
    return merged
