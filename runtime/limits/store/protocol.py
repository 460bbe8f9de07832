"""The one narrow interface behind which state may live in memory, in a file, or on a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import field, frozen

from ....compiler.plan import RateLimits


class StoreError(Exception):
    """The store cannot be used now; the message says which, and why."""


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


@frozen
class Returns:
    """What is told to the store on the occasion of an exchange.

    held: leases of requests that are still in flight, which would expire otherwise.
    """

    given_back: Sequence[Return] = ()
    held: Sequence[str] = field(factory=tuple)


class SharedLimits(Protocol):
    """Limits that several processes keep to together. Each call is atomic. Raises StoreError."""

    async def acquire(self, key: str, limits: RateLimits, asks: Sequence[Ask], returns: Returns) -> Grant:
        """Let as many of `asks` pass as fit, in their order."""

    async def share(self, key: str, limits: RateLimits, member: str, need: int, returns: Returns) -> Share:
        """A fair part of what is left for `member`, at least enough for one request of `need` tokens
        where that is there at all. 0: `member` wants nothing for now."""


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


class Store(Protocol):
    """Spend by account and minute, in picodollars; and what is shared with other processes.

    lasting: whether anything is here that this process did not just write. limits, health: None where no
    other process sees them.
    """

    lasting: bool
    limits: SharedLimits | None
    health: SharedHealth | None

    async def start(self) -> None:
        """Become ready. Raises StartError where it never can be."""

    async def stop(self) -> None:
        """Give everything back. Safe to call twice."""

    async def spend(self, account: str, since: int) -> dict[int, int]:
        """What `account` has spent in each minute from `since` on. Raises StoreError."""
        ...

    async def add_spend(self, account: str, amounts: Mapping[int, int], oldest: int) -> None:
        """Add to what `account` has spent, and forget what is older than `oldest`. Raises StoreError."""
