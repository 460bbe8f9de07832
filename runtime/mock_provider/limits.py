"""Rate limits that are really enforced: so many requests and tokens in any minute, for each key."""

from __future__ import annotations

from collections import deque

from attrs import field

from ...compiler.plan.record import define, frozen

MINUTE = 60.0


@frozen
class Room:
    """What one key may still send. The limits are None where there is none; resets are in seconds."""

    requests: int | None
    tokens: int | None
    requests_left: int = 0
    tokens_left: int = 0
    requests_reset: float = 0.0
    tokens_reset: float = 0.0


@define
class Limiter:
    """Counts what each key sent in the last minute, to the request."""

    rpm: int | None
    tpm: int | None
    _sent: dict[str, deque[tuple[float, int]]] = field(factory=dict)

    def admit(self, key: str, now: float, tokens: int) -> float:
        """Seconds until a request of `tokens` may come; 0 takes it in and counts it."""
        if self.rpm is None and self.tpm is None:
            return 0.0
        sent = self._window(key, now)
        wait = self._wait(sent, now, tokens)
        if wait == 0.0:
            sent.append((now, tokens))
        return wait

    def room(self, key: str, now: float) -> Room:
        """What is left to `key`."""
        sent = self._window(key, now)
        spent = sum(tokens for _, tokens in sent)
        last = sent[-1][0] + MINUTE - now if sent else 0.0
        return Room(
            self.rpm,
            self.tpm,
            max((self.rpm or 0) - len(sent), 0),
            max((self.tpm or 0) - spent, 0),
            last,
            last,
        )

    def reset(self) -> None:
        """Forget what was sent."""
        self._sent.clear()

    def _window(self, key: str, now: float) -> deque[tuple[float, int]]:
        sent = self._sent.setdefault(key, deque())
        while sent and sent[0][0] <= now - MINUTE:
            sent.popleft()
        return sent

    def _wait(self, sent: deque[tuple[float, int]], now: float, tokens: int) -> float:
        excess = len(sent) + 1 - self.rpm if self.rpm is not None else 0
        wait = sent[excess - 1][0] + MINUTE - now if excess > 0 and len(sent) >= excess else 0.0
        if self.tpm is None:
            return wait
        over = sum(count for _, count in sent) + tokens - self.tpm
        for time, count in sent:
            if over <= 0:
                break
            over -= count
            wait = max(wait, time + MINUTE - now)
        return wait if over <= 0 else max(wait, MINUTE)


def duration(seconds: float) -> str:
    """A duration as OpenAI writes it: `6m0s`, `1.5s`, `12ms`."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}m{rest:g}s" if minutes else f"{rest:.3f}".rstrip("0").rstrip(".") + "s"
