"""How fast loads are simulated, and how near samples come to what they stand for.

    python bench/simulate.py [--seconds N]

One core. Simulated requests in a second of processor time, with a budget, rate limits, retries, a circuit
breaker and a route on the way; the processor time of a day of 10,000 requests a second, of which a sample is
played, also before few slots; the error of samples against all requests; and how long `inferc bounds`,
`reach`, `flows` and `guards` take for 1,000 deployments and 500 routes of each other. `bench/replays.py`
measures replays.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from pathlib import Path

from inferc.compiler.analysis.bounds import bounds_of
from inferc.compiler.analysis.features import arrivals_of
from inferc.compiler.analysis.flows import flows_of
from inferc.compiler.analysis.guards import asked_of, ways_past
from inferc.compiler.compile import check_file, compile_checked
from inferc.compiler.plan import Plan
from inferc.compiler.plan.scenarios import FailurePlan, LoadPlan, ProviderPlan, Shape, Spread, TrafficPlan
from inferc.runtime.concurrency.garbage_collection import collect_rarely
from inferc.runtime.simulation.runs import Run, run

FLOOR = 6_000
"""Simulated requests a second of processor time; the goal is 20,000."""
DAY_FLOOR = 60.0
"""Seconds of processor time for a day of 10,000 requests a second."""
SAMPLE_TOLERANCE = 0.10
FEW_SLOTS_TOLERANCE = 0.02
"""Of all requests: how many more or fewer of a sample go elsewhere, because slots are taken."""
PROOFS_FLOOR = 1.0
"""Seconds of processor time for bounds, reach, flows and guards of 1,000 deployments and 500 routes."""

FILE = """\
deployment fast {
  model = "gpt-4o-mini"
  runtime openai {
    api_key     = env("BENCH_KEY")
    rate_limits { requests_per_minute = 1M, tokens_per_minute = 500M }
  }
  serving { max_concurrent = 40k }
  budget { max_spend_per_day = $1M, on_exceeded = reject }
}
deployment opus {
  model = "claude-sonnet-4"
  runtime anthropic { api_key = env("BENCH_KEY") }
  serving { max_concurrent = 40k }
}
route assistant = fallback [fast, opus]
"""


def plan_of(text: str) -> Plan:
    checked = check_file("bench.infer", None, text=text)
    assert checked.ok, [each.message for each in checked.diagnostics]
    return compile_checked(checked, Path())


def timed(plan: Plan, load: LoadPlan, world: dict[str, ProviderPlan], most: int | None) -> tuple[Run, float]:
    began = time.process_time()
    done = run(plan, Path(), world, load, 1, most)
    return done, time.process_time() - began


def speed(seconds: float) -> bool:
    load = LoadPlan((TrafficPlan("assistant", 100.0, 10 * seconds),))
    done, took = timed(plan_of(FILE), load, {}, 10**9)
    rate = done.tally.count / took
    played = f"{done.tally.count:,} in {took:.1f} s"
    print(f"speed: {rate:,.0f} simulated requests a second ({played}); floor {FLOOR:,}")
    return rate >= FLOOR


def day() -> bool:
    load = LoadPlan((TrafficPlan("assistant", 10_000.0, 86_400.0),), shape=Shape.DAY)
    fine = True
    for what, text in (("", FILE), (", before 150 slots", FILE.replace("40k", "150"))):
        done, took = timed(plan_of(text), load, {}, None)
        count = round(done.tally.count * done.scale)
        played = f"1 in {done.sample.played:,.0f} played, in {took:.1f} s"
        print(f"a day{what}: {count:,} requests, {played}; floor {DAY_FLOOR:.0f} s")
        fine = fine and took <= DAY_FLOOR
    return fine


def sample() -> bool:
    world = {
        "fast": ProviderPlan("fast", Spread(0.5, 2.0), failures=(FailurePlan("status", 503, share=0.01),))
    }
    load = LoadPlan((TrafficPlan("assistant", 200.0, 120.0),))
    plan = plan_of(FILE)
    whole, part = (timed(plan, load, world, most)[0] for most in (10**9, 6_000))
    errors = {
        "p50": _error(whole.tally.percentile(0.5), part.tally.percentile(0.5)),
        "p99": _error(whole.tally.percentile(0.99), part.tally.percentile(0.99)),
        "cost": _error(whole.cost, part.cost),
        "calls": _error(sum(whole.calls.values()), sum(part.calls.values())),
    }
    print(f"a sample of 1 in {part.scale:.0f}: {_said(errors)}; at most {SAMPLE_TOLERANCE:.0%}")
    return max(errors.values()) <= SAMPLE_TOLERANCE


def few_slots() -> bool:
    few = plan_of(
        FILE.replace("max_concurrent = 40k", "max_concurrent = 40, on_capacity_exhausted = reject", 1)
    )
    load = LoadPlan((TrafficPlan("assistant", 22.0, 7_200.0),))
    whole, part = (timed(few, load, {}, most)[0] for most in (10**9, 16_000))
    shares = [each.tally.answers["opus"] / each.tally.count for each in (whole, part)]
    print(f"40 slots are too few for {shares[0]:.1%} of the requests; for {shares[1]:.1%} of a sample")
    return abs(shares[1] - shares[0]) <= FEW_SLOTS_TOLERANCE


def proofs() -> bool:
    plan, took = plan_of(_many(1000, 500)), {}
    for name, found in (
        ("bounds", bounds_of),
        ("reach", arrivals_of),
        ("flows", flows_of),
        ("guards", lambda plan: (asked_of(plan), list(ways_past(plan)))),
    ):
        began = time.process_time()
        found(plan)
        took[name] = time.process_time() - began
    said = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in took.items())
    print(f"1,000 deployments and 500 routes: {said}; floor {PROOFS_FLOOR:g} s together")
    return sum(took.values()) <= PROOFS_FLOOR


def _many(deployments: int, routes: int) -> str:
    """Routes of routes, with keys that carry data, and a guard that is told each name."""
    lines = ['extern clean(texts: list<text>) -> list<text> = python("guards:clean")']
    lines += [
        f'deployment d{n} {{ model = "gpt-4o-mini", allows = [eu], '
        f'runtime openai {{ api_key = env("BENCH_KEY") }} }}'
        for n in range(deployments)
    ]
    kinds = ("fallback [{}]", "balance [{}]", "hedge [{}] after 1s", "cascade [{}] accept it.tokens > 5")
    for n in range(routes):
        members = [f"d{(2 * n + k) % deployments}" for k in range(3)] + ([f"r{n - 1}"] if n % 5 else [])
        lines.append(f"route r{n} = {kinds[n % 4].format(', '.join(members))}")
    names = ", ".join([f"d{n}" for n in range(deployments)] + [f"r{n}" for n in range(routes)])
    keys = "\n".join(
        f'key k{n} {{ secret = env("K{n}"), carries = [eu], models = ["r{n}*"] }}' for n in range(10)
    )
    lines.append(f"gateway {{\n{keys}\nguard g {{ request = clean, models = [{names}] }}\n}}")
    return "\n".join(lines)


def _error(real: float | None, other: float | None) -> float:
    return abs(real - other) / real if real and other is not None else float(real != other)


def _said(errors: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.1%}" for name, value in errors.items())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the load for the speed")
    arguments = parser.parse_args()
    logging.getLogger("inferc").setLevel(logging.CRITICAL)
    collect_rarely()
    fine = [proofs(), speed(arguments.seconds), day(), sample(), few_slots()]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
