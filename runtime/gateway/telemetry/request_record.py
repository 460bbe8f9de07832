"""What is known of one request when it has ended."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...dialects.rate_limit_headers import openai_limits
from ...requests.trace import Note, Span, cost_of
from ...requests.upstream import Upstream
from ...requests.usage import PICODOLLARS


def micros(seconds: float) -> float:
    """Seconds with six digits, as `round` gives them in ten times the time."""
    return (seconds * 1e6 + 0.5) // 1 / 1e6


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

    def as_json(self) -> dict[str, Any]:
        """What an access line says, in the order in which people read it."""
        (
            id_,
            at,
            began,
            ended,
            method,
            path,
            key,
            asked,
            user,
            status,
            outcome,
            message,
            deployment,
            replica,
            attempts,
            spans,
            _,
            upstream,
        ) = self
        said: dict[str, Any] = {"time": at, "id": id_}
        if key:
            said["key"] = key
        said["method"] = method
        said["path"] = path
        if asked:
            said["asked"] = asked
        if user:
            said["user"] = user
        if deployment:
            said["deployment"] = deployment
        if replica is not None:
            said["replica"] = replica
        said["attempts"] = attempts
        said["status"] = status
        said["outcome"] = outcome
        prompt = completion = 0
        first = None
        for span in spans:
            prompt += span.usage.prompt_tokens
            completion += span.usage.completion_tokens
            if first is None:
                first = span.first
        said["prompt_tokens"] = prompt
        said["completion_tokens"] = completion
        if spans:
            cost = cost_of(spans)
            if cost is not None:
                said["cost"] = cost
            said["waited"] = micros(spans[0].began - began)
        if first is not None:
            said["first"] = micros(first - began)
        said["seconds"] = micros(ended - began)
        is_plain = not spans or (len(spans) == 1 and spans[0].failure is None)
        if not is_plain and spans[0].step is None:  # pipelines have many, which `why` tells
            said["tries"] = [self._try(span) for span in spans]
        if upstream is not None and upstream.headers:
            limits = openai_limits(upstream.headers)
            if limits:  # what it said is left of its limits, in OpenAI's words
                said["limits"] = {str(name): value for name, value in limits.items()}  # JSON takes no others
        if message:
            said["error"] = message
        return said

    def _try(self, span: Span) -> dict[str, Any]:
        failure = span.failure
        fields = {
            "deployment": span.deployment,
            "waited": micros(span.began - self.began),
            "first": micros(span.first - self.began) if span.first is not None else None,
            "seconds": micros(span.seconds),
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
        events += [(note.at, {"at": micros(note.at - self.began), "text": note.text}) for note in self.notes]
        events.sort(key=lambda event: event[0])
        return {**self.as_json(), "events": [event for _, event in events]}

    def _attempt(self, span: Span) -> dict[str, Any]:
        return {
            "at": micros(span.began - self.began),
            "step": span.step,
            "deployment": span.deployment,
            "replica": span.replica,
            "seconds": micros(span.seconds),
            "first": micros(span.first - span.began) if span.first is not None else None,
            "ok": span.ok,
            "tokens": span.tokens,
            "cost": None if span.cost is None else span.cost / PICODOLLARS,
        }
