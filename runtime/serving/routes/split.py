"""`split { a: 95%, b: 5% }`: members by shares; requests with the same key go to the same member."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Coroutine, Sequence
from hashlib import blake2b
from itertools import accumulate
from random import Random
from typing import Any

from ....compiler.plan import SplitPlan
from ...requests.answer import Chunk
from ...requests.call import Call
from ...requests.trace import Trace
from ..affinity import key_of
from ..model import Model
from .failover import whole_with_failover, with_failover
from .route import Route


class Splitting:
    """Which member a request goes to.

    The same key goes to the same member, in every process and after every restart; when the shares
    change, only keys that must move do.
    """

    def __init__(self, route: str, shares: Sequence[float], random: Random) -> None:
        self._route = route
        self._bounds = list(accumulate(shares))
        self._random = random

    def decide(self, key: str | None) -> int:
        """The index of the member. key: None where the request has none, which chance decides then."""
        place = self._random.random() if key is None else self._place(key)
        place *= self._bounds[-1]
        return next((i for i, bound in enumerate(self._bounds) if place < bound), len(self._bounds) - 1)

    def _place(self, key: str) -> float:
        text = f"{self._route}\0{key}".encode("utf-8", "surrogatepass")
        return int.from_bytes(blake2b(text, digest_size=7).digest()) / 2**56


class Split(Route):
    """A member that fails is not replaced by another: the shares are what is measured."""

    def __init__(self, plan: SplitPlan, members: Sequence[Model], random: Random) -> None:
        super().__init__(plan, members)
        self._key = plan.key
        self.splitting = Splitting(plan.route, [share.share for share in plan.shares], random)

    def pick(self, call: Call, trace: Trace) -> AsyncGenerator[Chunk, None]:
        return with_failover(self, self._order(call), call, trace)

    def pick_whole(self, call: Call, trace: Trace) -> Coroutine[Any, Any, Chunk]:
        return whole_with_failover(self, self._order(call), call, trace)

    def _order(self, call: Call) -> list[int]:
        """The one member that is asked."""
        return [self.splitting.decide(key_of(call, self._key))]
