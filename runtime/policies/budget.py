"""What a deployment may spend within any hour, day, week and month: a ledger, and a pure policy over it.

Money is reserved before a request is sent and corrected when its cost is known, so that requests
that run at the same time cannot overshoot together. Amounts are whole picodollars; time counts in
whole minutes, and a minute is remembered until all of it has left the window.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from math import inf
from typing import NamedTuple

from ...compiler.plan import Budget as BudgetConfig, BudgetAction, Money
from ...compiler.plan.record import frozen, new_tuple
from ..requests.usage import PICODOLLARS

HOUR, DAY = 60, 24 * 60
WINDOWS = {"hour": HOUR, "day": DAY, "week": 7 * DAY, "month": 31 * DAY}
"""Minutes of each window that may have a ceiling."""

MINUTE = 60.0


class Reservation(NamedTuple):
    """Money that is spoken for: `amount` picodollars, counted in `minute`.

    notice: what the operator should know, once per crossing; None: nothing new.
    """

    minute: int
    amount: int
    notice: str | None = None


@frozen
class Exceeded:
    """There is no money left; `retry_after` seconds from now there is. None: there never will be.

    notice: as above.
    """

    reason: str
    retry_after: float | None
    notice: str | None


class RollingSum:
    """The amounts of the last `span` minutes, without what is `open` in their ledger.

    settled: the sum of them.
    """

    def __init__(self, span: int) -> None:
        self.span = span
        self.settled = 0
        self.amounts: OrderedDict[int, int] = OrderedDict()
        self._oldest = 0

    def add(self, minute: int, amount: int) -> None:
        """Add to `minute`, unless it has been forgotten."""
        amounts = self.amounts
        if minute in amounts:
            amounts[minute] += amount
        elif minute < self._oldest:
            return
        elif not amounts or minute > next(reversed(amounts)):
            amounts[minute] = amount
        else:
            self.amounts = OrderedDict(sorted([*amounts.items(), (minute, amount)]))
        self.settled += amount

    def expire(self, minute: int) -> None:
        """Forget what has left the window at `minute`."""
        if minute - self.span == self._oldest:
            return
        amounts = self.amounts
        self._oldest = minute - self.span
        while amounts:
            oldest = next(iter(amounts))
            if oldest >= self._oldest:
                return
            self.settled -= amounts.pop(oldest)

    def below_at(self, ceiling: int) -> int:
        """The minute from which the total is `ceiling` or less, if nothing is added."""
        excess = self.settled - ceiling
        freed = 0
        for minute, amount in self.amounts.items():
            if excess <= 0:
                break
            excess -= amount
            freed = minute
        return freed + self.span + 1


class Ledger:
    """Spend by minute, as far as it is known here.

    now: the minute that it is. open: what is counted in that one, and in no window yet: it counts in all.
    settlings: how often anything else has changed.
    """

    def __init__(self) -> None:
        self.hour, self.day = RollingSum(HOUR), RollingSum(DAY)
        self._windows = [self.hour, self.day]
        self.now = -1
        self.open = 0
        self.settlings = 0
        self._known: dict[int, int] = {}
        self.longest = DAY
        """Minutes of the longest window."""

    def window(self, span: int) -> RollingSum:
        """The sum over `span` minutes, of what is known here."""
        for window in self._windows:
            if window.span == span:
                return window
        self._close()
        window = RollingSum(span)
        for minute in sorted(self._known):
            window.add(minute, self._known[minute])
        self._windows.append(window)
        self.now = -1
        self.longest = max(self.longest, span)
        return window

    def total(self, window: RollingSum) -> int:
        """All that is counted in `window`."""
        return window.settled + self.open

    def add(self, minute: int, amount: int) -> None:
        """Count `amount`, which may be negative, in `minute`."""
        if minute == self.now:
            self.open += amount
        else:
            self._count(minute, amount)

    def _count(self, minute: int, amount: int) -> None:
        self.settlings += 1
        for window in self._windows:
            window.add(minute, amount)
        known = self._known
        if minute in known:
            known[minute] += amount
            return
        known[minute] = amount
        if len(known) > self.longest + HOUR:
            for old in sorted(known)[:HOUR]:
                del known[old]

    def _close(self) -> None:
        """Count what is open in all windows."""
        if self.open:
            self._count(self.now, self.open)
            self.open = 0

    def below_at(self, window: RollingSum, ceiling: int) -> int:
        """The minute from which the total of `window` is `ceiling` or less, if nothing is added."""
        self._close()
        return window.below_at(ceiling)

    def expire(self, minute: int) -> None:
        """It is `minute`: forget what has left all windows."""
        if minute == self.now:
            return
        self._close()
        self.now = minute
        self.settlings += 1
        for window in self._windows:
            window.expire(minute)

    def replace(self, amounts: Mapping[int, int]) -> None:
        """Count `amounts`, by minute, in the place of all that was counted."""
        self._close()
        for minute in sorted(self._known.keys() | amounts.keys()):
            difference = amounts.get(minute, 0) - self._known.get(minute, 0)
            if difference:
                self._count(minute, difference)
        self._known = dict(amounts)


class Budget:
    """The ceilings of one deployment over its ledger."""

    def __init__(self, config: BudgetConfig, ledger: Ledger) -> None:
        self._action = config.on_exceeded
        self.rejects = config.on_exceeded is BudgetAction.REJECT
        self._ledger = ledger
        self._reserved = 0
        self._ceilings = [
            (name, ledger.window(WINDOWS[name]), int(ceiling * PICODOLLARS), ceiling)
            for name, ceiling in config.ceilings().items()
        ]
        self._over: set[str] = set()
        self._most_open: float = -inf
        """What may be open in the ledger, by its windows after so many settlings."""
        self._settlings = -1

    @property
    def ledger(self) -> Ledger:
        """What is counted; another budget may go on with it."""
        return self._ledger

    def reserve(self, now: float, amount: int) -> Reservation | Exceeded | None:
        """Set `amount` aside, or say why not. None: `acquire` can say. now: seconds since 1970."""
        minute, ledger = int(now / MINUTE), self._ledger
        if minute != ledger.now:
            ledger.expire(minute)
        if not self.rejects:
            return self._set_aside(minute, amount)
        total = ledger.open + amount
        if ledger.settlings != self._settlings:
            self._settlings = ledger.settlings
            self._most_open = min(
                (most - window.settled for _, window, most, _ in self._ceilings), default=inf
            )
        if total > self._most_open:
            return self._refusal(now, amount)
        if self._over:
            self._over.clear()
        self._reserved += amount
        ledger.open = total
        return new_tuple(Reservation, (minute, amount, None))

    async def acquire(self, amount: int, deadline: float | None) -> Reservation | Exceeded:
        """As `reserve`, after asking what is shared with other processes. Raises RequestError."""
        raise NotImplementedError

    def settle(self, held: Reservation, cost: int) -> None:
        """Put what the request cost, perhaps nothing, in the place of what was reserved."""
        minute, amount, _ = held
        self._reserved -= amount
        if minute == self._ledger.now:
            self._ledger.open += cost - amount
        elif cost != amount:
            self._ledger.add(minute, cost - amount)

    def _set_aside(self, minute: int, amount: int) -> Reservation:
        notice = None
        if not self.rejects:
            notice = self._crossing()
        elif self._over:
            self._over.clear()
        self._reserved += amount
        if minute == self._ledger.now:
            self._ledger.open += amount
        else:
            self._ledger.add(minute, amount)
        return new_tuple(Reservation, (minute, amount, notice))

    def spent(self, now: float) -> dict[str, float]:
        """Dollars, by the name of each window that has a ceiling; what is only reserved is left out."""
        self._ledger.expire(int(now / MINUTE))
        total = self._ledger.total
        return {
            name: max(total(window) - self._reserved, 0) / PICODOLLARS
            for name, window, _, _ in self._ceilings
        }

    def is_throttled(self, now: float) -> bool:
        """Whether half the concurrency is all there is now."""
        if self._action is not BudgetAction.THROTTLE:
            return False
        self._ledger.expire(int(now / MINUTE))
        settled = self._ledger.open - self._reserved
        return any(window.settled + settled >= ceiling for _, window, ceiling, _ in self._ceilings)

    def _crossing(self) -> str | None:
        """What is said when spend, without what is only reserved, reaches a ceiling."""
        notice = None
        for name, window, ceiling, limit in self._ceilings:
            if self._ledger.total(window) - self._reserved < ceiling:
                self._over.discard(name)
            elif name not in self._over:
                self._over.add(name)
                follows = "half the concurrency from now on" if self._action is BudgetAction.THROTTLE else ""
                notice = f"the budget of {limit!s} per {name} is spent" + (f": {follows}" if follows else "")
        return notice

    def _refusal(self, now: float, amount: int) -> Exceeded | None:
        """Why `amount` does not fit below the ceilings, if it does not."""
        for name, window, ceiling, limit in self._ceilings:
            if self._ledger.total(window) + amount > ceiling:
                return self._exceeded(now, amount, name, window, ceiling, limit)
        return None

    def _exceeded(
        self, now: float, amount: int, name: str, window: RollingSum, ceiling: int, limit: Money
    ) -> Exceeded:
        spent = f"${self._ledger.total(window) / PICODOLLARS:.6g} of {limit!s} per {name}"
        if amount > ceiling:
            needs = f"${amount / PICODOLLARS:.6g}"
            return Exceeded(f"the request may cost {needs}, the budget is {limit!s} per {name}", None, None)
        notice = None
        if name not in self._over:
            self._over.add(name)
            notice = f"the budget is used up ({spent}): requests are rejected"
        retry_after = self._ledger.below_at(window, ceiling - amount) * MINUTE - now
        return Exceeded(f"the budget is used up: {spent} are spent or reserved", retry_after, notice)
