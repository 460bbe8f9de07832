"""What became of the requests of a deployment, a route or a pipeline, counted."""

from __future__ import annotations

import sys
import time
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, repeat
from operator import attrgetter, gt, itemgetter, sub, truediv
from typing import TypeVar

from ..requests.errors import RequestError
from ..requests.request import Request
from ..requests.trace_context import parent_now, trace_id_of
from ..requests.usage import Usage

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds that the buckets of durations end at; one more holds what took longer."""

OK, CANCELLED, DIVERTED, INTERNAL = "ok", "cancelled", "diverted", RequestError.code
SLOW, NOT_ACCEPTED = "slow", "not_accepted"
"""Why a route asks another member, where none has failed."""


FIRST_BOUNDS = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1),
    *(0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
"""As the conventions of OpenTelemetry have it for the time to the first token."""

TOKEN_BOUNDS = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
"""As they have it for the time for each token after that."""


OPERATION_BOUNDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""As they have it for operations."""

USAGE_BOUNDS = tuple(4**exponent for exponent in range(14))
"""As they have it for numbers of tokens."""


K = TypeVar("K")


class Counts(dict[K, int]):
    """How many there were of each. A `Counter` costs more: it has its own way to delete, so Python looks for
    a method each time that something is set."""

    def __missing__(self, key: K) -> int:
        return 0


_SAME = 5e-7
"""Seconds by which a time that is counted may miss the end of its bucket, as sums of floats do."""


_TOGETHER = 128
"""How many are sorted into buckets at once."""


class Durations:
    """buckets: how many took so long, by `bounds`. seconds: all of them together. examples: for buckets, the
    last that fell into it and has a trace: its trace, its value, and when that was, in seconds since 1970.
    """

    def __init__(self, bounds: tuple[float, ...] = BOUNDS) -> None:
        self.bounds = bounds
        self._ends = tuple(bound + _SAME for bound in bounds)
        self._buckets = [0] * (len(bounds) + 1)
        self._seconds = 0.0
        self.new: list[float] = []
        """Those that are not counted yet."""
        self.examples: dict[int, tuple[str, float, float]] = {}

    @property
    def buckets(self) -> list[int]:
        self.sort_in()
        return self._buckets

    @property
    def seconds(self) -> float:
        self.sort_in()
        return self._seconds

    def add(self, seconds: float) -> None:
        """One has ended, after so long."""
        self.new.append(seconds)
        if len(self.new) >= _TOGETHER:
            self.sort_in()
        if parent := parent_now():
            self.show(seconds, trace_id_of(parent))

    def show(self, seconds: float, trace: str) -> None:
        """Remember one that has ended as an example."""
        self.examples[bisect_left(self._ends, seconds)] = trace, seconds, time.time()

    def sort_in(self) -> None:
        """Count those that are new: of many, where each bucket ends is looked for, not the bucket of each."""
        if not self.new:
            return
        new = sorted(self.new)
        self.new.clear()
        self._seconds += sum(new)
        begin = 0
        for bucket, end in enumerate(self._ends):
            after = bisect_right(new, end, begin)
            self._buckets[bucket] += after - begin
            begin = after
        self._buckets[-1] += len(new) - begin


_Ended = tuple[str, float, float, float | None, float, Usage | None, Usage]
"""One that has ended: its outcome, when it began, was sent, had the first of a stream and ended, and what it
used as it is told and as it is known."""
_OUTCOME, _SENT, _FIRST, _USAGE, _USED = map(itemgetter, (0, 2, 3, 5, 6))
_PROMPT, _COMPLETION = attrgetter("prompt_tokens"), attrgetter("completion_tokens")


class Counters:
    """Counts from the start of the executor on.

    outcomes: requests by how they ended: `ok`, `cancelled` by the client, `diverted` to a fallback, or the
    code of an error. durations: of all of them.
    """

    def __init__(self) -> None:
        self.outcomes: Counts[str] = Counts()
        self.durations = Durations()
        self._outcomes_alone = False

    def end(self, outcome: str, seconds: float) -> None:
        """A request has ended, after so long."""
        self.outcomes[outcome] += 1
        if not self._outcomes_alone:
            self.durations.add(seconds)

    def count_outcomes_alone(self) -> None:
        """Nobody asks for durations, nor for sizes: in a simulation each of millions would be sorted in."""
        self._outcomes_alone = True


