"""What deployments share because it is the same account or the same endpoint behind them."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from ...compiler.plan import (
    CircuitBreakerConfig,
    Duration,
    Plan,
    RateLimits,
    RemotePoolPlan,
    SecretRef,
    UnavailableAction,
)
from ..policies.circuit_breaker import CircuitBreaker
from .rate_limiters import LocalRateLimiter, RateLimiter, SharedRateLimiter, StrictRateLimiter
from .replica_policies import TellHold
from .shared_circuits import SharedCircuitBreaker, SharedCircuits
from .store import Store

log = logging.getLogger(__name__)

Endpoint = tuple[str, str]
Account = tuple[str, str, str, str]


class Accounts:
    """The rate limiter of every account of a plan, and the circuit breaker of every endpoint.

    An account is a provider at an endpoint, a reference to a key, and a model. Where deployments
    that share one set different values, the most careful value counts.

    before: those of the plan that is served; what has not changed is the same here and there.
    """

    def __init__(self, plan: Plan, store: Store, before: Accounts | None = None) -> None:
        limits = self._limits = dict[Account, RateLimits]()
        breakers = self._configs = dict[Endpoint, CircuitBreakerConfig]()
        local = self._local = set[Endpoint]()
        names: dict[Account, list[str]] = {}
        for remote in plan.deployments:
            if isinstance(remote, RemotePoolPlan):
                config = remote.circuit_breaker
                for index in range(len(remote.replicas)):
                    endpoint = _replica_endpoint(remote, index)
                    breakers[endpoint] = _careful_breaker(breakers.get(endpoint, config), config)
                    if remote.is_launched:
                        local.add(endpoint)
                    account = _account(remote, index)
                    limits[account] = _careful_limits(limits.get(account), remote.rate_limits)
                    sharing = names.setdefault(account, [])
                    if remote.deployment not in sharing:
                        sharing.append(remote.deployment)
        self._before = before
        self._circuits: SharedCircuits | None = None
        if before is not None:
            self._circuits = before._circuits
        elif store.health:
            self._circuits = SharedCircuits(store.health)
        self._limiters = {
            account: self._kept_limiter(account)
            or make_limiter(
                f"{account[0]}, model {account[3]}",
                _name(account),
                limits[account],
                store,
                plan.state.on_unavailable,
                f"deployment {', '.join(f'`{name}`' for name in sharing)}",
            )
            for account, sharing in names.items()
        }
        self._breakers = {endpoint: self._breaker(endpoint, config) for endpoint, config in breakers.items()}

    def _kept_limiter(self, account: Account) -> RateLimiter | None:
        before = self._before
        same = before is not None and before._limits.get(account) == self._limits[account]
        return before._limiters[account] if before is not None and same else None

    def _breaker(self, endpoint: Endpoint, config: CircuitBreakerConfig) -> CircuitBreaker:
        before = self._before
        if before is not None and before._configs.get(endpoint) == config:
            return before._breakers[endpoint]
        if self._circuits is not None and endpoint not in self._local:
            return SharedCircuitBreaker(config, _name(endpoint), self._circuits)
        return CircuitBreaker(config)

    def breaker(self, plan: RemotePoolPlan, replica: int) -> CircuitBreaker:
        """The circuit breaker in front of the endpoint that a replica of `plan` uses."""
        return self._breakers[_replica_endpoint(plan, replica)]

    def limiter(self, plan: RemotePoolPlan, replica: int) -> RateLimiter:
        """The rate limiter of the account that a replica of `plan` uses."""
        return self._limiters[_account(plan, replica)]

    def tell_hold(self, plan: RemotePoolPlan, replica: int) -> TellHold | None:
        """What tells other processes that the provider wants to be left alone; None where there are none."""
        if self._circuits is None:
            return None
        return partial(self._circuits.hold, _name(_account(plan, replica)))

    async def start(self) -> None:
        """Make all rate limiters ready that are not."""
        for limiter in self._own_limiters(self._before):
            await limiter.start()
        if self._circuits and self._before is None:
            self.serve()
            await self._circuits.start()

    def serve(self) -> None:
        """Other processes are told of these from now on."""
        if self._circuits:
            shared = SharedCircuitBreaker
            breakers = {_name(key): each for key, each in self._breakers.items() if isinstance(each, shared)}
            self._circuits.know(breakers, {_name(key): each for key, each in self._limiters.items()})
        self._before = None

    async def stop(self, after: Accounts | None = None) -> None:
        """End every task that `after` does not go on with. Safe to call twice."""
        if self._circuits and after is None:
            await self._circuits.stop()
        await asyncio.gather(*(limiter.stop() for limiter in self._own_limiters(after)))

    def _own_limiters(self, other: Accounts | None) -> list[RateLimiter]:
        """Those that `other` does not have."""
        theirs = {id(each) for each in other._limiters.values()} if other is not None else set()
        return [each for each in self._limiters.values() if id(each) not in theirs]


def make_limiter(
    who: str, key: str, limits: RateLimits, store: Store, action: UnavailableAction, owner: str
) -> RateLimiter:
    """What keeps `limits`, as exactly as they want it and `store` can.

    who: for errors. key: what the limits are called in the store. owner: who has them, for the log.
    """
    limited = (limits.requests_per_minute, limits.tokens_per_minute, limits.concurrent_requests)
    if not any(limited):
        return LocalRateLimiter(who, limits)
    if store.limits is None:
        if limits.strict:
            log.warning(
                "%s: `strict` limits are exact within this process alone: to keep to them "
                "with several processes, run each with the same `--state redis://…`",
                owner,
            )
        return LocalRateLimiter(who, limits)
    if limits.strict:
        return StrictRateLimiter(who, limits, key, store.limits, action)
    return SharedRateLimiter(who, limits, key, store.limits)


def _name(key: tuple[str, ...]) -> str:
    """What an endpoint or an account is called in a store."""
    return "\n".join(key)


def _endpoint(plan: RemotePoolPlan) -> Endpoint:
    """A launched server and a plugin have no address in the plan: each is its deployment's own."""
    is_shared = bool(plan.endpoint) and not plan.is_launched
    return plan.provider.value, plan.endpoint if is_shared else f"{plan.endpoint}#{plan.deployment}"


