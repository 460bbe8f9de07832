"""A test that failed as a diagnostic: what does not hold, at its place, and the story of a request."""

from __future__ import annotations

from collections.abc import Iterator

from ...compiler.scenarios.check import DeclaredTest
from ...dsl.diagnostics import Diagnostic, Label, Severity, make
from ...dsl.units import Duration
from ...runtime.requests.trace import dollars
from ...runtime.simulation.measures import Value
from ...runtime.simulation.records import Record
from ...runtime.simulation.tests import Failure, Outcome

_MOST_EVENTS = 12
"""Lines of a story; the middle of a longer one is left out."""

_TIMES = ("seconds", "first_token", "held", "slowest", "p50", "p90", "p95", "p99")
_SHARES = ("success", "answers")
_MONEY = ("cost", "spent")


def diagnostics_of(test: DeclaredTest, outcome: Outcome) -> Iterator[Diagnostic]:
    """Everything that is wrong with a test that was played."""
    title = outcome.title
    for problem in outcome.problems:
        yield make(
            Severity.ERROR, "E0712", f"`{title}` cannot be played: {problem}", test.scope.span(test.node.name)
        )
    for failure in outcome.failures:
        yield _failure(test, failure, outcome)


def _failure(test: DeclaredTest, failure: Failure, outcome: Outcome) -> Diagnostic:
    broken = failure.broken
    span = test.scope.module.span(broken.start, broken.end)
    seen = ", ".join(f"{name} is {shown(name, value)}" for name, value in broken.seen)
    record = failure.record
    notes = list(story(record)) if record is not None else []
    before = reversed(test.statements[: failure.step])
    asked = next((each for each in before if each.name.text in ("ask", "load")), None)
    secondary = [Label(test.scope.span(asked), "after this")] if asked is not None else []
    if outcome.scale > 1:
        notes.append(
            f"one of {outcome.scale:.3g} requests was played; limits and budgets were as much smaller"
        )
    message = f"`{outcome.title}`: this does not hold"
    return make(Severity.ERROR, "E0710", message, span, seen, secondary=secondary, notes=notes)


def story(record: Record) -> Iterator[str]:
    """What became of one request, line by line, in seconds since it came."""
    events = [(record.began, f"asks `{record.name}`")]
    spans = record.trace.spans or ()
    for span in spans:
        step = f"{span.step}: " if span.step else ""
        events.append((span.began, f"{step}sent to {span.deployment}"))
        if span.ok:
            events.append((span.ended, f"{step}{span.deployment} has answered"))
        elif step:  # whose notes the pipeline keeps to itself
            events.append((span.ended, f"{step}{span.deployment} has failed"))
    events += [(note.at, note.text) for note in record.trace.notes]
    ended = record.began + record.seconds
    cost = "" if record.cost is None else f", {dollars(record.cost / 1e12)}"
    if record.ok:
        events.append((ended, f"answered by {record.trace.deployment or record.name}{cost}"))
    else:
        events.append((ended, f"fails with {record.status} {record.code}: {record.message}"))
    events.sort(key=lambda event: event[0])
    yield "the first request that shows it:"
    left = len(events) - _MOST_EVENTS
    for index, (at, text) in enumerate(events):
        if left > 0 and _MOST_EVENTS // 2 <= index < _MOST_EVENTS // 2 + left:
            if index == _MOST_EVENTS // 2:
                yield f"          … {left} more"
            continue
        yield f"{at - record.began:8.3f} s  {text}"


def shown(name: str, value: Value) -> str:
    """A measure as people write it."""
    base = name.partition("(")[0]
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"`{value}`" if value else "nothing"
    if base in _TIMES:
        return str(Duration(round(value, 3)))
    if base in _SHARES:
        return f"{value * 100:.4g}%"
    if base in _MONEY:
        return dollars(value)
    return f"{value:,.6g}"