class DeploymentCounters(Counters):
    """With its tokens, as far as they are told, and the requests that were adapted to its model.

    searches, images, characters, audio_ms: what is paid for by something else than tokens.

    waits: until requests were sent. operations: from sending to the end, by error, where there was one.
    firsts: of streams, from sending to the first part of the answer.
    per_token: of streams, for each token after the first.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits = Durations()
        self.firsts = Durations(FIRST_BOUNDS)
        self.per_token = Durations(TOKEN_BOUNDS)
        self.operations: defaultdict[str, Durations] = defaultdict(lambda: Durations(OPERATION_BOUNDS))
        self.input_tokens = Durations(USAGE_BOUNDS)
        self.output_tokens = Durations(USAGE_BOUNDS)
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.adapted = 0
        self.untold = 0
        self.searches = self.images = self.characters = self.audio_ms = 0
        self._ended: list[_Ended] = []
        """Those that are not counted yet."""

    def leave(
        self,
        outcome: str,
        began: float,
        sent: float,
        first: float | None,
        now: float,
        usage: Usage | None,
        used: Usage,
        streamed: bool,
    ) -> None:
        """A request has ended that had a slot. sent, first: when the last attempt went out, and when its
        answer began; 0 and None: neither. usage: that was told. used: what was taken beside tokens, as far as
        it is told or known without that.
        """
        self.outcomes[outcome] += 1
        if self._outcomes_alone:
            return
        row = outcome, began, sent, first if streamed else None, now, usage, used
        self._ended.append(row)
        if len(self._ended) >= _TOGETHER:
            self.sort_in()
        if parent := parent_now():
            for durations, values in self._columns((row,)):
                for value in values:
                    durations.show(value, trace_id_of(parent))

    def sort_in(self) -> None:
        """Count those of whom `leave` has been told: to be called before anything but outcomes is read."""
        if not self._ended:
            return
        ended, self._ended = self._ended, []
        for durations, values in self._columns(ended):
            durations.new += values
            if len(durations.new) >= _TOGETHER:
                durations.sort_in()
        used = [*map(_USED, ended)]
        self.searches += sum(map(attrgetter("searches"), used))
        self.images += sum(map(attrgetter("images"), used))
        self.characters += sum(map(attrgetter("characters"), used))
        self.audio_ms += sum(map(attrgetter("audio_ms"), used))
        told = [*filter(None, map(_USAGE, ended))]
        self.prompt_tokens += sum(map(_PROMPT, told))
        self.completion_tokens += sum(map(_COMPLETION, told))

    def _columns(self, ended: Sequence[_Ended]) -> Iterator[tuple[Durations, Iterable[float]]]:
        """What is counted of them, and where: column by column, as that takes no step of Python for each."""
        _, began, _, _, now, usage, _ = zip(*ended, strict=True)
        yield self.durations, map(sub, now, began)
        told = [*filter(None, usage)]
        yield self.input_tokens, map(_PROMPT, told)
        yield self.output_tokens, map(_COMPLETION, told)
        sent = [*filter(_SENT, ended)]
        outcomes = dict.fromkeys(map(_OUTCOME, sent))
        for outcome in outcomes:
            of = sent if len(outcomes) == 1 else [row for row in sent if row[0] == outcome]
            _, began, out, _, now, _, _ = zip(*of, strict=True)
            yield self.waits, map(sub, out, began)
            yield self.operations["" if outcome == OK else outcome], map(sub, now, out)
        if streams := [*filter(_FIRST, sent)]:
            _, _, out, first, _, _, _ = zip(*streams, strict=True)
            yield self.firsts, map(sub, first, out)
            if counted := [*filter(_USAGE, streams)]:
                _, _, _, first, now, usage, _ = zip(*counted, strict=True)
                tokens = [*map(_COMPLETION, usage)]
                after_first = [*map(sub, tokens, repeat(1))]
                is_any = [*map(gt, after_first, repeat(0))]
                seconds = compress(map(sub, now, first), is_any)
                yield self.per_token, map(truediv, seconds, compress(after_first, is_any))


class RouteCounters(Counters):
    """answers: how many each member has given. moves: how often another member was asked, by the one that
    had been asked before, and why: the code of its error, `slow` or `not_accepted`.
    """

    def __init__(self, members: Iterable[str]) -> None:
        super().__init__()
        self.answers = Counter(dict.fromkeys(members, 0))
        self.moves: Counter[tuple[str, str]] = Counter()


class PipelineCounters(Counters):
    """steps: how long the calls of each step took."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: defaultdict[str, Durations] = defaultdict(Durations)


def outcome_now(request: Request | None, begun: bool) -> str:
    """How `request` ends, in the `finally` that it passes. request: None for the run of a pipeline.

    begun: whether a part of its answer has been handed out; of an answer in one part, that is all.
    """
    error = sys.exception()
    if error is None:
        return OK
    if isinstance(error, RequestError):
        return type(error).code  # its own may be a provider's, and there is no end of those
    if isinstance(error, Exception):
        return INTERNAL
    return OK if begun and not getattr(request, "stream", False) else CANCELLED
