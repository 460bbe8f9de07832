"""Money that several processes lease from one budget: what a store keeps of it, and what a process holds.

A process spends from its lease without asking. Whatever is spent is counted in the store before: as part of
a lease, and later as the spend of a minute. A lease whose process has died stays counted for as long as the
windows of the budget, because it may have been spent. Amounts are whole picodollars.
"""

from __future__ import annotations

import json
import secrets
from collections import deque
from collections.abc import Mapping, Sequence

from attrs import field

from ...compiler.plan.record import frozen
from .budget import DAY, HOUR, MINUTE, WINDOWS

LEASE = 5.0
"""Seconds for which a process may spend from a lease after the store last heard of it."""

DEAD = 600.0
"""Seconds after the end of a lease from which on it is kept as spend. If its holder comes back after all, it
counts twice, which is safe."""

FINE = 2 * DAY
"""Minutes for which spend is kept by the minute. What is older counts in the last minute of its hour."""

KEEP = FINE + 2 * WINDOWS["month"] // HOUR
"""Minutes and hours with spend that are kept, the newest. Their number counts, not their age: a clock that is
wrong deletes nothing."""

AHEAD = 0.5
"""Seconds of spending that a process leases ahead."""

_LOST = 4
"""Lost states of which it is known that they were put back."""

_NEWS = 10.0
"""Seconds after which all other processes have heard what one has told the store."""


@frozen
class Lease:
    """Money that a process may spend until `until`, in seconds since 1970.

    number: of the exchange that was the last about it.
    """

    amount: int
    until: float
    number: int


@frozen
class SpendState:
    """What the store keeps of one budget: spend by minute, and leases by holder.

    identity: drawn when the store first hears of the budget; another one means that it forgot.
    lost: the identities of what it had forgotten, and was told again.
    """

    spend: Mapping[int, int] = field(factory=dict)
    leases: Mapping[str, Lease] = field(factory=dict)
    identity: str = field(factory=lambda: secrets.token_hex(8))
    lost: tuple[str, ...] = ()

    def total(self, minute: int, span: int) -> int:
        """What counts at `minute` in a window of `span` minutes, leases included."""
        oldest = minute - span
        spent = sum(amount for when, amount in self.spend.items() if when >= oldest)
        return spent + sum(x.amount for x in self.leases.values() if int(x.until / MINUTE) >= oldest)

    def settled(self, now: float) -> dict[int, int]:
        """Spend by minute, with the leases that have ended."""
        spend = dict(self.spend)
        for lease in self.leases.values():
            if lease.until <= now:
                _add(spend, {int(lease.until / MINUTE): lease.amount})
        return spend

    def leased(self, now: float, except_to: str) -> int:
        """What is leased to others than `except_to`."""
        return sum(x.amount for who, x in self.leases.items() if x.until > now and who != except_to)

    def encode(self) -> str:
        """As text, with all amounts exact."""
        leases = {who: [x.amount, x.until, x.number] for who, x in self.leases.items()}
        spend = {str(minute): amount for minute, amount in self.spend.items()}
        said = {"id": self.identity, "leases": leases, "spend": spend, "lost": self.lost}
        return json.dumps(said, separators=(",", ":"))

    @classmethod
    def decode(cls, text: str) -> SpendState:
        """What `encode` wrote. Raises ValueError."""
        try:
            said = json.loads(text)
            leases = {
                who: Lease(int(a), float(until), int(n)) for who, (a, until, n) in said["leases"].items()
            }
            spend = {int(minute): int(amount) for minute, amount in said["spend"].items()}
            return cls(spend, leases, str(said["id"]), tuple(map(str, said.get("lost", ()))))
        except (AttributeError, KeyError, TypeError, RecursionError, OverflowError) as error:
            raise ValueError(f"it is no state of a budget: {error!r}") from None


@frozen
class LeaseRequest:
    """What a process tells the store, and what it asks for. `number` is that of an exchange; one that may not
    have arrived is repeated under the same number, and counts once.

    spent: by minute. held: what of the lease is kept, which covers all that is not in `spent`. need: the
    least that is of use. want: what would be best. ceilings: minutes of each window, and what it may hold.
    known: what the store last said. told: the last exchanges, by number, for a store that has forgotten them.
    """

    holder: str
    number: int
    spent: Mapping[int, int]
    held: int
    need: int = 0
    want: int = 0
    ceilings: Sequence[tuple[int, int]] = ()
    known: SpendState | None = None
    told: Sequence[tuple[int, Mapping[int, int]]] = ()


