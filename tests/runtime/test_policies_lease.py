"""Leases of a budget, played through without a store: what is granted, what is recorded, and what is lost."""

from __future__ import annotations

import json

from attrs import evolve
from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from inferc.runtime.policies.budget import DAY, HOUR, WINDOWS
from inferc.runtime.policies.lease import (
    DEAD,
    KEEP,
    LEASE,
    Granted,
    Lease,
    LeaseRequest,
    SpendState,
    renew,
)
from inferc.runtime.policies.lease_holder import LeaseHolder

NOW = 1_800_000_000.0
MINUTE = int(NOW / 60)
CEILING = 1000
DAYS = ((DAY, CEILING),)
MONTH = WINDOWS["month"]
MONTHS = ((MONTH, CEILING),)


def lease(state: SpendState, holder: LeaseHolder, now: float, *amounts: int) -> SpendState:
    """What the store keeps after `holder` asked for `amounts` and heard the answer."""
    granted = renew(state, now, holder.ask(now, amounts))
    holder.heard(granted)
    return granted.state


def test_a_lone_process_can_use_its_budget_up_to_the_last_picodollar() -> None:
    holder, state, taken = LeaseHolder("one", DAYS), SpendState(), 0
    for _ in range(CEILING + 10):
        if not holder.take(NOW, 1):
            state = lease(state, holder, NOW, 1)
            if not holder.take(NOW, 1):
                break
        holder.settle(MINUTE, 1, 1)
        taken += 1
    assert taken == CEILING
    assert state.total(MINUTE, DAY) == CEILING


def test_the_lease_of_a_process_that_died_counts_until_it_leaves_the_window() -> None:
    holder, hours = LeaseHolder("dead", ((HOUR, CEILING),)), ((HOUR, CEILING),)
    state = lease(SpendState(), holder, NOW, 600)
    other = LeaseHolder("other", hours)
    for later in (0, LEASE + 1, DEAD + LEASE + 1, (HOUR - 1) * 60):
        state = lease(state, other, NOW + later, 500)
        assert not other.take(NOW + later, 500)
    after = NOW + (HOUR + 2) * 60
    lease(state, other, after, 500)
    assert other.take(after, 500)


def test_a_process_that_was_stopped_for_longer_than_its_lease_asks_before_it_spends() -> None:
    holder = LeaseHolder("one", DAYS)
    lease(SpendState(), holder, NOW, 10)
    assert not holder.take(NOW + LEASE, 10)


