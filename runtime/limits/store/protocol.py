"""The one narrow interface behind which state may live in memory, in a file, or on a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from ....compiler.plan import RateLimits
from ....compiler.plan.record import frozen
from ...policies.lease import Granted, SpendState
from .problems import Problems


@frozen
class Ask:
    """A request of `tokens` wants to be sent; `lease` is a name for it that no other has."""

    tokens: int
    lease: str


@frozen
class Return:
    """Something that was granted is given back: of `bucket`, so many requests and tokens.

    Negative amounts are counted in addition. lease: the request that has ended, if one has.
    """

    bucket: int
    requests: int
    tokens: int
    lease: str | None = None


@frozen
class Grant:
    """The first `granted` of those who asked may be sent, and are counted in `bucket`.

    wait: seconds after which the next one should ask again.
    """

    granted: int
    bucket: int
    wait: float


@frozen
class Share:
    """What one of `members` processes may send before it asks again; None is no limit."""

    requests: int | None
    tokens: int | None
    bucket: int
    members: int


class AccountLimits(Protocol):
    """The part of one process in the limits of one account. Each call is atomic. Raises StoreError; what was
    given back is then told with the next call, and counts once, whether it had arrived or not.
    """

    async def acquire(self, asks: Sequence[Ask], given_back: Sequence[Return], held: Sequence[str]) -> Grant:
        """Let as many of `asks` pass as fit, in their order. held: leases of requests that are in flight,
        which would expire otherwise."""
        ...

    async def share(self, need: int, used: tuple[int, int], given_back: Sequence[Return]) -> Share:
        """A fair part of what is left, at least enough for one request of `need` tokens where that is there
        at all; what was left of the last one is taken back. 0: nothing is wanted for now. used: requests and
        tokens of the last share that were sent."""
        ...


class SharedLimits(Protocol):
    """Limits that several processes keep to together."""

    def account(self, key: str, limits: RateLimits) -> AccountLimits:
        """The part of a process that has not been here yet. key: the name of the limits in the store."""
        ...


@frozen
class Opening:
    """The circuit of an endpoint is not closed: probes may pass in `seconds`.

    open_for: seconds for which it was opened.
    """

    seconds: float
    open_for: float


class SharedHealth(Protocol):
    """What processes tell each other about endpoints and accounts. Each call is atomic. Raises StoreError."""

    async def heard(
        self, endpoints: Sequence[str], accounts: Sequence[str]
    ) -> tuple[list[Opening | None], list[float]]:
        """How each circuit is, None: closed; and for how many seconds each account is held."""
        ...

    async def open(self, endpoint: str, opening: Opening) -> None:
        """The circuit has opened. One that is open for longer stays as it is."""

    async def close(self, endpoint: str) -> None:
        """The circuit has closed."""

    async def probe(self, endpoint: str, process: str) -> Opening | bool | None:
        """Whether `process` alone may probe now; None where the circuit is closed, and when it is still open,
        until when."""

    async def release(self, endpoint: str, process: str) -> None:
        """`process` does not probe any more."""

    async def hold(self, account: str, seconds: float) -> None:
        """Nothing is to be sent for so long. A longer wish stays as it is."""


Change = Callable[[SpendState, float], Granted]
"""What is done with the state of a budget, at a time in seconds since 1970. Pure; may be done again."""


class SharedSpend(Protocol):
    """What budgets have spent. Each call is atomic. Raises StoreError."""

    async def update(self, account: str, change: Change) -> Granted:
        """Do `change` with what is kept for `account`, and keep its outcome. The time is that of one clock,
        which all processes see set at once.

        account: a project and a deployment, with a slash between them.
        """
        ...

    async def look(self, accounts: Sequence[str]) -> Mapping[str, SpendState]:
        """What is kept for those of `accounts` that may have changed since they were last looked at."""
        ...


class SharedValues(Protocol):
    """Texts that are kept for a while under a name. Each call is atomic. Raises StoreError."""

    async def put(self, name: str, value: str, seconds: float) -> None:
        """Keep `value` for so long, in the place of what had the name."""

    async def get(self, name: str) -> str | None:
        """What is kept under the name; None where there is nothing any more."""
        ...

    async def swap(self, name: str, before: str, value: str, seconds: float) -> bool:
        """Keep `value` for so long if what has the name is `before`; whether it was."""
        ...

    async def delete(self, name: str) -> bool:
        """Keep it no longer; whether it was there."""
        ...


class Store(Protocol):
    """Where processes share something, a part at a time: each is None where no other process sees it.

    where: for messages; holds no secret. values: kept in any case, if need be in this process alone.
    problems: what does not work now, or has gone wrong since the start.
    """

    where: str
    limits: SharedLimits | None
    health: SharedHealth | None
    spend: SharedSpend | None
    values: SharedValues
    problems: Problems

    async def start(self) -> None:
        """Become ready. Raises StartError where it never can be."""

    async def stop(self) -> None:
        """Give everything back. Safe to call twice."""
