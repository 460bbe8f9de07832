"""What became of a request: who answered, after how many attempts, and what each of them took."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from attrs import evolve, field

from ...compiler.plan.record import define, frozen
from .upstream import Upstream
from .usage import NOTHING_USED, PICODOLLARS, Usage

log = logging.getLogger(__name__)

MOST_NOTES = 50
LONGEST_NOTE = 500


@frozen
class Failure:
    """How an attempt failed. code: of its error. status: that the provider answered with, if it did.

    retry_after: seconds for which the provider wants to be left alone, if it said so.
    """

    code: str
    status: int | None = None
    retry_after: float | None = None


@frozen
class Span:
    """One attempt at one deployment, or one run of the user's code.

    step: of the pipeline that asked; None: a client did. began, ended: in the time of the loop.
    cost: in picodollars; None: the price is not known. ok: whether it gave the whole answer. replica: which
    one of the deployment. first: when its answer began; None: it never did, or that is not known.
    failure: why it gave none; None: it gave one, was broken off by us, or that is not known.
    """

    step: str | None
    deployment: str
    began: float
    ended: float
    usage: Usage = Usage(0)
    cost: int | None = 0
    ok: bool = True
    replica: int | None = None
    first: float | None = None
    failure: Failure | None = None

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    @property
    def tokens(self) -> int:
        """Of the prompt and of the answer."""
        return self.usage.prompt_tokens + self.usage.completion_tokens


@frozen
class Note:
    """What happened on the way of a request, beside its attempts. at: in the time of the loop."""

    at: float
    text: str


@define
class Trace:
    """Filled in on the way of a request.

    deployment: the one that answered, which a fallback makes another than the one that was asked.
    replica: which of its replicas, counted from 0. attempts: at that deployment. spans: None where nobody
    asks for them, nor for `notes`. step: what they are recorded under. id: of the request, for the log.
    adapted: the places of what was changed in the request, or left out of it, for the model that answers.
    upstream: what the provider of the answer says beside it.
    cached: the answer was given before, and nobody was asked.
    """

    deployment: str | None = None
    attempts: int = 0
    replica: int | None = None
    spans: list[Span] | None = None
    step: str | None = None
    id: str = ""
    notes: list[Note] = field(factory=list)
    adapted: tuple[str, ...] = ()
    upstream: Upstream | None = None
    cached: bool = False

    def branch(self) -> Trace:
        """The trace of one of several that are asked; its spans are recorded here."""
        return evolve(
            self, deployment=None, attempts=0, replica=None, adapted=(), upstream=None, cached=False
        )

    def follow(self, branch: Trace) -> None:
        """The answer is the one that `branch` belongs to."""
        self.deployment, self.attempts, self.replica = branch.deployment, branch.attempts, branch.replica
        self.adapted, self.cached = branch.adapted, branch.cached
        self.upstream = branch.upstream

    def tries(self) -> int:
        """Attempts at all deployments that were asked: those that have ended elsewhere, too."""
        tries = self.attempts
        for span in self.spans or ():
            if span.deployment != self.deployment:
                tries += 1
        return tries

    def record(
        self,
        deployment: str,
        began: float,
        ended: float,
        usage: Usage,
        cost: int | None,
        ok: bool,
        replica: int | None = None,
        first: float | None = None,
        failure: Failure | None = None,
    ) -> None:
        """One attempt is over. cost: in picodollars; None where the price is not known."""
        if self.spans is not None:
            self.spans.append(
                Span(self.step, deployment, began, ended, usage, cost, ok, replica, first, failure)
            )

    def note(self, at: float, text: str) -> None:
        """Something happened that is no attempt: it failed, and what follows."""
        log.debug("%s%s%s", self.id, ": " if self.id else "", text)
        if self.spans is not None and len(self.notes) < MOST_NOTES:
            self.notes.append(Note(at, text[:LONGEST_NOTE]))


def cost_of(spans: Iterable[Span]) -> float | None:
    """What all of `spans` cost, in dollars; None where the price of one is not known."""
    cost = 0
    for span in spans:
        if span.cost is not None:
            cost += span.cost
        elif span.usage != NOTHING_USED:
            return None
    return cost / PICODOLLARS


@frozen
class Spent:
    """tokens: of prompts and answers. cost: in dollars; None where the price of one attempt is not known."""

    tokens: int
    cost: float | None

    @classmethod
    def of(cls, spans: list[Span]) -> Spent:
        """The sum of all of `spans`."""
        return cls(sum(span.tokens for span in spans), cost_of(spans))

    def __str__(self) -> str:
        """Such as `120 tokens, $0.0004`."""
        return f"{self.tokens} tokens" + (f", {dollars(self.cost)}" if self.cost is not None else "")


def dollars(amount: float) -> str:
    """`amount` with as many digits as say something: `$0.00012`."""
    return f"${float(f'{amount:.3g}'):.10f}".rstrip("0").rstrip(".")
