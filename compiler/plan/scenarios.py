"""Tests of a file, as they are played: a world of providers, what is asked in it, and what is expected.

Times are in seconds, shares are fractions of one. `start` and `end` of expressions are places in the file.
"""

from __future__ import annotations

from attrs import field

from ...dsl.record import frozen
from ...dsl.word_enum import WordEnum

# ---- worlds


@frozen
class Spread:
    """A time that varies: its median, and what one of a hundred exceeds; equal where it does not vary."""

    median: float
    high: float


UNREACHABLE = "unreachable"
"""A failure that the mock provider cannot play: nobody answers at its address."""


@frozen
class FailurePlan:
    """Answers that go wrong.

    what: `status`, `unreachable`, or a kind of fault of the mock provider. seconds: how long it lasts, from
    `start` on; None: to the end. share: of the answers in that time. times: how many; None: all of them.
    after: pieces of a stream that come before it.
    """

    what: str
    status: int = 500
    start: float = 0.0
    seconds: float | None = None
    share: float = 1.0
    times: int | None = None
    after: int = 2
    retry_after: float | None = None

    @property
    def end(self) -> float:
        """When it is over."""
        return float("inf") if self.seconds is None else self.start + self.seconds


@frozen
class AnswerPlan:
    """What is answered. times: how often; None: always."""

    text: str
    times: int | None = None


@frozen
class ProviderPlan:
    """How one deployment's provider behaves.

    first_token: until the answer begins. rate: tokens for each second after that. answer: tokens of an
    answer; None: as many as are asked for. service: how long a model on this machine takes. real: that
    model runs for real, and its time is measured.
    """

    deployment: str
    first_token: Spread = Spread(0.4, 1.5)
    rate: float = 80.0
    answer: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    service: Spread = Spread(0.01, 0.02)
    real: bool = False
    failures: tuple[FailurePlan, ...] = ()
    answers: tuple[AnswerPlan, ...] = ()


# ---- what is asked


class Shape(WordEnum):
    """How the rate of a load changes: not at all, or as over a working day, whose peak it is."""

    STEADY = "steady"
    DAY = "day"


@frozen
class TrafficPlan:
    """Requests for one name: so many in a second, from `start` on."""

    name: str
    per_second: float
    seconds: float
    start: float = 0.0


@frozen
class LoadPlan:
    """Requests that come whether those before them are answered or not."""

    traffic: tuple[TrafficPlan, ...]
    prompt: int = 100
    answer: int = 100
    searches: int = 0
    stream: bool = False
    shape: Shape = Shape.STEADY
    key: str | None = None


@frozen
class FileValue:
    """What is in a file, as a value of a pipeline: bytes, or a text."""

    path: str
    is_text: bool = False


@frozen
class AskPlan:
    """One request, or `count` of them, `every` so many seconds. values: of a pipeline, in place of `text`."""

    name: str
    text: str | None = None
    values: dict[str, object] | None = None
    stream: bool = False
    key: str | None = None
    count: int = 1
    every: float = 0.0


@frozen
class WaitPlan:
    """Nothing happens for a while."""

    seconds: float


# ---- what is expected


@frozen
class Constant:
    """A value as it stands there."""

    start: int
    end: int
    value: float | str | bool


@frozen
class Measure:
    """Something that is looked up: `seconds`, `calls(fast)`."""

    start: int
    end: int
    name: str
    argument: str | float | None = None


@frozen
class Operation:
    """Two values and what stands between them; `!` has one."""

    start: int
    end: int
    operator: str
    left: Expr
    right: Expr | None = None


Expr = Constant | Measure | Operation


def measures_in(node: Expr) -> list[Measure]:
    """All that a condition looks at."""
    match node:
        case Measure():
            return [node]
        case Operation():
            return measures_in(node.left) + (measures_in(node.right) if node.right is not None else [])
    return []


@frozen
class ExpectPlan:
    """A condition that must hold: of each request of the last `ask`, or of the last `load` as a whole."""

    condition: Expr


Step = AskPlan | LoadPlan | WaitPlan | ExpectPlan


@frozen
class Scenario:
    """One test."""

    title: str
    world: dict[str, ProviderPlan] = field(factory=dict)
    steps: tuple[Step, ...] = ()
