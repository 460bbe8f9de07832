"""Access logs of a real gateway: the requests that came, and how the providers behaved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import orjson
from attrs import evolve

from ...compiler.plan import CascadePlan, FallbackPlan, Plan
from ...compiler.plan.record import frozen
from ...compiler.plan.scenarios import UNREACHABLE, FailurePlan, ProviderPlan, Spread
from ..dialects.rate_limit_headers import openai_limits
from ..requests.errors import NetworkError, RequestTimeout
from .loads import Arrival
from .provider import Seen

N = TypeVar("N", int, float)

MOST_LINES = 5_000_000
LONGEST = 1 << 20
"""Characters of a line."""
_AT_ONCE = 0.001
"""Seconds: an answer that ends so soon after it began came in one piece."""

_PARTS = 20
"""Parts of the time in which failures are counted."""

BAD = 400
"""The statuses from here on are of errors."""
LONGEST_WAIT = 86_400.0
"""Seconds for which a provider of a log wants to be left alone."""

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
    prompt, answer = (_usual(kept, name) for name in ("prompt_tokens", "completion_tokens"))
    arrivals = [
        Arrival(
            said["time"] - first,
            said["asked"],
            max((_count(each, "prompt_tokens") for each in _tries(said)), default=0) or prompt,
            max((_count(each, "completion_tokens") for each in _tries(said)), default=0) or answer,
            said["key"] if said.get("key") in keys else None,
            any(_is_stream(each) for each in _tries(said)),
            tuple(_seen(each, said) for each in _tries(said)) if _is_known(said) else (),
            next((str(each["deployment"]) for each in _tries(said)), None),
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
    """How the providers of a log behaved, where `world` does not say it, for what they were not asked then.

    Where a log does not tell attempts, times are those of requests that were answered at the first one.
    Further ones are taken for failures: of the members of the route that stand before the one that answered,
    else of that one itself; in each part of the time, as many of its answers fail as did then.
    """
    took: dict[str, list[tuple[float, float, int]]] = defaultdict(list)
    rates: dict[str, list[float]] = defaultdict(list)
    for said in kept:
        for each in _tries(said) if _is_known(said) else ():
            if not each.get("ok", True):
                continue
            name, tokens, waited = str(each["deployment"]), _count(each, "completion_tokens"), _waited(each)
            seconds = _seconds(each)
            first = float(each["first"]) - waited if _is_stream(each) else seconds
            took[name].append((first, seconds, tokens))
            if seconds - first > _AT_ONCE:
                rates[name].append(tokens / (seconds - first))
    failures = _failures(kept, _order(plan))
    found = dict(world)
    for name in {*took, *failures} - set(world):
        provider = ProviderPlan(name, failures=failures.get(name, ()))
        if times := took.get(name):
            rate = max(_quantile(sorted(rates[name]), 0.5), _AT_ONCE) if rates[name] else _NO_STREAM
            # What the tokens do not explain is how long the answer took to begin, with all that varies in it.
            begun = sorted(
                max(first if first < seconds else seconds - tokens / rate, _AT_ONCE)
                for first, seconds, tokens in times
            )
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
        if "tries" in said:
            for one in _tries(said):
                if "outcome" in one:
                    failed[str(one["deployment"]), part] += 1
                elif one.get("ok"):
                    answered[str(one["deployment"]), part] += 1
            continue
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


def _is_known(said: Mapping[str, Any]) -> bool:
    """Whether all attempts of a request are known: a log tells them where there was more than one."""
    return "tries" in said or (said.get("outcome") == "ok" and said.get("attempts") == 1)


def _tries(said: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The attempts of a request; it stands for its only one itself."""
    tries = said.get("tries")
    if isinstance(tries, list):
        return [each for each in tries if isinstance(each, dict) and isinstance(each.get("deployment"), str)]
    return [said] if isinstance(said.get("deployment"), str) else []


def _seen(each: Mapping[str, Any], said: Mapping[str, Any]) -> Seen:
    """An attempt of a request, as it is played."""
    name, seconds, failure = str(each["deployment"]), _seconds(each), None
    first = max(float(each["first"]) - _waited(each), 0.0) if _is_number(each, "first") else None
    if first is None and each.get("ok", True):
        first = seconds
    if each.get("outcome", "ok") != "ok":
        status, asked = _count(each, "status"), each.get("retry_after")
        if each["outcome"] == RequestTimeout.code and status < BAD:
            return Seen(name, seconds, first)
        what = UNREACHABLE if each["outcome"] == NetworkError.code and not status else "status"
        wait = min(max(float(asked), 0.0), LONGEST_WAIT) if isinstance(asked, int | float) else None
        failure = FailurePlan(what, status if BAD <= status < 600 else 503, retry_after=wait)
    limits, answered = said.get("limits"), failure is None and each.get("ok", True)
    if not answered or not isinstance(limits, dict):
        return Seen(name, seconds, first, failure)
    told = {str(header): value for header, value in limits.items() if isinstance(value, str)}
    return Seen(name, seconds, first, None, openai_limits(told))


def _is_stream(each: Mapping[str, Any]) -> bool:
    """Whether an answer came in pieces: it ended later than it began."""
    return _is_number(each, "first") and _waited(each) + _seconds(each) - float(each["first"]) > _AT_ONCE


def _seconds(each: Mapping[str, Any]) -> float:
    """How long an attempt took; of a request that had one alone, without what it waited before."""
    took = float(each["seconds"]) if _is_number(each, "seconds") else 0.0
    return max(took - (_waited(each) if "asked" in each else 0.0), _AT_ONCE)


def _waited(each: Mapping[str, Any]) -> float:
    return float(each["waited"]) if _is_number(each, "waited") else 0.0


def _is_number(each: Mapping[str, Any], name: str) -> bool:
    return isinstance(each.get(name), int | float)


def _usual(kept: Sequence[Mapping[str, Any]], name: str) -> int:
    """What requests have whose tokens are not told."""
    counts = sorted(count for said in kept for each in _tries(said) if (count := _count(each, name)))
    return _quantile(counts, 0.5) if counts else 0


def _quantile(values: Sequence[N], share: float) -> N:
    return values[min(int(share * len(values)), len(values) - 1)]


def _count(said: Mapping[str, Any], name: str, least: int = 0) -> int:
    value = said.get(name)
    return max(value, least) if type(value) is int else least
