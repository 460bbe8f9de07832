"""Access logs of a real gateway: the requests that came, and how the providers behaved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson
from attrs import evolve, frozen

from ...compiler.plan import CascadePlan, FallbackPlan, Plan
from ...compiler.plan.scenarios import FailurePlan, ProviderPlan, Spread
from .loads import Arrival

MOST_LINES = 5_000_000
LONGEST = 1 << 20
"""Characters of a line."""
_AT_ONCE = 0.001
"""Seconds: an answer that ends so soon after it began came in one piece."""

_PARTS = 20
"""Parts of the time in which failures are counted."""

_NO_STREAM = 1e9
"""Tokens a second of answers that come in one piece."""


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
            said = orjson.loads(line) if len(line) <= LONGEST else None
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
            _took(said),
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


def observed(
    kept: Sequence[Mapping[str, Any]], world: Mapping[str, ProviderPlan], plan: Plan
) -> dict[str, ProviderPlan]:
    """How the providers of a log behaved, where `world` does not say it.

    Times are those of requests that were answered at the first attempt. Further attempts are taken for
    failures: of the members of the route that stand before the one that answered, else of that one itself;
    in each part of the time, as many of its answers fail as did then.
    """
    took: dict[str, list[tuple[float, int]]] = defaultdict(list)
    rates: dict[str, list[float]] = defaultdict(list)
    for said in kept:
        name = said.get("deployment")
        if not isinstance(name, str) or said.get("outcome") != "ok" or _count(said, "attempts", 1) > 1:
            continue
        seconds, tokens = float(said["seconds"]), _count(said, "completion_tokens")
        first = float(said.get("first") or seconds)
        took[name].append((seconds - float(said.get("waited") or 0), tokens))
        if seconds - first > _AT_ONCE:
            rates[name].append(tokens / (seconds - first))
    failures = _failures(kept, _order(plan))
    found = dict(world)
    for name in {*took, *failures} - set(world):
        provider = ProviderPlan(name, failures=failures.get(name, ()))
        if times := took.get(name):
            rate = max(_quantile(sorted(rates[name]), 0.5), _AT_ONCE) if rates[name] else _NO_STREAM
            # What the tokens do not explain is how long the answer took to begin, with all that varies in it.
            begun = sorted(max(seconds - tokens / rate, _AT_ONCE) for seconds, tokens in times)
            median = _quantile(begun, 0.5)
            spread = Spread(median, max(_quantile(begun, 0.99), median))
            provider = evolve(provider, first_token=spread, rate=rate)
        found[name] = provider
    return found


def _failures(
    kept: Sequence[Mapping[str, Any]], order: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[FailurePlan, ...]]:
    """The failures of each deployment, part by part of the time."""
    began = kept[0]["time"]
    width = max((kept[-1]["time"] - began) / _PARTS, 1.0)
    failed: dict[tuple[str, int], float] = defaultdict(float)
    answered: dict[tuple[str, int], int] = defaultdict(int)
    for said in kept:
        part = int((said["time"] - began) / width)
        name, members = said.get("deployment"), order.get(said["asked"], ())
        attempts = _count(said, "attempts", 1)
        if said.get("outcome") == "ok" and isinstance(name, str):
            answered[name, part] += 1
            attempts -= 1
            members = members[: members.index(name)] if name in members else ()
            members = members or (name,)
        for each in members:
            failed[each, part] += attempts / len(members)
    found: dict[str, list[FailurePlan]] = defaultdict(list)
    for (name, part), count in failed.items():
        if count:
            share = count / (count + answered[name, part])
            found[name].append(FailurePlan("status", 503, part * width, width, share))
    return {name: tuple(plans) for name, plans in found.items()}


def _order(plan: Plan) -> dict[str, tuple[str, ...]]:
    """The deployments of each name, those first that are asked first. Inner routes come before outer ones."""
    order: dict[str, tuple[str, ...]] = {each.deployment: (each.deployment,) for each in plan.deployments}
    for route in plan.routes:
        if isinstance(route, FallbackPlan | CascadePlan):
            members = [name for member in route.members for name in order.get(member, ())]
            order[route.route] = tuple(dict.fromkeys(members))
    return order


def _took(said: Mapping[str, Any]) -> tuple[str, float] | None:
    """Who answered, and the seconds that it took there, where it was asked once."""
    if said.get("outcome") != "ok" or said.get("attempts") != 1:
        return None
    return str(said.get("deployment")), max(float(said["seconds"]) - float(said.get("waited") or 0), _AT_ONCE)


def _quantile(values: Sequence[float], share: float) -> float:
    return values[min(int(share * len(values)), len(values) - 1)]


def _count(said: Mapping[str, Any], name: str, least: int = 0) -> int:
    value = said.get(name)
    return max(value, least) if type(value) is int else least
