"""What each attempt at one replica of a remote deployment must pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import field

from ...compiler.plan import RemotePoolPlan
from ...compiler.plan.record import frozen
from ..policies.asked_tier import AskedTier
from ..policies.budget import Budget
from ..policies.circuit_breaker import CircuitBreaker
from ..policies.estimate import Estimate, estimate
from ..requests.request import ChatRequest, Request
from .rate_limiters import RateLimiter


@frozen
class Payer:
    """Somebody whose budget requests are charged to. who: for messages, such as "key `team_a`". plan: of the
    deployment that pays for itself.
    """

    who: str
    budget: Budget
    plan: RemotePoolPlan | None = None


def route_payer(route: str) -> str:
    """What the budget of a route is called among those of others."""
    return f"route {route}"


TellHold = Callable[[float], None]


@frozen
class ReplicaPolicies:
    """The policies that each attempt at one replica passes.

    epoch: what to add to the loop's time to get seconds since 1970. tell_hold: told to other processes, for
    how many seconds the provider wants to be left alone. payers: others whose budgets requests may be charged
    to, by name. everyone: who pays for each request at any deployment. always: who pays for each request at
    this one: itself, and everyone. tiers: which tiers of service requests ask for.
    """

    plan: RemotePoolPlan
    breaker: CircuitBreaker
    limiter: RateLimiter
    budget: Budget | None = None
    epoch: float = 0.0
    tell_hold: TellHold | None = None
    payers: Mapping[str, Payer] = field(factory=dict)
    everyone: Payer | None = None
    always: tuple[Payer, ...] = field(init=False)
    tiers: AskedTier = field(init=False, eq=False, repr=False)
    paying: dict[tuple[str, ...], tuple[Payer, ...]] = field(factory=dict, init=False, eq=False, repr=False)

    @tiers.default
    def _asked(self) -> AskedTier:
        return AskedTier(self.plan)

    @always.default
    def _who_pays(self) -> tuple[Payer, ...]:
        who = f"deployment `{self.plan.deployment}`"
        itself = None if self.budget is None else Payer(who, self.budget, self.plan)
        return tuple(each for each in (itself, self.everyone) if each is not None)

    def who_pays(self, names: tuple[str, ...]) -> tuple[Payer, ...]:
        """For requests that `names` answer for; found once, and kept in `paying`."""
        found = self.always + tuple(self.payers[name] for name in names if name in self.payers)
        self.paying[names] = found
        return found

    def size_of(self, request: Request) -> Estimate:
        """What `request` will probably consume here, in the tier of service that it asks for. A model may
        search for each chat without being asked, and not tell it.

        Source: OpenAI's guide to web search: in chat completions, these models always search before they
        answer.
        """
        size = estimate(request)
        if self.plan.capabilities.searches_unasked and isinstance(request, ChatRequest):
            size = size._replace(searches=1)
        tier = self.tiers.of(request)
        return size._replace(tier=tier) if tier else size
