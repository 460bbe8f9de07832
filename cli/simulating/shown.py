"""A run as a table, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...runtime.requests.trace import dollars
from ...runtime.simulation.limits_seen import Looked
from ...runtime.simulation.runs import Run
from ...runtime.simulation.samples import Sample

FULL = 0.9
"""A limit of which so much was used, at its peak, is reached."""

LONG = 0.005
"""A circuit that is open, or a hold that lasts, for more of the time is said."""

HEADINGS = ("FROM", "REQ/S", "FAILED", "P50", "P99", "COST")


def rows(run: Run) -> Iterator[tuple[str, ...]]:
    """One line for each part of the time."""
    width = run.seconds / len(run.windows)
    for window in run.windows:
        yield (
            clock(window.began),
            rate(window.count * run.scale / width),
            f"{window.failures / window.count:.2%}" if window.count else "-",
            seconds(window.percentile(0.5)),
            seconds(window.percentile(0.99)),
            dollars(window.cost / 1e12 * run.scale),
        )


def summary(run: Run) -> Iterator[str]:
    """The whole of it, in some lines."""
    tally = run.tally
    count = round(tally.count * run.scale)
    played = f", of which 1 in {run.sample.played:,.4g} was played" if run.scale > 1 else ""
    yield f"{count:,} requests in {clock(run.seconds)}{played}"
    yield from _sampled(run.sample)
    share = len(tally.times) / tally.count if tally.count else 0.0
    yield f"answered: {share:.4%}"
    for code, number in tally.codes.most_common(5):
        yield f"  {round(number * run.scale):,} × {code}"
    times = ", ".join(f"{name} {seconds(tally.percentile(s))}" for name, s in _SHARES)
    yield f"answered within: {times}"
    yield f"cost: {dollars(run.cost) if run.cost is not None else 'not known: a price is missing'}"
    for name, calls in run.calls.items():
        if calls:
            given = tally.answers[name] * run.scale
            yield f"{name}: {calls:,} calls, {round(given):,} answers"


def _sampled(sample: Sample) -> Iterator[str]:
    """Which requests were played, in place of all."""
    if not sample.every:
        return
    of_these = f"1 in {sample.thinned:,.4g} requests" if sample.thinned > 1 else "all requests"
    parts = f"in each {clock(sample.every)}, {of_these} of {clock(sample.counts)}"
    yield f"  {parts}, after {clock(sample.settles)} in which queues and limits fill"


_SHARES = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))


def busiest(run: Run) -> Iterator[str]:
    """Which limit is nearest, and what to change."""
    found = nearest(run)
    if found is None:
        yield "no limit was near"
        return
    waited = f", {found.waited:,} requests waited" if found.waited else ""
    if found.kind in ("circuit", "hold"):
        yield f"busiest: `{found.of}`, {_WORDS[found.kind]} for {found.mean:.1%} of the time"
    else:
        used = f"{found.peak:.0%} at its peak, {found.mean:.0%} on average"
        yield f"busiest: {found.kind} of `{found.of}`, {used}{waited}"
    if found.peak >= FULL or found.kind in _WORDS:
        yield f"  {found.advice}"
    else:
        yield "  there is room: nothing has to be changed"
    if run.coarse:
        yield f"coarse, because so small in a sample: {', '.join(run.coarse)}; `--requests` plays more"
        if run.sample.why:
            yield f"  all of the time is played in a sample, since {run.sample.why}"


_WORDS = {"circuit": "its circuit is open", "hold": "its provider wants to be left alone"}


def nearest(run: Run) -> Looked | None:
    """The limit that was reached; else who failed for long; else what came nearest to its limit."""
    limits = [each for each in run.looked if each.peak > 0 and each.kind not in _WORDS]
    states = [each for each in run.looked if each.kind in _WORDS and each.mean >= LONG]
    fullest = max(limits, key=lambda each: (min(round(each.peak, 2), 1.0), each.mean), default=None)
    if fullest is not None and fullest.peak >= FULL:
        return fullest
    return max(states, key=lambda each: each.mean, default=fullest)


def as_json(run: Run, seed: int) -> dict[str, Any]:
    """All of it."""
    tally, width = run.tally, run.seconds / len(run.windows)
    return {
        "seed": seed,
        "seconds": run.seconds,
        "requests": round(tally.count * run.scale),
        "played": tally.count,
        "sampled": run.scale,
        "sample": {
            "thinned": run.sample.thinned,
            "every": run.sample.every or None,
            "settles": run.sample.settles,
            "counts": run.sample.counts or None,
        },
        "success": len(tally.times) / tally.count if tally.count else None,
        "errors": {code: round(number * run.scale) for code, number in tally.codes.items()},
        "never_ended": run.lost,
        **{name: tally.percentile(share) for name, share in _SHARES},
        "cost": run.cost,
        "calls": dict(run.calls),
        "answers": {name: round(number * run.scale) for name, number in tally.answers.items()},
        "windows": [
            {
                "from": window.began,
                "per_second": window.count * run.scale / width,
                "failures": round(window.failures * run.scale),
                "p50": window.percentile(0.5),
                "p99": window.percentile(0.99),
                "cost": window.cost / 1e12 * run.scale,
            }
            for window in run.windows
        ],
        "limits": [
            {
                "kind": each.kind,
                "of": each.of,
                "peak": round(each.peak, 4),
                "mean": round(each.mean, 4),
                "waited": each.waited,
                "windows": [round(share, 4) for share in each.shares],
            }
            for each in run.looked
        ],
        "coarse": list(run.coarse),
    }


def rate(value: float) -> str:
    """How many in a second."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def clock(value: float) -> str:
    """`7:30:00`, or `7:30` where there are no hours."""
    minutes, rest = divmod(round(value), 60)
    if minutes >= 60:
        return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
    return f"{minutes}:{rest:02}"


def seconds(value: float | None) -> str:
    """A time with as many digits as say something."""
    return "-" if value is None else f"{value:.3g} s"
