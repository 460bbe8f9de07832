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
    """

    def __init__(self, plan: Plan, store: Store) -> None:
        limits: dict[Account, RateLimits] = {}
        breakers: dict[Endpoint, CircuitBreakerConfig] = {}
        names: dict[Account, list[str]] = {}
        for remote in plan.deployments:
            if isinstance(remote, RemotePoolPlan):
                endpoint = _endpoint(remote)
                config = remote.circuit_breaker
                breakers[endpoint] = _careful_breaker(breakers.get(endpoint, config), config)
                for index in range(len(remote.replicas)):
                    account = _account(remote, index)
                    limits[account] = _careful_limits(limits.get(account), remote.rate_limits)
                    sharing = names.setdefault(account, [])
                    if remote.deployment not in sharing:
                        sharing.append(remote.deployment)
        self._limiters = {
            account: make_limiter(
                f"{account[0]}, model {account[3]}",
                _name(account),
                limits[account],
                store,
                plan.state.on_unavailable,
                f"deployment {', '.join(f'`{name}`' for name in sharing)}",
            )
            for account, sharing in names.items()
        }
        self._circuits = SharedCircuits(store.health) if store.health else None
        if self._circuits:
            self._circuits.limiters = {_name(account): limiter for account, limiter in self._limiters.items()}
        self._breakers = {
            endpoint: SharedCircuitBreaker(config, _name(endpoint), self._circuits)
            if self._circuits
            else CircuitBreaker(config)
            for endpoint, config in breakers.items()
        }

    def breaker(self, plan: RemotePoolPlan) -> CircuitBreaker:
        """The circuit breaker in front of the endpoint of `plan`."""
        return self._breakers[_endpoint(plan)]

    def limiter(self, plan: RemotePoolPlan, replica: int) -> RateLimiter:
        """The rate limiter of the account that a replica of `plan` uses."""
        return self._limiters[_account(plan, replica)]

    def tell_hold(self, plan: RemotePoolPlan, replica: int) -> TellHold | None:
        """What tells other processes that the provider wants to be left alone; None where there are none."""
        if self._circuits is None:
            return None
        return partial(self._circuits.hold, _name(_account(plan, replica)))

    async def start(self) -> None:
        """Make all rate limiters ready."""
        for limiter in self._limiters.values():
            await limiter.start()
        if self._circuits:
            await self._circuits.start()

    async def stop(self) -> None:
        """End every task. Safe to call twice."""
        if self._circuits:
            await self._circuits.stop()
        await asyncio.gather(*(limiter.stop() for limiter in self._limiters.values()))


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
    is_shared = bool(plan.endpoint) and "{port}" not in plan.endpoint
    return plan.provider.value, plan.endpoint if is_shared else f"{plan.endpoint}#{plan.deployment}"


def _account(plan: RemotePoolPlan, replica: int) -> Account:
    keys = plan.api_key
    key: SecretRef | None = keys[0 if len(keys) == 1 else replica] if keys else plan.credentials
    return *_endpoint(plan), f"{key.source}:{key.name}" if key else "", plan.model


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
