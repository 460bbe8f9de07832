"""A provider that is played: as the mock provider, on the loop's clock, behind no socket."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from functools import cache
from random import Random
from types import MappingProxyType

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDictProxy
from yarl import URL

from ...compiler.plan.record import define, frozen
from ...compiler.plan.scenarios import UNREACHABLE, FailurePlan, ProviderPlan, Spread
from ..concurrency.virtual_time import VirtualTimeLoop
from ..mock_provider.deliver import BROKEN, END_MARKERS, in_parts
from ..mock_provider.faults import SPOILT, Fault, FaultKind
from ..mock_provider.limits import Limiter
from ..mock_provider.parsed_request import MockError
from ..mock_provider.spoilt import spoilt_answer, spoilt_events
from ..replicas.remote.transport.http_client import Limit
from .http_answers import JSON, PlayedAnswer, WholeAnswer, frozen_headers
from .wires import AS_ASKED, Path, Spoken, Wires, api_of, error_event_of, error_of

NOTHING_SAID: Mapping[str, str] = MappingProxyType({})


@frozen
class Seen:
    """An attempt that was once made. first: seconds until its answer began; None: it never did.

    failure: how it failed; None: it was answered, or broken off by us. limits: headers with what its provider
    said is left of them.
    """

    deployment: str
    seconds: float
    first: float | None = None
    failure: FailurePlan | None = None
    limits: Mapping[str, str] = NOTHING_SAID


@define
class Recorded:
    """What once became of a request. asked: the deployment that was asked first, or would have been.

    left: its attempts, less those that were played.
    """

    asked: str | None
    left: list[Seen]


RECORDED: ContextVar[Recorded | None] = ContextVar("recorded", default=None)
"""Of the request at hand; None: nothing is known."""

Z99 = 2.3263478740408408
"""How many standard deviations one of a hundred is above the median."""

NEXT = 0.01
"""Seconds after the end of what was once broken off, in which an answer begins at the earliest."""

_MOST_PIECES = 400
"""Pieces in which a stream comes, at most."""


class Provider:
    """What one deployment's requests meet. answer_tokens: of an answer, where the world does not say."""

    def __init__(self, plan: ProviderPlan, random: Random, loop: VirtualTimeLoop) -> None:
        self.plan = plan
        self._loop = loop
        self._random = random
        self._began = loop.time()
        self._limiter = Limiter(plan.requests_per_minute, plan.tokens_per_minute)
        self._is_limited = plan.requests_per_minute is not None or plan.tokens_per_minute is not None
        self._failed = [0] * len(plan.failures)
        self._answered = [0] * len(plan.answers)
        self._wires = Wires()
        self._paths: dict[str, Path] = {}
        self._gauss = _log_spread(plan.first_token)
        self.answer_tokens: int | None = None
        self.searches = 0
        """For each answer of a chat."""
        self.calls = 0
        self.refused = 0

    def first_token(self) -> float:
        """How long the next answer takes to begin."""
        median, spread = self.plan.first_token.median, self._gauss
        return median if spread == 0 else median * math.exp(self._random.gauss(0.0, spread))

    async def close(self) -> None:
        """Nothing is open."""

    async def post(
        self,
        address: str,
        body: bytes,
        headers: Mapping[str, str],
        limit: Limit,
        content_type: str | None = None,
    ) -> PlayedAnswer | WholeAnswer:
        """The answer to one request of a replica. Raises ClientError, and TimeoutError where it is late."""
        timeouts, until = limit
        with timeouts.until(until):
            return await self._answer(address, body, headers)

    async def _answer(
        self, address: str, body: bytes, headers: Mapping[str, str]
    ) -> PlayedAnswer | WholeAnswer:
        self.calls += 1
        path = self._paths.get(address) or self._paths.setdefault(address, Path.of(URL(address)))
        loop = self._loop
        now = loop.time()
        recorded = RECORDED.get()
        seen = None if recorded is None else self._seen(recorded)
        due = self._due(now - self._began) if seen is None and self._failed else None
        failure = due if seen is None else seen.failure
        if failure is not None and failure.what == UNREACHABLE:
            raise aiohttp.ClientConnectorError(_address(URL(address)), OSError(111, "Connection refused"))
        if failure is not None and failure.what == "status":
            await loop.after(min(self.first_token(), 0.2) if seen is None else seen.seconds)
            return self._error(path, _told(failure), {})
        scripted = self._scripted() if self._answered else None
        wanted = self.plan.answer if self.plan.answer is not None else self.answer_tokens
        if scripted is not None:
            wanted = self.plan.answer
        try:
            spoken = self._wires.speak(path, body, scripted, wanted, _pieces(wanted, self.plan.rate))
        except MockError as error:
            return self._error(path, error, {})
        if self._is_limited:
            tokens = spoken.prompt + spoken.completion
            wait = self._limiter.admit(next(iter(headers.values()), ""), now, tokens)
            if wait:
                self.refused += 1
                retry = {"Retry-After": f"{wait:g}"}
                return self._error(path, MockError(429, "The rate limit is reached.", "", retry, wait), retry)
        first = self.first_token()
        if failure is not None and failure.what == "slow":
            first += 60.0
        whole = spoken.completion / self.plan.rate
        if seen is not None and seen.first is not None:
            first, whole = seen.first, max(seen.seconds - seen.first, 0.0)
        elif seen is not None:  # nothing had come when it ended
            first = max(first, seen.seconds + NEXT)
        if spoken.whole is not None:
            await loop.after(first + whole)
            if failure is None and (seen is None or not seen.limits):
                return spoken.whole
            return self._whole(path, spoken.whole.body, failure, _headers(seen))
        await loop.after(first)
        return self._stream(path, spoken, failure, whole, _headers(seen))

    # ---- answers

    def _whole(
        self, path: Path, body: bytes, failure: FailurePlan | None, headers: CIMultiDictProxy[str]
    ) -> PlayedAnswer:
        now = self._loop.time()
        if failure is not None:
            kind = failure.what
            if kind == "error":
                body = error_of(path, _told(failure))
            elif kind in SPOILT:
                body = spoilt_answer(body, _fault(failure))
            elif kind == "malformed":
                body = body[: len(body) // 2] + b"\0"
            elif kind in ("cut", "stall"):
                parts = in_parts(body)[: max(failure.after, 0)]
                end = now if kind == "cut" else now + 60.0
                pieces = [(now, part) for part in parts]
                if kind == "stall":
                    pieces.append((end, body[sum(map(len, parts)) :]))
                return PlayedAnswer(200, JSON, "application/json", pieces, end if kind == "cut" else None)
        return PlayedAnswer(200, headers, "application/json", ((now, body),))

    def _stream(
        self,
        path: Path,
        spoken: Spoken,
        failure: FailurePlan | None,
        whole: float,
        headers: CIMultiDictProxy[str],
    ) -> PlayedAnswer:
        now = self._loop.time()
        events, broken = spoken.events, None
        if failure is not None:
            events, broken = self._spoil(path, events, failure)
        lead = _lead(spoken.events)
        gap = whole / max(len(spoken.events) - 1 - lead, 1)
        late = 60.0 if failure is not None and failure.what == "stall" else 0.0
        at = failure.after if failure is not None else 0
        pieces = [
            (now + max(index - lead, 0) * gap + (late if index >= at else 0.0), event)
            for index, event in enumerate(events)
        ]
        end = None if not broken else (pieces[-1][0] if pieces else now)
        return PlayedAnswer(200, headers, api_of(path).stream_type, pieces, end)

    def _spoil(self, path: Path, events: list[bytes], failure: FailurePlan) -> tuple[list[bytes], bool]:
        """The events as they come, and whether the connection breaks off behind them."""
        at = min(failure.after, len(events) - 1)
        match failure.what:
            case "cut":
                return events[:at], True
            case "no_done":
                return [event for event in events if event not in END_MARKERS], False
            case "malformed":
                return [*events[:at], BROKEN, *events[at + 1 :]], False
            case "error":
                return [*events[:at], error_event_of(path, _told(failure))], False
            case "split":
                return [bytes((byte,)) for event in events for byte in event], False
            case kind if kind in SPOILT:
                return spoilt_events(events, _fault(failure)), False
        return events, False

    def _error(self, path: Path, error: MockError, headers: Mapping[str, str]) -> PlayedAnswer:
        now = self._loop.time()
        own = api_of(path).error_headers(error)
        told: CIMultiDictProxy[str] = JSON
        if error.headers or headers or own:
            told = frozen_headers({"Content-Type": "application/json", **own, **error.headers, **headers})
        return PlayedAnswer(error.status, told, "application/json", ((now, error_of(path, error)),))

    # ---- what is due

    def _seen(self, recorded: Recorded) -> Seen | None:
        """What once became of this attempt."""
        for number, each in enumerate(recorded.left):
            if each.deployment == self.plan.deployment:
                return recorded.left.pop(number)
        return None

    def _due(self, elapsed: float) -> FailurePlan | None:
        for number, failure in enumerate(self.plan.failures):
            if not failure.start <= elapsed < failure.end:
                continue
            if failure.times is not None and self._failed[number] >= failure.times:
                continue
            if failure.share < 1.0 and self._random.random() >= failure.share:
                continue
            self._failed[number] += 1
            return failure
        return None

    def _scripted(self) -> str | None:
        for number, answer in enumerate(self.plan.answers):
            if answer.times is None or self._answered[number] < answer.times:
                self._answered[number] += 1
                return answer.text
        return None


@cache
def _pieces(tokens: int | None, rate: float) -> int | None:
    """Pieces of a stream of so many tokens: one for each second, and some for a short one."""
    if tokens is None or tokens == AS_ASKED:
        return None
    return min(tokens, max(4, math.ceil(2 * tokens / rate)), _MOST_PIECES)


def _lead(events: Sequence[bytes]) -> int:
    """How many events come before the first that says something: they come along with it."""
    deltas = (index for index, event in enumerate(events) if b"_delta" in event or b".delta" in event)
    return next(deltas, min(1, len(events) - 1))


def _headers(seen: Seen | None) -> CIMultiDictProxy[str]:
    return frozen_headers({**JSON, **seen.limits}) if seen is not None and seen.limits else JSON


def _told(failure: FailurePlan) -> MockError:
    headers = {} if failure.retry_after is None else {"Retry-After": f"{failure.retry_after:g}"}
    status = failure.status if failure.what == "status" else 500
    return MockError(status, "The world wanted this failure.", "", headers, failure.retry_after or 0.0)


def _fault(failure: FailurePlan) -> Fault:
    return Fault(failure.status, kind=FaultKind(failure.what), after=failure.after)


def _log_spread(spread: Spread) -> float:
    """The standard deviation of the logarithm."""
    return math.log(spread.high / spread.median) / Z99 if spread.high > spread.median > 0 else 0.0


def _address(url: URL) -> ConnectionKey:
    return ConnectionKey(url.host or "", url.port, url.scheme == "https", True, None, None, None)
