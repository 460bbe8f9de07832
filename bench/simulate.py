"""How fast loads are simulated, and how near samples and replays come to what they stand for.

    python bench/simulate.py [--seconds N] [--files N]

One core. Five figures: simulated requests in a second of processor time, with a budget, rate limits, retries,
a circuit breaker and a route on the way; the processor time of a day of 10,000 requests a second, of which a
sample is played; the error of a sample of one in four against all requests; and that of a replay, against a
real gateway in front of the real mock provider, over random files (`--files`, 0 leaves it out); and what
`inferc bounds`, `reach`, `flows` and `guards` find out about 1,000 deployments and 500 routes of each other.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import aiohttp

from inferc.compiler.analysis.bounds import bounds_of
from inferc.compiler.analysis.features import arrivals_of
from inferc.compiler.analysis.flows import flows_of
from inferc.compiler.analysis.guards import asked_of, ways_past
from inferc.compiler.compile import check_file, compile_checked
from inferc.compiler.plan import Plan
from inferc.compiler.plan.scenarios import FailurePlan, LoadPlan, ProviderPlan, Shape, Spread, TrafficPlan
from inferc.runtime.simulation.replays import observed, read_log
from inferc.runtime.simulation.runs import Run, run

FLOOR = 3_000
"""Simulated requests a second of processor time; the goal is 20,000."""
DAY_FLOOR = 60.0
"""Seconds of processor time for a day of 10,000 requests a second."""
SAMPLE_TOLERANCE = 0.10
PROOFS_FLOOR = 1.0
"""Seconds of processor time for bounds, reach, flows and guards of 1,000 deployments and 500 routes."""
REPLAY_TOLERANCE = 0.25
"""The goal is 0.10; on a machine that was busy with other things, up to 0.16 was seen."""

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


def timed(plan: Plan, load: LoadPlan, world: dict[str, ProviderPlan], most: int) -> tuple[Run, float]:
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
    done, took = timed(plan_of(FILE), load, {}, 200_000)
    count = round(done.tally.count * done.scale)
    print(
        f"a day: {count:,} requests, 1 in {done.scale:,.0f} played, in {took:.1f} s; floor {DAY_FLOOR:.0f} s"
    )
    return took <= DAY_FLOOR


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


# ---- replays


def replays(files: int) -> bool:
    worst: dict[str, float] = {}
    for seed in range(files):
        errors = _replay(seed)
        print(f"a replay, file {seed}: {_said(errors)}")
        worst = {name: max(value, worst.get(name, 0.0)) for name, value in errors.items()}
    if files:
        print(f"the worst of {files}: {_said(worst)}; at most {REPLAY_TOLERANCE:.0%}")
    return max(worst.values(), default=0.0) <= REPLAY_TOLERANCE


def _replay(seed: int) -> dict[str, float]:
    random = Random(seed)
    ports = [random.randint(20_000, 29_000) for _ in range(3)]
    text = f"""
deployment a {{
  model = "gpt-4o-mini"
  runtime openai {{
    api_key  = env("BENCH_KEY")
    endpoint = "http://127.0.0.1:{ports[1]}/v1"
    retry    {{ max_retries = {random.randint(0, 3)}, initial_backoff = {random.choice([100, 200, 400])}ms }}
  }}
  serving {{ max_concurrent = {random.randint(4, 16)} }}
}}
deployment b {{
  model = "gpt-4o-mini"
  runtime openai {{ api_key = env("BENCH_KEY"), endpoint = "http://127.0.0.1:{ports[2]}/v1" }}
}}
route r = {random.choice(["fallback [a, b]", "balance [a, b] by round_robin", "split { a: 60%, b: 40% }"])}
gateway {{ bind = "127.0.0.1:{ports[0]}" }}
"""
    gaps = [random.randint(20, 80) for _ in range(2)]
    with tempfile.TemporaryDirectory() as folder:
        file, log = Path(folder) / "gateway.infer", Path(folder) / "access.jsonl"
        file.write_text(text, "utf-8")
        command = [sys.executable, "-m", "inferc.cli"]
        environment = {**os.environ, "BENCH_KEY": "any"}
        started = [
            subprocess.Popen(
                [*command, "mock-provider", "--port", str(port), "--gap", str(gap)],
                stderr=subprocess.DEVNULL,
            )
            for port, gap in zip(ports[1:], gaps, strict=True)
        ]
        try:
            with log.open("w") as out:
                started.append(
                    subprocess.Popen(
                        [*command, "run", str(file), "--access-log", "json"],
                        stdout=out,
                        stderr=subprocess.DEVNULL,
                        env=environment,
                    )
                )
                asyncio.run(_ask(f"http://127.0.0.1:{ports[0]}", random))
                started[-1].send_signal(signal.SIGTERM)
                started[-1].wait(timeout=30)
        finally:
            for each in started:
                each.terminate()
                each.wait(timeout=30)
        real, kept = read_log(log.read_text("utf-8").splitlines(), ("a", "b", "r"), ())
    plan = plan_of(text)
    done = run(plan, Path(), observed(kept, {}, plan), real.arrivals, seed, 10**9)
    return {
        "p50": _error(real.percentile(0.5), done.tally.percentile(0.5)),
        "p99": _error(real.percentile(0.99), done.tally.percentile(0.99)),
        "cost": _error(real.cost, done.cost),
        "429": _error(1.0 + real.limited, 1.0 + done.tally.codes["rate_limit_exceeded"]),
    }


async def _ask(url: str, random: Random) -> None:
    """Twenty seconds of requests, once the gateway is there."""
    async with aiohttp.ClientSession() as session:
        for _ in range(300):
            try:
                async with session.get(f"{url}/health/ready") as answer:
                    if answer.status == 200:
                        break
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
        rate = random.uniform(5.0, 12.0)
        asked = []
        for _ in range(round(20 * rate)):
            await asyncio.sleep(random.expovariate(rate))
            words = "word " * random.randint(4, 24)
            asked.append(asyncio.create_task(_one(session, url, words)))
        await asyncio.gather(*asked)


async def _one(session: aiohttp.ClientSession, url: str, words: str) -> None:
    body = {
        "model": "r",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": words}],
    }
    async with session.post(f"{url}/v1/chat/completions", json=body) as answer:
        await answer.read()


def _error(real: float | None, other: float | None) -> float:
    return abs(real - other) / real if real and other is not None else float(real != other)


def _said(errors: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.1%}" for name, value in errors.items())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the load for the speed")
    parser.add_argument("--files", type=int, default=2, help="random files that are replayed")
    arguments = parser.parse_args()
    logging.getLogger("inferc").setLevel(logging.CRITICAL)
    fine = [proofs(), speed(arguments.seconds), day(), sample(), replays(arguments.files)]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