def _replica_endpoint(plan: RemotePoolPlan, replica: int) -> Endpoint:
    """What circuits are of: each launched server is an endpoint of its own, known to this process alone."""
    provider, where = _endpoint(plan)
    return provider, f"{where}#{replica}" if plan.is_launched else where


def _account(plan: RemotePoolPlan, replica: int) -> Account:
    keys = plan.api_key
    key: SecretRef | None = keys[0 if len(keys) == 1 else replica] if keys else plan.credentials
    who = f"{key.source}:{key.name}" if key else ""
    if plan.aws is not None:
        named = plan.aws.access_key_id
        who = f"{named.source}:{named.name}" if named else plan.aws.profile or ""
    return *_endpoint(plan), who, plan.model


def _careful_limits(one: RateLimits | None, other: RateLimits) -> RateLimits:
    if one is None:
        return other
    return RateLimits(
        _least(one.requests_per_minute, other.requests_per_minute),
        _least(one.tokens_per_minute, other.tokens_per_minute),
        _least(one.concurrent_requests, other.concurrent_requests),
        one.strict or other.strict,
        Duration(max(one.max_hold, other.max_hold)),
    )


def _careful_breaker(one: CircuitBreakerConfig, other: CircuitBreakerConfig) -> CircuitBreakerConfig:
    return CircuitBreakerConfig(
        min(one.failure_threshold, other.failure_threshold),
        Duration(max(one.open_duration, other.open_duration)),
        min(one.half_open_max_probes, other.half_open_max_probes),
    )


def _least(one: int | None, other: int | None) -> int | None:
    given = [limit for limit in (one, other) if limit is not None]
    return min(given, default=None)