def test_little_is_leased_ahead_near_the_ceiling_and_a_share_of_what_is_left_elsewhere() -> None:
    state = SpendState()
    holders = [LeaseHolder(str(number), DAYS) for number in range(4)]
    for holder in holders:
        state = renew(state, NOW, evolve(holder.ask(NOW), spent={}, held=1)).state
    for want, left in ((10_000, 960), (10_000, 48), (3, 960)):
        crowded = evolve(state, spend={MINUTE: CEILING - left - 4})
        granted = renew(crowded, NOW, LeaseRequest("new", 1, {}, 0, need=1, want=want, ceilings=DAYS))
        assert granted.amount == min(want, left // 24)


def test_what_a_request_cost_beyond_its_estimate_is_recorded() -> None:
    holder = LeaseHolder("one", DAYS)
    state = lease(SpendState(), holder, NOW, 10)
    assert holder.take(NOW, 10)
    holder.settle(MINUTE, 10, 25)
    state = lease(state, holder, NOW)
    assert state.spend == {MINUTE: 25}
    assert state.leases["one"].amount == holder.free


def test_money_that_was_reserved_without_a_lease_is_none_that_may_be_spent_again() -> None:
    holder = LeaseHolder("one", DAYS)
    lease(SpendState(), holder, NOW)
    holder.overdraw(100)
    holder.ask(NOW)  # which does not arrive
    holder.settle(MINUTE, 100, 10)
    assert not holder.take(NOW, 1)
    state = lease(SpendState(), holder, NOW)
    assert state.total(MINUTE, DAY) == 10 + holder.free


def test_an_exchange_that_is_repeated_counts_once() -> None:
    holder = LeaseHolder("one", DAYS)
    state = lease(SpendState(), holder, NOW, 100)
    assert holder.take(NOW, 100)
    holder.settle(MINUTE, 100, 70)
    state = renew(state, NOW, holder.ask(NOW, (500,))).state  # whose answer is lost
    holder.give_back()
    state = lease(state, holder, NOW)
    assert state.spend == {MINUTE: 70}
    assert state.total(MINUTE, DAY) == 70


def test_a_store_that_lost_its_memory_is_told_what_was_spent_and_what_is_leased() -> None:
    one, other = LeaseHolder("one", DAYS), LeaseHolder("other", DAYS)
    state = lease(SpendState({MINUTE - 5: 300}), one, NOW, 100)
    state = lease(state, other, NOW, 200)
    for holder, amount in ((one, 100), (other, 200)):
        assert holder.take(NOW, amount)
    one.settle(MINUTE, 100, 60)
    one.give_back()
    lease(state, one, NOW)  # and before `other` hears of it, all is lost
    other.settle(MINUTE, 200, 150)
    other.give_back()
    state = lease(SpendState(), other, NOW)
    assert state.total(MINUTE, DAY) >= 300 + 150 + 60
    state = lease(state, one, NOW)
    assert state.all_spend() == {MINUTE - 5: 300, MINUTE: 150 + 60}
    assert state.total(MINUTE, DAY) == 300 + 150 + 60


def test_what_others_spent_since_a_store_lost_its_memory_counts_beside_what_it_is_told() -> None:
    one, other, new = (LeaseHolder(name, DAYS) for name in ("one", "other", "new"))
    state = SpendState()
    for holder in (one, other):
        state = lease(state, holder, NOW, 300)
        assert holder.take(NOW, 300)
        holder.settle(MINUTE, 300, 300)
    for holder in (one, other, one):
        state = lease(state, holder, NOW)
    state = lease(SpendState(), new, NOW, 70)
    assert new.take(NOW, 70)
    new.settle(MINUTE, 70, 70)
    state = lease(state, new, NOW)
    for holder in (one, other, new, one):
        state = lease(state, holder, NOW)
    assert state.all_spend() == {MINUTE: 670}
    state = lease(
        lease(SpendState(), new, NOW), one, NOW
    )  # it is lost once more, before all have heard of it
    assert lease(state, other, NOW).all_spend() == {MINUTE: 670}


def spent(state: SpendState, holder: LeaseHolder, amount: int) -> SpendState:
    """What the store keeps after `holder` has leased, spent and told so much."""
    state = lease(state, holder, NOW, amount)
    assert holder.take(NOW, amount)
    holder.settle(MINUTE, amount, amount)
    holder.give_back()
    return lease(state, holder, NOW)


def test_two_losses_of_which_one_process_heard_of_the_last_alone_count_once() -> None:
    heard, away = LeaseHolder("heard", DAYS), LeaseHolder("away", DAYS)
    state = lease(spent(SpendState(), heard, 100), away, NOW)
    state = spent(SpendState(), heard, 30)  # lost, while `away` cannot reach it
    state = spent(SpendState(), away, 7)  # and lost again
    state = lease(state, heard, NOW)
    assert state.all_spend() == {MINUTE: 137}
    assert lease(state, away, NOW).all_spend() == {MINUTE: 137}


def test_a_store_that_lost_its_memory_again_and_again_counts_everything_once() -> None:
    one, other, state = LeaseHolder("one", DAYS), LeaseHolder("other", DAYS), SpendState()
    for number in range(100):
        state = lease(spent(state, one, 1), other, NOW)
        state = lease(SpendState(), (one, other)[number % 2], NOW)
    state = lease(lease(state, one, NOW), other, NOW)
    assert state.all_spend() == {MINUTE: 100}
    assert len(state.encode()) < 4000


def test_a_copy_of_the_store_that_lacks_the_last_changes_is_told_them_beside_what_comes_then() -> None:
    """What a replica that takes over, or a file of before the last write, knows."""
    one, other = LeaseHolder("one", DAYS), LeaseHolder("other", DAYS)
    copy = state = spent(spent(SpendState(), one, 50), other, 50)
    state = spent(state, one, 20)
    spent(state, other, 5)
    state = lease(copy, other, NOW, 10)  # whose lease `one` has heard nothing of
    assert other.take(NOW, 10)
    other.settle(MINUTE, 10, 10)
    other.give_back()
    state = lease(lease(state, other, NOW), one, NOW)
    assert state.all_spend() == {MINUTE: 135}
    state = lease(copy, other, NOW)  # and of before it had lost anything
    assert lease(state, one, NOW).all_spend() == {MINUTE: 135}


def test_nothing_is_told_twice_to_a_store_that_lost_its_memory_long_after() -> None:
    one, other = LeaseHolder("one", DAYS), LeaseHolder("other", DAYS)
    state = lease(SpendState(), one, NOW, 100)
    assert one.take(NOW, 100)
    one.settle(MINUTE, 100, 100)
    one.give_back()
    for second in range(0, 200, 5):
        state = lease(state, one, NOW + second)
        state = lease(state, other, NOW + second)
    state = lease(lease(SpendState(), other, NOW + 200), one, NOW + 200)
    assert state.all_spend() == {MINUTE: 100}


def test_a_clock_that_is_wrong_deletes_nothing() -> None:
    state = SpendState({MINUTE: 400})
    for years in (-30, 10):
        wrong = NOW + years * 365 * 86400
        holder = LeaseHolder("wrong", DAYS)
        state = lease(state, holder, wrong, 1)
        assert holder.take(wrong, 1)
        holder.settle(int(wrong / 60), 1, 1)
        holder.give_back()
        state = lease(state, holder, wrong)
    assert state.total(MINUTE, DAY) >= 400
    right = LeaseHolder("right", DAYS)
    lease(state, right, NOW, CEILING - 400)
    assert not right.take(NOW, CEILING - 400)


def test_the_state_of_a_budget_has_a_bounded_size() -> None:
    spend = {MINUTE - number: 1 for number in range(MONTH * 3)}
    state = lease(SpendState(spend), LeaseHolder("one", DAYS), NOW, 1)
    assert len(state.spend) == KEEP
    assert sum(amount for minute, amount in state.spend.items() if minute >= MINUTE - MONTH) >= MONTH


def test_what_is_old_is_kept_by_the_hour_and_never_counts_shorter() -> None:
    old = MINUTE - 10 * DAY
    state = SpendState({old + number: 1 for number in range(120)} | {MINUTE: 5})
    first, second = LeaseHolder("one", MONTHS), LeaseHolder("two", MONTHS)
    state = lease(state, first, NOW, 1)
    assert state.total(MINUTE, MONTH) == 120 + 5 + 1
    assert len(state.spend) == 1 + 2
    for later in (1, 60, 120):  # what a process was told before is not put back beside it
        state = lease(lease(state, first, NOW + later, 1), second, NOW + later, 1)
    assert sum(state.spend.values()) == 125
    state = SpendState(state.spend)
    assert state.total(old + 119 + MONTH, MONTH) >= 1 + 5
    assert state.total(old + 180 + MONTH, MONTH) == 5


@given(
    st.dictionaries(st.integers(0, 10**8), st.integers(1, 10**21)),
    st.dictionaries(
        st.text(),
        st.tuples(st.integers(0, 10**21), st.floats(0, 10**11), st.integers(0), st.integers(0, 10**21)),
    ),
    st.dictionaries(st.text(), st.dictionaries(st.integers(0, 10**8), st.integers(1, 10**21))),
)
def test_a_state_is_read_as_it_was_written(
    spend: dict[int, int], leases: dict[str, tuple[int, float, int, int]], lost: dict[str, dict[int, int]]
) -> None:
    state = SpendState(spend, {who: Lease(*values) for who, values in leases.items()}, lost=lost)
    assert SpendState.decode(state.encode()) == state


def test_versions_that_keep_no_spend_apart_read_and_write_all_of_it() -> None:
    state = SpendState({MINUTE: 3}, identity="b", lost={"a": {MINUTE: 2, MINUTE - 1: 1}, "": {}})
    written = json.loads(state.encode())
    assert written["spend"] == {str(MINUTE): 5, str(MINUTE - 1): 1}
    assert written["lost"] == ["a", ""]
    del written["apart"], written["told"]
    again = SpendState.decode(json.dumps(written))
    holder = LeaseHolder("one", DAYS)
    holder.known = state
    assert lease(again, holder, NOW).all_spend() == {MINUTE: 5, MINUTE - 1: 1}


def test_what_was_told_to_an_older_copy_before_anybody_knew_that_it_is_one_counts() -> None:
    """Nothing is lost where both spent in the same minute."""
    one, other = (LeaseHolder(name, DAYS) for name in ("one", "other"))
    state = copy = lease(lease(SpendState(), one, NOW, 50), other, NOW, 50)

    def spends(state: SpendState, holder: LeaseHolder, amount: int) -> SpendState:
        assert holder.take(NOW, amount)
        holder.settle(MINUTE, amount, amount)
        return lease(state, holder, NOW)

    spends(state, one, 20)
    state = lease(spends(copy, other, 7), one, NOW)
    for _ in range(2):
        for holder in (other, one):
            holder.give_back()
            state = lease(state, holder, NOW)
    assert 27 <= sum(state.all_spend().values()) <= 27 + 7


def test_an_older_copy_is_told_of_leases_by_who_holds_none() -> None:
    """Also of those that died since."""
    dead, other = (LeaseHolder(name, DAYS) for name in ("dead", "other"))
    copy = lease(SpendState(), dead, NOW, 10)
    other.known = lease(copy, dead, NOW, 50)
    assert other.lacks(copy, NOW)
    state = lease(copy, other, NOW)
    assert state.leases["dead"].amount == other.known.leases["dead"].amount > copy.leases["dead"].amount


def test_what_the_first_versions_wrote_of_lost_memories_is_read() -> None:
    state = SpendState.decode(f'{{"id":"b","leases":{{}},"spend":{{"{MINUTE}":3}},"lost":["a"]}}')
    known = SpendState({MINUTE: 2}, identity="a")
    again = renew(state, NOW, LeaseRequest("one", 1, {}, 0, known=known)).state
    assert again.all_spend() == {MINUTE: 3}


class Leases(RuleBasedStateMachine):
    """Some processes, one store, and a network that loses messages; processes die, and others come."""

    @initialize()
    def begin(self) -> None:
        self.now = NOW
        self.state = SpendState()
        self.holders: list[LeaseHolder] = []
        self.reserved: dict[int, list[int]] = {}
        self.really_spent = self.settled = self.forfeited = self.started = 0
        self.was_away = False
        self.come()

    @rule()
    def come(self) -> None:
        if len(self.holders) < 4:
            self.started += 1
            holder = LeaseHolder(str(self.started), DAYS)
            self.holders.append(holder)
            self.reserved[id(holder)] = []

    @precondition(lambda self: self.holders)
    @rule(which=st.integers(0, 3))
    def die(self, which: int) -> None:
        """Whatever was sent may have been spent."""
        holder = self.holders.pop(which % len(self.holders))
        self.really_spent += sum(self.reserved.pop(id(holder)))
        if holder.holder in self.state.leases:
            self.forfeited += self.state.leases[holder.holder].amount

    @precondition(lambda self: self.holders)
    @rule(which=st.integers(0, 3), amount=st.integers(1, 300))
    def spend(self, which: int, amount: int) -> None:
        holder = self.holders[which % len(self.holders)]
        if holder.take(self.now, amount):
            self.reserved[id(holder)].append(amount)

    @precondition(lambda self: self.holders)
    @rule(which=st.integers(0, 3), share=st.integers(0, 4))
    def finish(self, which: int, share: int) -> None:
        holder = self.holders[which % len(self.holders)]
        if self.reserved[id(holder)]:
            amount = self.reserved[id(holder)].pop()
            cost = amount * share // 4
            self.really_spent += cost
            self.settled += cost
            holder.settle(int(self.now / 60), amount, cost)

    @precondition(lambda self: self.holders)
    @rule(
        which=st.integers(0, 3),
        amounts=st.lists(st.integers(1, 300), max_size=3),
        fate=st.sampled_from(["heard", "heard", "answer lost", "lost"]),
        gives_back=st.booleans(),
        meanwhile=st.integers(0, 100),
    )
    def exchange(self, which: int, amounts: list[int], fate: str, gives_back: bool, meanwhile: int) -> None:
        holder = self.holders[which % len(self.holders)]
        if gives_back:
            holder.give_back()
        ask = holder.ask(self.now, amounts)
        if holder.take(self.now, meanwhile):
            self.reserved[id(holder)].append(meanwhile)
        if fate == "lost":
            return
        granted = renew(self.state, self.now, ask)
        self.state = granted.state
        if fate == "heard":
            holder.heard(granted)

    @precondition(lambda self: self.holders)
    @rule(which=st.integers(0, 3), amounts=st.lists(st.integers(50, 300), min_size=1, max_size=4))
    def work(self, which: int, amounts: list[int]) -> None:
        """Ask for all of it, and reserve what is granted."""
        holder = self.holders[which % len(self.holders)]
        self.exchange(which, amounts, "heard", False, 0)
        for amount in amounts:
            if holder.take(self.now, amount):
                self.reserved[id(holder)].append(amount)

    @rule(seconds=st.sampled_from([0, 1, 10, 60, int(DEAD)]))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        alive = [self.state.leases.get(holder.holder) for holder in self.holders]
        self.was_away |= any(lease is not None and lease.until + DEAD < self.now for lease in alive)

    @invariant()
    def nothing_is_recorded_twice(self) -> None:
        """A process that comes back after its death was noted is: that is safe, and rare."""
        if not self.was_away:
            assert sum(self.state.spend.values()) <= self.settled + self.forfeited

    @invariant()
    def no_more_than_the_budget_is_granted(self) -> None:
        assert self.was_away or self.state.total(int(self.now / 60), DAY) <= CEILING
        assert self.really_spent + sum(map(sum, self.reserved.values())) <= CEILING

    @invariant()
    def what_was_spent_is_recorded(self) -> None:
        recorded = sum(self.state.spend.values()) + sum(x.amount for x in self.state.leases.values())
        assert recorded >= self.really_spent + sum(map(sum, self.reserved.values()))


Leases.TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
TestLeases = Leases.TestCase


class Memories(RuleBasedStateMachine):
    """Some processes, and a store that loses all that it knew, or all since a copy was made."""

    @initialize()
    def begin(self) -> None:
        self.state = self.copy = SpendState()
        self.holders = [LeaseHolder(str(number), DAYS) for number in range(3)]
        self.really_spent = 0

    @rule(which=st.integers(0, 2), amount=st.integers(1, 9), told=st.booleans())
    def spend(self, which: int, amount: int, told: bool) -> None:
        holder = self.holders[which]
        if holder.take(NOW, amount):
            holder.settle(MINUTE, amount, amount)
            self.really_spent += amount
        if told:
            self.exchange(which, amount)

    @rule(which=st.integers(0, 2), amount=st.integers(0, 9))
    def exchange(self, which: int, amount: int) -> None:
        self.state = lease(self.state, self.holders[which], NOW, amount)

    @rule()
    def is_copied(self) -> None:
        self.all_told()
        self.copy = self.state

    @rule()
    def forgets(self) -> None:
        self.state = self.copy = SpendState()

    @rule()
    def goes_back_to_the_copy(self) -> None:
        self.state = self.copy
        self.all_told()

    @rule()
    def all_told(self) -> None:
        for _ in range(2):
            for which, holder in enumerate(self.holders):
                holder.give_back()
                self.exchange(which, 0)
        assert sum(self.state.all_spend().values()) == self.really_spent


Memories.TestCase.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
TestMemories = Memories.TestCase


def test_granted_is_what_the_holder_may_spend() -> None:
    holder = LeaseHolder("one", DAYS)
    holder.ask(NOW)
    holder.heard(Granted(7, SpendState(), NOW))
    assert holder.take(NOW, 7)
    assert not holder.take(NOW, 1)
