"""What is known of one request when it has ended."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..dialects.rate_limit_headers import openai_limits
from ..requests.trace import Note, Span
from ..requests.upstream import Upstream
from ..requests.usage import NOTHING_USED, PICODOLLARS


class Record(NamedTuple):
    """One request. at: when it came, in seconds since 1970; began, ended: in the time of the loop.

    outcome: `ok`, `broken_off`, `cancelled`, or the code of an error, whose `message` is what the client got.
    upstream: what the provider said beside its answer.
    """

    id: str
    at: float
    began: float
    ended: float
    method: str
    path: str
    key: str
    asked: str
    user: str
    status: int
    outcome: str
    message: str
    deployment: str
    replica: int | None
    attempts: int
    spans: list[Span]
    notes: list[Note]
    upstream: Upstream | None = None

    @property
    def tokens(self) -> tuple[int, int]:
        """Of prompts and of answers."""
        usages = [span.usage for span in self.spans]
        return sum(each.prompt_tokens for each in usages), sum(each.completion_tokens for each in usages)

    @property
    def cost(self) -> float | None:
        """Dollars; None where the price of an attempt is not known."""
        costs = [span.cost for span in self.spans if span.usage != NOTHING_USED]
        return None if None in costs else sum(each or 0 for each in costs) / PICODOLLARS

    def as_json(self) -> dict[str, Any]:
        """What an access line says, in the order in which people read it."""
        prompt, completion = self.tokens
        first = next((span.first for span in self.spans if span.first is not None), None)
        fields = {
            "time": self.at,
            "id": self.id,
            "key": self.key or None,
            "method": self.method,
            "path": self.path,
            "asked": self.asked or None,
            "user": self.user or None,
            "deployment": self.deployment or None,
            "replica": self.replica,
            "attempts": self.attempts,
            "status": self.status,
            "outcome": self.outcome,
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "cost": self.cost if self.spans else None,
            "waited": round(self.spans[0].began - self.began, 6) if self.spans else None,
            "first": round(first - self.began, 6) if first is not None else None,
            "seconds": round(self.ended - self.began, 6),
            "tries": self._tries() or None,
            "limits": self._limits() or None,
            "error": self.message or None,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def _limits(self) -> dict[str, str]:
        """What the provider said is left of its limits, in OpenAI's words."""
        said = openai_limits(self.upstream.headers) if self.upstream is not None else {}
        return {str(name): value for name, value in said.items()}  # JSON takes no other texts

    def _tries(self) -> list[dict[str, Any]]:
        """The attempts of a request that had more than one, or one that failed; not those of pipelines."""
        spans = self.spans
        if not spans or (len(spans) == 1 and spans[0].failure is None) or spans[0].step is not None:
            return []
        return [self._try(span) for span in spans]

    def _try(self, span: Span) -> dict[str, Any]:
        failure = span.failure
        fields = {
            "deployment": span.deployment,
            "waited": round(span.began - self.began, 6),
            "first": round(span.first - self.began, 6) if span.first is not None else None,
            "seconds": round(span.seconds, 6),
            "ok": span.ok,
            "prompt_tokens": span.usage.prompt_tokens,
            "completion_tokens": span.usage.completion_tokens,
            "outcome": failure.code if failure is not None else None,
            "status": failure.status if failure is not None else None,
            "retry_after": failure.retry_after if failure is not None else None,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def story(self) -> dict[str, Any]:
        """All that is known, with what happened in its order; times from the arrival."""
        events = [(span.began, self._attempt(span)) for span in self.spans if span.began]
        events += [
            (note.at, {"at": round(note.at - self.began, 6), "text": note.text}) for note in self.notes
        ]
        events.sort(key=lambda event: event[0])
        return {**self.as_json(), "events": [event for _, event in events]}

    def _attempt(self, span: Span) -> dict[str, Any]:
        return {
            "at": round(span.began - self.began, 6),
            "step": span.step,
            "deployment": span.deployment,
            "replica": span.replica,
            "seconds": round(span.seconds, 6),
            "first": round(span.first - span.began, 6) if span.first is not None else None,
            "ok": span.ok,
            "tokens": span.tokens,
            "cost": None if span.cost is None else span.cost / PICODOLLARS,
        }
