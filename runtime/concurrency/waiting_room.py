"""Waiting for a turn that a state machine gives, so that no turn is lost when someone stops waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class WaitingRoom(Generic[T]):
    """Those who wait for a `T`, by ticket."""

    def __init__(self) -> None:
        self._waiters: dict[int, asyncio.Future[T]] = {}
        self._tickets = 0

    def __len__(self) -> int:
        return len(self._waiters)

    def ticket(self) -> int:
        """A ticket that nobody has; later ones are higher."""
        self._tickets += 1
        return self._tickets

    def join(self, ticket: int) -> asyncio.Future[T]:
        """Be called from now on; `wait` for it at once."""
        waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiters[ticket] = waiter
        return waiter

    async def wait(
        self,
        ticket: int,
        waiter: asyncio.Future[T],
        until: float,
        leave: Callable[[], object],
        give_back: Callable[[T], None],
    ) -> T:
        """What `call` gives to the ticket. Raises TimeoutError at `until`, and what `close` is given.

        leave: called when the wait is broken off before the turn came. give_back: called with the
        turn when the wait is broken off in the moment in which it came.
        """
        try:
            async with asyncio.timeout_at(until):
                return await waiter
        except BaseException:
            if self._waiters.pop(ticket, None):
                leave()
            elif waiter.done() and not waiter.cancelled() and not waiter.exception():
                give_back(waiter.result())
            raise

    def call(self, ticket: int, turn: T) -> bool:
        """Give the turn to who holds the ticket; False where that one has just stopped waiting."""
        waiter = self._waiters.pop(ticket)
        if waiter.done():
            return False
        waiter.set_result(turn)
        return True

    def close(self, error: Callable[[], Exception]) -> list[int]:
        """Make every wait fail with an error of its own; gives the tickets."""
        tickets = list(self._waiters)
        for waiter in self._waiters.values():
            if not waiter.done():
                waiter.set_exception(error())
        self._waiters.clear()
        return tickets