@frozen
class Granted:
    """`amount` more may be spent. state: what the store keeps now. now: its time, in seconds since 1970."""

    amount: int
    state: SpendState
    now: float


def renew(state: SpendState, now: float, ask: LeaseRequest) -> Granted:
    """Do what `ask` says, and grant what the ceilings leave. One atomic step of the store."""
    spend, leases = _coarse(state.spend, now), dict(state.leases)
    lost = _remind(state, spend, leases, ask, now)
    mine = leases.pop(ask.holder, None)
    if mine is None or mine.number != ask.number:
        _add(spend, ask.spent)
    for who, lease in list(leases.items()):
        if lease.until + DEAD < now:
            del leases[who]
            _add(spend, {int(lease.until / MINUTE): lease.amount})
    granted = _grant(SpendState(spend, leases), now, ask)
    amount = ask.held + granted
    if amount or ask.spent:
        leases[ask.holder] = Lease(amount, now + LEASE, ask.number)
    elif mine is not None and mine.until + DEAD >= now:
        leases[ask.holder] = Lease(0, mine.until, ask.number if mine.amount else mine.number)
    for minute in sorted(spend)[:-KEEP]:
        del spend[minute]
    return Granted(granted, SpendState(spend, leases, state.identity, lost), now)


def _grant(rest: SpendState, now: float, ask: LeaseRequest) -> int:
    """How much is granted: less the nearer a ceiling is, so that every process gets at what is left."""
    if not ask.need and not ask.want:
        return 0
    minute = int(now / MINUTE)
    if not ask.ceilings:
        return max(ask.need, ask.want)
    free = min(ceiling - ask.held - rest.total(minute, span) for span, ceiling in ask.ceilings)
    if free < ask.need:
        return 0
    alive = 1 + sum(lease.until > now for lease in rest.leases.values())
    return max(ask.need, min(ask.want, free // (4 * (1 + alive))), 0)


def _remind(
    state: SpendState, spend: dict[int, int], leases: dict[str, Lease], ask: LeaseRequest, now: float
) -> tuple[str, ...]:
    """Put back what the store knew before, where it has forgotten it; gives what it had lost, with that."""
    known, lost = ask.known, state.lost
    if known is None:
        return lost
    before = _coarse(known.spend, now)
    if known.identity != state.identity:
        for who, lease in known.leases.items():
            leases.setdefault(who, lease)
        if known.identity not in lost:  # what is there was spent by those who came since
            _add(spend, before)
            fresh = (each for each in (*known.lost, known.identity) if each not in lost)
            return (*lost, *fresh)[-_LOST:]
        mine = state.leases.get(ask.holder)  # others, who put it back, may not have heard our last
        for number, told in ask.told:
            if mine is None or number > mine.number:
                _add(spend, told)
    for minute, amount in before.items():
        if spend.get(minute, 0) < amount:
            spend[minute] = amount
    return lost


def _coarse(spend: Mapping[int, int], now: float) -> dict[int, int]:
    """`spend` by the minute where it is new, and else by the hour."""
    oldest = int(now / MINUTE) - FINE
    coarse = dict(spend)
    for minute in [each for each in spend if each < oldest]:
        if (last := minute // HOUR * HOUR + HOUR - 1) != minute:
            coarse[last] = coarse.get(last, 0) + coarse.pop(minute)
    return coarse


def _add(spend: dict[int, int], amounts: Mapping[int, int]) -> None:
    for minute, amount in amounts.items():
        if amount:
            spend[minute] = spend.get(minute, 0) + amount


class LeaseHolder:
    """The lease of one process: `free` to be reserved, and what its requests in flight have reserved.

    Money may be reserved and settled while a request to the store is on its way. now: of any clock that does
    not jump.
    """

    def __init__(self, holder: str, ceilings: Sequence[tuple[int, int]] = ()) -> None:
        self.holder = holder
        self.free = 0
        self.reserved = 0
        self.known: SpendState | None = None
        self.low = 0
        """Below so much free money, more should be leased."""
        self._ceilings = tuple(ceilings)
        self._ends = float("-inf")
        self._number = 0
        self._leased = 0  # what the store counts as ours
        self._unsaid: dict[int, int] = {}
        self._asked: LeaseRequest | None = None
        self._asked_at = 0.0
        self._told: deque[tuple[float, int, Mapping[int, int]]] = deque()
        self._used = 0
        self._overdrawn = 0
        self._flow = 0.0  # what was used of late: half as much counts after `AHEAD` seconds

    @property
    def is_idle(self) -> bool:
        """Whether nothing was reserved or settled since the store was last told, and it has answered."""
        return not (self._used or self._unsaid or self._asked)

    @property
    def is_empty(self) -> bool:
        """Whether the store counts nothing as ours any more, and there is nothing to tell it."""
        return not (self._leased or self.free or self.reserved or self._unsaid or self._asked)

    def lacks(self, state: SpendState, now: float) -> bool:
        """Whether `state`, of which we hold nothing, lacks something that the store has said before."""
        return renew(state, now, self._request({})).state != state

    def take(self, now: float, amount: int) -> bool:
        """Reserve `amount`, where the lease holds it."""
        if self.free < amount or now >= self._ends:
            return False
        self.free -= amount
        self.reserved += amount
        self._used += amount
        return True

    def overdraw(self, amount: int) -> None:
        """Reserve `amount` which was not leased; it is counted as soon as the store can be told."""
        self.free -= amount
        self.reserved += amount
        self._used += amount

    def settle(self, minute: int, amount: int, cost: int) -> None:
        """A request has ended for which `amount` was reserved; its `cost` counts in `minute`."""
        self.reserved -= amount
        self.free += amount - cost
        self._used += cost - amount
        if cost:
            self._unsaid[minute] = self._unsaid.get(minute, 0) + cost

    def give_back(self) -> None:
        """Keep no money that is not reserved, from the next exchange on, and lease none ahead."""
        self.free = min(self.free, 0)
        self._used, self._flow = 0, 0.0

    def ask(self, now: float, waiting: Sequence[int] = ()) -> LeaseRequest:
        """What to tell the store. waiting: the amounts that could not be taken, in their order."""
        if self._asked is None:
            self._number += 1
            spent, self._unsaid = self._unsaid, {}
        else:  # its answer was lost
            spent = dict(self._asked.spent)
        free, self._overdrawn = max(self.free, 0), max(-self.free, 0)
        self._flow = max(self._flow * 0.5 ** ((now - self._asked_at) / AHEAD) + self._used, 0)
        self._used = 0
        ahead = int(self._flow)
        self.low = ahead // 2
        self._asked_at = now
        while self._told and self._told[0][0] + _NEWS < now:
            self._told.popleft()
        self._asked = self._request(
            spent,
            held=self.reserved + free + sum(self._unsaid.values()),
            need=max(waiting[0] - free, 0) if waiting else 0,
            want=max(sum(waiting) + ahead - free, 0),
        )
        return self._asked

    def heard(self, granted: Granted) -> None:
        """The store has answered the last `ask`."""
        asked, self._asked = self._asked, None
        assert asked is not None
        if asked.spent:
            self._told.append((self._asked_at, asked.number, asked.spent))
        self._ends = self._asked_at + LEASE
        self._leased = asked.held + granted.amount
        self.free += granted.amount + self._overdrawn  # which the lease covers now
        self.known = granted.state
        if granted.amount < asked.want:
            self.low = 0  # there is no more to be had

    def _request(self, spent: Mapping[int, int], held: int = 0, need: int = 0, want: int = 0) -> LeaseRequest:
        told = tuple((number, spent) for _, number, spent in self._told)
        return LeaseRequest(
            self.holder, self._number, spent, held, need, want, self._ceilings, self.known, told
        )

    def pending(self) -> dict[int, int]:
        """Spend by minute that the store has not confirmed."""
        pending = dict(self._unsaid)
        if self._asked is not None:
            _add(pending, self._asked.spent)
        return pending
