"""What budgets have spent, in Redis: one text for each, which is replaced if it is still what was read."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1
from typing import TYPE_CHECKING, Any

from ...policies.budget import DAY, MINUTE, WINDOWS
from ...policies.lease import Granted, SpendState
from .looks import Looks
from .problems import Do, StoreError
from .protocol import Change

if TYPE_CHECKING:
    from redis.asyncio import Redis

KEPT = int((WINDOWS["month"] + DAY) * MINUTE * 1000)
"""Milliseconds after which the state of a budget that nobody uses is forgotten."""

ATTEMPTS = 200
"""How often a change is tried while other processes come first each time."""

_SWAP = """
-- KEYS: the state. ARGV: the SHA-1 of what it was, nothing for none; what it is now; milliseconds to keep it.
local was = redis.call('GET', KEYS[1])
if (was and redis.sha1hex(was) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""

AT_ONCE = 500
"""Budgets that are looked at with one command at most."""


class RedisSpend:
    """read, write: run a command, and make a StoreError of what goes wrong with it, or with its answer."""

    _is_unwritten = False
    """Whether the last write did not succeed: a server may answer what reads, and refuse what writes."""

    def __init__(self, client: Redis, read: Do, write: Do) -> None:
        self._client = client
        self._read, self._write = read, write
        self._swap = client.register_script(_SWAP)
        self._looks = Looks()
        self._is_cluster = False

    async def update(self, account: str, change: Change) -> Granted:
        """As `SharedSpend.update`; the time is that of the server."""
        key = _key(account)
        for _ in range(ATTEMPTS):
            async with self._client.pipeline(transaction=False) as pipeline:
                pipeline.time()
                pipeline.get(key)
                now, text = await self._read(pipeline.execute(), _time_and_text)
            try:
                state = SpendState(await self._older(account)) if text is None else SpendState.decode(text)
            except ValueError as error:
                raise StoreError(f"what Redis keeps as {key} cannot be read: {error}") from None
            granted = change(state, now)
            if granted.state == state and not self._is_unwritten:
                return granted
            was = "" if text is None else sha1(text.encode(), usedforsecurity=False).hexdigest()
            try:
                is_swapped = await self._write(
                    self._swap(keys=[key], args=[was, granted.state.encode(), KEPT])
                )
            except StoreError:
                self._is_unwritten = True
                raise
            self._is_unwritten = False
            if is_swapped:
                return granted
        raise StoreError(f"other processes keep changing what Redis keeps as {key}")

    async def look(self, accounts: Sequence[str]) -> dict[str, SpendState]:
        """As `SharedSpend.look`."""
        found: dict[str, str | None] = {}
        for begin in range(0, len(accounts), AT_ONCE):
            some = accounts[begin : begin + AT_ONCE]
            texts = self._texts([_key(account) for account in some])
            found |= await self._read(texts, lambda told, some=some: dict(zip(some, told, strict=True)))
        return self._looks.changed(found)

    async def _texts(self, keys: Sequence[str]) -> list[Any]:
        """The texts that are kept as `keys`, None for none.

        A server in the mode of a cluster, if only of itself, takes no keys of several slots in a command.
        """
        from redis.exceptions import ClusterCrossSlotError, ResponseError

        if not self._is_cluster:
            try:
                return list(await self._client.mget(keys))
            except ResponseError as error:  # of clients before 6, the server's word alone tells
                if not (isinstance(error, ClusterCrossSlotError) or str(error).startswith("CROSSSLOT")):
                    raise
                self._is_cluster = True
        async with self._client.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.get(key)
            return list(await pipeline.execute())

    async def _older(self, account: str) -> dict[int, int]:
        """Spend by minute that older versions kept by the name of the deployment alone."""
        if account.startswith("/"):  # of no deployment
            return {}
        stored = self._client.hgetall(f"inferc:spend:{account.rpartition('/')[2]}")
        spend: dict[int, int] = await self._read(stored, _spend)
        return spend


def _time_and_text(answer: Any) -> tuple[float, str | None]:
    (seconds, microseconds), text = answer
    return seconds + microseconds / 1e6, text


def _spend(stored: Any) -> dict[int, int]:
    return {int(minute): int(amount) for minute, amount in stored.items()}


def _key(account: str) -> str:
    return f"inferc:budget:{account}"
