"""Money that several processes lease from one budget: what a store keeps of it.

A process spends from its lease without asking. Whatever is spent is counted in the store before: as part of
a lease, and later as the spend of a minute. A lease whose process has died stays counted for as long as the
windows of the budget, because it may have been spent. Amounts are whole picodollars.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from itertools import chain, pairwise
from math import isfinite

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

_LOST = 16
"""Memories that a store has lost of which the spend is kept apart: older ones count with the next."""

_NAMES = 500
"""Memories that a store has lost of which it is known that they were put back."""


@frozen
class Lease:
    """Money that a process may spend until `until`, in seconds since 1970.

    number: of the exchange that was the last about it. told: what its holder has told the store as spent.
    """

    amount: int
    until: float
    number: int
    told: int = 0


@frozen
class SpendState:
    """What the store keeps of one budget: spend by minute, and leases by holder.

    identity: of one memory of the store, drawn when it first hears of the budget; another one means that it
    forgot. spend: since then. lost: by identity, what was spent in memories that it had lost and was told
    again, the oldest first; nothing, where that counts with the next.

    What a memory holds of one minute only ever grows, so of what two processes remember of it, the larger is
    the newer: a memory may be told by everybody, in any order, and counts once.
    """

    spend: Mapping[int, int] = field(factory=dict)
    leases: Mapping[str, Lease] = field(factory=dict)
    identity: str = field(factory=lambda: secrets.token_hex(8))
    lost: Mapping[str, Mapping[int, int]] = field(factory=dict)

    def all_spend(self) -> dict[int, int]:
        """Spend by minute, in whatever memory."""
        spend = dict(self.spend)
        for lost in self.lost.values():
            add_spend(spend, lost)
        return spend

    def total(self, minute: int, span: int) -> int:
        """What counts at `minute` in a window of `span` minutes, leases included."""
        oldest = minute - span
        spent = sum(amount for when, amount in self.all_spend().items() if when >= oldest)
        return spent + sum(x.amount for x in self.leases.values() if int(x.until / MINUTE) >= oldest)

    def settled(self, now: float) -> dict[int, int]:
        """Spend by minute, with the leases that have ended."""
        spend = self.all_spend()
        for lease in self.leases.values():
            if lease.until <= now:
                add_spend(spend, {int(lease.until / MINUTE): lease.amount})
        return spend

    def leased(self, now: float, except_to: str) -> int:
        """What is leased to others than `except_to`."""
        return sum(x.amount for who, x in self.leases.items() if x.until > now and who != except_to)

    def encode(self) -> str:
        """As text, with all amounts exact. Older versions, which know of no spend apart, find all of it."""
        said = {
            "id": self.identity,
            "leases": {who: [x.amount, x.until, x.number] for who, x in self.leases.items()},
            "told": {who: x.told for who, x in self.leases.items()},
            "spend": self.all_spend(),
            "lost": list(self.lost),
            "apart": {name: spend for name, spend in self.lost.items() if spend},
        }
        return json.dumps(said, separators=(",", ":"))

    @classmethod
    def decode(cls, text: str) -> SpendState:
        """What `encode` wrote. Raises ValueError."""
        try:
            said = json.loads(text)
            told, apart = said.get("told", {}), said.get("apart", {})
            leases = {
                who: Lease(int(a), float(until), int(n), int(told.get(who, 0)))
                for who, (a, until, n) in said["leases"].items()
            }
            if not all(isfinite(lease.until) for lease in leases.values()):
                raise ValueError("it is no state of a budget: a lease has no end")
            lost = {str(name): _decoded(apart.get(name, {})) for name in said["lost"]}
            spend = _decoded(said["spend"])
            for minute, amount in [each for spent in lost.values() for each in spent.items()]:
                if spend[minute] == amount:
                    del spend[minute]
                else:
                    spend[minute] -= amount
            return cls(spend, leases, str(said["id"]), lost)
        except (AttributeError, KeyError, TypeError, RecursionError, OverflowError) as error:
            raise ValueError(f"it is no state of a budget: {error!r}") from None


def _decoded(spend: Mapping[str, int]) -> dict[int, int]:
    return {int(minute): int(amount) for minute, amount in spend.items()}


@frozen
class LeaseRequest:
    """What a process tells the store, and what it asks for. `number` is that of an exchange; one that may not
    have arrived is repeated under the same number, and counts once.

    spent: by minute. held: what of the lease is kept, which covers all that is not in `spent`. need: the
    least that is of use. want: what would be best. ceilings: minutes of each window, and what it may hold.
    known: what the store last said, for one that has forgotten it.
    """

    holder: str
    number: int
    spent: Mapping[int, int]
    held: int
    need: int = 0
    want: int = 0
    ceilings: Sequence[tuple[int, int]] = ()
    known: SpendState | None = None


@frozen
class Granted:
    """`amount` more may be spent. state: what the store keeps now. now: its time, in seconds since 1970."""

    amount: int
    state: SpendState
    now: float


def renew(state: SpendState, now: float, ask: LeaseRequest) -> Granted:
    """Do what `ask` says, and grant what the ceilings leave. One atomic step of the store."""
    if ask.known is not None and _is_older(state, now, ask.known):
        # What is spent from now on is no part of what others remember; nor is what the copy was told before.
        lost = state.lost if not state.spend else {**state.lost, state.identity: state.spend}
        told = _told_to_copy(state, now, ask.known)
        state = SpendState({int(now / MINUTE): told} if told else {}, state.leases, lost=lost)
    spend, leases = _coarse(state.spend, now), dict(state.leases)
    put_back = {name: _coarse(each, now) for name, each in state.lost.items()}
    if ask.known is not None:
        _remind(state.identity, spend, put_back, leases, ask.known, now)
    mine = leases.pop(ask.holder, None)
    if mine is None or mine.number != ask.number:
        add_spend(spend, ask.spent)
        told = sum(ask.spent.values()) + (mine.told if mine else 0)
    else:
        told = mine.told
    for who, lease in list(leases.items()):
        if lease.until + DEAD < now:
            del leases[who]
            add_spend(spend, {int(lease.until / MINUTE): lease.amount})
    granted = _grant(SpendState(spend, leases, state.identity, put_back), now, ask)
    amount = ask.held + granted
    if amount or ask.spent:
        leases[ask.holder] = Lease(amount, now + LEASE, ask.number, told)
    elif mine is not None and mine.until + DEAD >= now:
        number = ask.number if mine.amount else mine.number
        leases[ask.holder] = Lease(0, mine.until, number, told)
    _bound(spend, put_back)
    return Granted(granted, SpendState(spend, leases, state.identity, put_back), now)


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


def _is_older(state: SpendState, now: float, known: SpendState) -> bool:
    """Whether the store knows less than it said before: a copy took its place that lacks the last of it."""
    if known.identity != state.identity:
        return state.identity in known.lost
    return any(
        before.until + DEAD >= now and (who not in state.leases or state.leases[who].number < before.number)
        for who, before in known.leases.items()
    )


def _told_to_copy(state: SpendState, now: float, known: SpendState) -> int:
    """What those told an older copy who did not know that it is one."""
    return sum(
        max(lease.told - (known.leases[who].told if who in known.leases else 0), 0)
        for who, lease in state.leases.items()
        if lease.until + DEAD >= now
    )


def _remind(
    identity: str,
    spend: dict[int, int],
    lost: dict[str, dict[int, int]],
    leases: dict[str, Lease],
    known: SpendState,
    now: float,
) -> None:
    """Put back what the store knew before, where it has forgotten it."""
    if known.identity != identity:
        for who, lease in known.leases.items():
            if who not in leases or leases[who].number < lease.number:
                leases[who] = lease
    mine = {**lost, identity: spend}
    for name, theirs in (*known.lost.items(), (known.identity, known.spend)):
        if not theirs or (name in lost and not lost[name]):
            continue
        ours = mine[name] if name in mine else lost.setdefault(name, {})
        for minute, amount in _coarse(theirs, now).items():
            if ours.get(minute, 0) < amount:
                ours[minute] = amount


def _bound(spend: dict[int, int], lost: dict[str, dict[int, int]]) -> None:
    """Keep no more than is of use."""
    apart = [each for each in lost.values() if each]
    for older, newer in pairwise(apart[: max(len(apart) - _LOST + 1, 0)]):
        add_spend(newer, older)
        older.clear()
    for name in [name for name, each in lost.items() if not each][:-_NAMES]:
        del lost[name]
    for old in sorted({*spend, *chain.from_iterable(lost.values())})[:-KEEP]:
        for each in (spend, *lost.values()):
            each.pop(old, None)


def _coarse(spend: Mapping[int, int], now: float) -> dict[int, int]:
    """`spend` by the minute where it is new, and else by the hour."""
    oldest = int(now / MINUTE) - FINE
    coarse = dict(spend)
    for minute in [each for each in spend if each < oldest]:
        if (last := minute // HOUR * HOUR + HOUR - 1) != minute:
            coarse[last] = coarse.get(last, 0) + coarse.pop(minute)
    return coarse


def add_spend(spend: dict[int, int], amounts: Mapping[int, int]) -> None:
    """Add `amounts` by minute to `spend`."""
    for minute, amount in amounts.items():
        if amount:
            spend[minute] = spend.get(minute, 0) + amount
