"""What processes tell each other about providers through Redis, in keys that go by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from .problems import Do
from .protocol import Opening

if TYPE_CHECKING:
    from redis.asyncio import Redis

FORGET = 60.0
"""Seconds after which a circuit that nobody probed counts as closed; its open time where that is longer."""

PROBING = 5.0
"""Seconds after which a process that probes, and is not heard of any more, makes room for another."""

Heard = tuple[list[Opening | None], list[float]]

_PREFIX = "inferc"

_LONGER = """
-- KEYS: the key. ARGV: value, milliseconds. Sets the key, unless it lasts longer already.
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
"""

_PROBE = """
-- KEYS: open, not closed, who probes. ARGV: a process, milliseconds.
-- Answers 0: that one may; -1: the circuit is closed; -2: another one does; else the milliseconds it is open.
if redis.call('EXISTS', KEYS[2]) == 0 then return -1 end
local left = redis.call('PTTL', KEYS[1])
if left > 0 then return left end
local other = redis.call('GET', KEYS[3])
if other and other ~= ARGV[1] then return -2 end
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
return 0
"""

_RELEASE = """
-- KEYS: who probes. ARGV: a process.
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


class RedisHealth:
    """do: runs a command, and makes a StoreError of what goes wrong with it, or with reading its answer."""

    def __init__(self, client: Redis, do: Do) -> None:
        self._client = client
        self._do = do
        self._longer = client.register_script(_LONGER)
        self._probe = client.register_script(_PROBE)
        self._release = client.register_script(_RELEASE)

    async def heard(self, endpoints: Sequence[str], accounts: Sequence[str]) -> Heard:
        async with self._client.pipeline(transaction=False) as pipeline:
            for endpoint in endpoints:
                opened, unclosed, _ = _circuit(endpoint)
                pipeline.pttl(opened)
                pipeline.get(unclosed)
            for account in accounts:
                pipeline.pttl(_hold(account))
            heard: Heard = await self._do(pipeline.execute(), lambda answers: _heard(answers, len(endpoints)))
            return heard

    async def open(self, endpoint: str, opening: Opening) -> None:
        opened, unclosed, probing = _circuit(endpoint)
        left, open_for = int(opening.seconds * 1000), int(opening.open_for * 1000)
        if left > 0:
            await self._do(self._longer(keys=[opened], args=[open_for, left]))
        forget = left + max(open_for, int(FORGET * 1000))
        await self._do(self._client.set(unclosed, open_for, px=forget))
        await self._do(self._client.delete(probing))

    async def close(self, endpoint: str) -> None:
        await self._do(self._client.delete(*_circuit(endpoint)))

    async def probe(self, endpoint: str, process: str) -> Opening | bool | None:
        keys = _circuit(endpoint)
        probing = self._probe(keys=keys, args=[process, int(PROBING * 1000)])
        answer: Opening | bool | None = await self._do(probing, _probed)
        return answer

    async def release(self, endpoint: str, process: str) -> None:
        await self._do(self._release(keys=[_circuit(endpoint)[2]], args=[process]))

    async def hold(self, account: str, seconds: float) -> None:
        await self._do(self._longer(keys=[_hold(account)], args=[1, max(int(seconds * 1000), 1)]))


def _heard(answers: Any, endpoints: int) -> Heard:
    circuits, holds = answers[: 2 * endpoints], answers[2 * endpoints :]
    openings = [
        None if open_for is None else Opening(max(left, 0) / 1000, int(open_for) / 1000)
        for left, open_for in zip(circuits[::2], circuits[1::2], strict=True)
    ]
    return openings, [max(left, 0) / 1000 for left in holds]


def _probed(answer: Any) -> Opening | bool | None:
    if answer > 0:
        return Opening(answer / 1000, answer / 1000)
    return {0: True, -1: None, -2: False}[answer]


def _circuit(endpoint: str) -> list[str]:
    """Exists while: the circuit is open; it is not closed, with its open time; someone probes it."""
    return [f"{_PREFIX}:{{{_short(endpoint)}}}:{part}" for part in ("open", "unclosed", "probing")]


def _hold(account: str) -> str:
    return f"{_PREFIX}:{{{_short(account)}}}:hold"


def _short(name: str) -> str:
    return sha256(name.encode()).hexdigest()[:32]
