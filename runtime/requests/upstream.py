"""What a provider says about an answer, beside it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from ...compiler.plan.record import frozen

MINUTE = 60.0


class Remaining(NamedTuple):
    """What a provider says is left of one limit: `amount` now, one more every `every` seconds.

    limit: what was there when nothing was used. until: seconds for which this means something.
    """

    amount: int
    limit: int
    every: float
    until: float


class Left(NamedTuple):
    """What is left of the limits of a minute that are counted here, and the limits; 0 where there is none.

    until: seconds after which nothing that is counted now is counted any more.
    """

    requests: int
    most_requests: int
    tokens: int
    most_tokens: int
    until: float

    def remaining(self) -> dict[str, Remaining]:
        """The same by "requests" and "tokens", as providers say it of theirs."""
        found: dict[str, Remaining] = {}
        if limit := self.most_requests:
            found["requests"] = Remaining(self.requests, limit, MINUTE / limit, self.until)
        if limit := self.most_tokens:
            found["tokens"] = Remaining(self.tokens, limit, MINUTE / limit, self.until)
        return found


UNLIMITED = Left(0, 0, 0, 0, 0.0)


@frozen
class Upstream:
    """request_id: what the provider calls the request; None where it does not say, or cannot be repeated.

    headers: of its answer, where they say what is left of its limits; empty elsewhere.
    """

    request_id: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})
