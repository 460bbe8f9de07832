"""What a provider says about an answer, beside it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from ...compiler.plan.record import frozen


class Remaining(NamedTuple):
    """What a provider says is left of one limit: `amount` now, one more every `every` seconds.

    limit: what was there when nothing was used. until: seconds for which this means something.
    """

    amount: int
    limit: int
    every: float
    until: float


@frozen
class Upstream:
    """request_id: what the provider calls the request; None where it does not say, or cannot be repeated.

    headers: of its answer, where they say what is left of its limits; empty elsewhere.
    """

    request_id: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})
