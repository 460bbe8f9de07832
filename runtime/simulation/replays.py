"""Access logs of a real gateway: the requests that came, and how the providers behaved."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from ...compiler.plan.scenarios import FailurePlan, ProviderPlan, Spread
from .loads import Arrival

MOST_LINES = 5_000_000
_LONGEST = 1 << 20
_AT_ONCE = 0.001
"""An answer that ends so soon after it began came in one piece."""


class BadLog(Exception):
    """What is no access log; the message says where."""


@frozen
class Real:
    """What really became of the requests of a log. left_out: lines that are no requests to models."""

    arrivals: Sequence[Arrival]
    times: Sequence[float]
    failures: int
    limited: int
    cost: float
    left_out: int

    def percentile(self, share: float) -> float | None:
        """What so many of the answered requests did not exceed."""
        return self.times[min(int(share * len(self.times)), len(self.times) - 1)] if self.times else None


def read_log(lines: Iterable[str], names: Collection[str], keys: Collection[str]) -> tuple[Real, list[Any]]:
    """The requests in an access log of JSON lines, and the lines themselves. names: that can be asked.

    Raises BadLog.
    """
    kept: list[dict[str, Any]] = []
    left_out = 0
    for number, line in enumerate(lines, 1):
        if number > MOST_LINES:
            raise BadLog(f"it has more than {MOST_LINES:,} lines")
        if not line.strip():
            continue
        try:
            said = json.loads(line) if len(line) <= _LONGEST else None
        except ValueError:
            said = None
        if not isinstance(said, dict) or not isinstance(said.get("time"), int | float):
            raise BadLog(f"line {number} is no access line in JSON: write the log with `--log-format json`")
        if said.get("asked") in names and isinstance(said.get("seconds"), int | float):
            kept.append(said)
        else:
            left_out += 1
    kept.sort(key=lambda said: said["time"])
    if not kept:
        raise BadLog("it has no request to a model of this file")
    first = kept[0]["time"]
    arrivals = [
        Arrival(
            said["time"] - first,
            said["asked"],
            _count(said, "prompt_tokens"),
            _count(said, "completion_tokens"),
            said["key"] if said.get("key") in keys else None,
        )
        for said in kept
    ]
    ok = [said for said in kept if said.get("outcome") == "ok"]
    real = Real(
        arrivals,
        sorted(float(said["seconds"]) for said in ok),
        len(kept) - len(ok),
        sum(said.get("status") == 429 for said in kept),
        sum(float(said.get("cost") or 0) for said in kept),
        left_out,
    )
    return real, kept


def observed(kept: Iterable[Mapping[str, Any]], world: Mapping[str, ProviderPlan]) -> dict[str, ProviderPlan]:
    """How the providers of a log behaved, where `world` does not say it.

    Times are those of requests that were answered at the first attempt. Further attempts, at the deployment
    that answered at last, are taken for failures that come by chance.
    """
    firsts: dict[str, list[float]] = defaultdict(list)
    rates: dict[str, list[float]] = defaultdict(list)
    tries: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for said in kept:
        name = said.get("deployment")
        if not isinstance(name, str) or said.get("outcome") != "ok":
            continue
        attempts = _count(said, "attempts", 1)
        tries[name][0] += attempts
        tries[name][1] += attempts - 1
        if attempts > 1:
            continue
        waited, seconds = float(said.get("waited") or 0), float(said["seconds"])
        first = float(said.get("first") or seconds)
        if seconds - first > _AT_ONCE:
            firsts[name].append(max(first - waited, _AT_ONCE))
            rates[name].append(_count(said, "completion_tokens") / (seconds - first))
        else:
            firsts[name].append(max(seconds - waited, _AT_ONCE))
    found = dict(world)
    for name, times in firsts.items():
        if name in world:
            continue
        times.sort()
        median = times[len(times) // 2]
        high = max(times[min(int(0.99 * len(times)), len(times) - 1)], median)
        rate = sorted(rates[name])[len(rates[name]) // 2] if rates[name] else 1e9
        plan = ProviderPlan(name, Spread(median, high), max(rate, 0.001))
        if tries[name][1]:
            share = tries[name][1] / tries[name][0]
            plan = evolve(plan, failures=(FailurePlan("status", 503, share=share),))
        found[name] = plan
    return found


def _count(said: Mapping[str, Any], name: str, least: int = 0) -> int:
    value = said.get(name)
    return max(value, least) if type(value) is int else least
