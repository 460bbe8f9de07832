"""How near the replay of an access log comes to what really happened.

    python bench/replays.py [--files N] [--first N] [--seconds N] [--at-once N] [--verbose]

Random files: retries, rate limits, budgets, slots, keys; fallbacks, balanced routes, splits and hedges; and
providers that fail for a while, or let so many through in a minute. Each has a real gateway in front of real
mock providers, which is asked for some seconds at a low rate. Then its access log is played from several
seeds, as `inferc simulate --replay` does, and what is said of p50, p99, cost and answers with 429 is compared
with what the clients of the gateway have seen: 429s as a share of those that there were, or of a twentieth of
all requests, where there were fewer.
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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import aiohttp
from attrs import frozen

from inferc.compiler.compile import check_file, compile_checked
from inferc.runtime.http.server import bind
from inferc.runtime.simulation.predictions import SEEDS, Predicted, predicted
from inferc.runtime.simulation.replays import Real, observed, read_log
from inferc.runtime.simulation.runs import run

TOLERANCE = 0.10
FEW = 0.05
"""Of all requests: where fewer are refused, the difference is of as many."""
COMMAND = [sys.executable, "-m", "inferc.cli"]


@frozen
class Case:
    """One file, and who answers behind it. mocks: options of each mock provider. rate: requests a second."""

    text: str
    mocks: tuple[tuple[str, ...], ...]
    rate: float
    what: str


def random_case(random: Random, ports: list[int]) -> Case:
    """What one seed stands for."""
    said: list[str] = []

    def perhaps(share: float, what: str, text: str) -> str:
        if random.random() >= share:
            return ""
        said.append(what)
        return text

    rate = random.uniform(4.0, 8.0)
    a = [
        f'api_key = env("BENCH_KEY"), endpoint = "http://127.0.0.1:{ports[1]}/v1"',
        f"retry {{ max_retries = {random.randint(0, 3)}, "
        f"initial_backoff = {random.choice([100, 200, 400])}ms }}",
        perhaps(0.3, "rate limit", f"rate_limits {{ requests_per_minute = {random.randint(30, 60)} }}"),
    ]
    slots = perhaps(0.4, "few slots", f"serving {{ max_concurrent = {random.randint(3, 6)} }}")
    budget = perhaps(
        0.3, "budget", f"budget {{ max_spend_per_hour = $0.00{random.randint(2, 6)}, on_exceeded = reject }}"
    )
    limit = perhaps(0.2, "key", f", rate_limits {{ requests_per_minute = {random.randint(40, 80)} }}")
    route = random.choice(
        [
            "fallback [a, b]",
            "fallback [a, b]",
            "balance [a, b] by round_robin",
            "split { a: 60%, b: 40% }",
            f"hedge [a, b] after {random.choice([300, 500, 700])}ms",
        ]
    )
    gaps = [random.randint(20, 60) for _ in range(2)]
    first = ["--gap", str(gaps[0])]
    if fault := perhaps(0.4, "failures", f"503:count={random.randint(5, 25)}"):
        first += ["--fault", fault]
    elif most := perhaps(0.4, "429", str(random.randint(30, 70))):
        first += ["--rpm", most]
    text = f"""
deployment a {{
  model = "gpt-4o-mini"
  runtime openai {{ {", ".join(filter(None, a))} }}
  {slots}
  {budget}
}}
deployment b {{
  model = "gpt-4o"
  runtime openai {{ api_key = env("BENCH_KEY"), endpoint = "http://127.0.0.1:{ports[2]}/v1" }}
}}
route r = {route}
gateway {{
  bind = "127.0.0.1:{ports[0]}"
  timeout = 4s
  key team {{ secret = env("BENCH_KEY"){limit} }}
}}
"""
    return Case(text, (tuple(first), ("--gap", str(gaps[1]))), rate, ", ".join([route, *said]))


def replay(seed: int, seconds: float) -> tuple[Case, Real, dict[str, Predicted]]:
    """Ask a real gateway, and play what came."""
    random = Random(seed)
    sockets = [bind("127.0.0.1", 0, advice="") for _ in range(3)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    case = random_case(random, ports)
    with tempfile.TemporaryDirectory() as folder:
        file, log = Path(folder) / "gateway.infer", Path(folder) / "access.jsonl"
        file.write_text(case.text, "utf-8")
        environment = {**os.environ, "BENCH_KEY": "any-key-of-a-bench"}
        started = [
            subprocess.Popen(
                [*COMMAND, "mock-provider", "--port", str(port), *options], stderr=subprocess.DEVNULL
            )
            for port, options in zip(ports[1:], case.mocks, strict=True)
        ]
        try:
            with log.open("w") as out, (Path(folder) / "errors").open("w") as errors:
                gateway = subprocess.Popen(
                    [*COMMAND, "run", str(file), "--access-log", "json"],
                    stdout=out,
                    stderr=errors,
                    env=environment,
                )
                started.append(gateway)
                asyncio.run(ask(f"http://127.0.0.1:{ports[0]}", case.rate, seconds, random))
                gateway.send_signal(signal.SIGTERM)
                gateway.wait(60)
        finally:
            for process in started:
                process.terminate()
                process.wait(30)
        lines = log.read_text("utf-8").splitlines()
        if keep := os.environ.get("KEEP_LOGS"):
            Path(keep, f"{seed}.jsonl").write_text("\n".join(lines))
            Path(keep, f"{seed}.infer").write_text(case.text)
    return case, *play(case.text, lines)


def play(text: str, lines: list[str]) -> tuple[Real, dict[str, Predicted]]:
    """What really was, and what is said of it, as `inferc simulate --replay` does."""
    checked = check_file("bench.infer", None, text=text)
    assert checked.ok, [each.message for each in checked.diagnostics]
    plan = compile_checked(checked, Path())
    real, kept = read_log(lines, ("a", "b", "r"), ("team",))
    world = observed(kept, {}, plan)
    return real, predicted([run(plan, Path(), world, real.arrivals, seed, None) for seed in range(SEEDS)])


async def ask(url: str, rate: float, seconds: float, random: Random) -> None:
    """Requests at random times, once the gateway is there."""
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer any-key-of-a-bench"}) as session:
        for _ in range(600):
            try:
                async with session.get(f"{url}/v2/health/ready") as answer:
                    if answer.status == 200:
                        break
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
        asked = []
        for _ in range(round(seconds * rate)):
            await asyncio.sleep(random.expovariate(rate))
            words = "word " * random.randint(4, 24)
            asked.append(asyncio.create_task(one(session, url, words)))
        await asyncio.gather(*asked)


async def one(session: aiohttp.ClientSession, url: str, words: str) -> None:
    body = {
        "model": "r",
        "stream": True,
        "max_tokens": 100,
        "messages": [{"role": "user", "content": words}],
    }
    async with session.post(f"{url}/v1/chat/completions", json=body) as answer:
        await answer.read()


def errors_of(real: Real, said: dict[str, Predicted]) -> dict[str, float]:
    limited = said["429"].value or 0.0
    return {
        "p50": _error(real.percentile(0.5), said["p50"].value),
        "p99": _error(real.percentile(0.99), said["p99"].value),
        "cost": _error(real.cost, said["cost"].value),
        "429": abs(real.limited - limited) / max(real.limited, FEW * len(real.arrivals)),
    }


def _error(real: float | None, other: float | None) -> float:
    return abs(real - other) / real if real and other is not None else float(real != other)


def compared(seed: int, seconds: float, verbose: bool) -> dict[str, float]:
    case, real, found = replay(seed, seconds)
    errors = errors_of(real, found)
    said = ", ".join(f"{name} {value:.1%}" for name, value in errors.items())
    print(f"{seed:3d}  {said:48s}  {len(real.arrivals)} requests: {case.what}", flush=True)
    if verbose:
        was = {"p50": real.percentile(0.5), "p99": real.percentile(0.99)}
        was |= {"cost": real.cost, "429": real.limited}
        for name, value in was.items():
            print(f"      {name} {value} → {found[name].value} ({found[name].least} to {found[name].most})")
    return errors


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=4, help="random files that are replayed")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seconds", type=float, default=20.0, help="for which each gateway is asked")
    parser.add_argument("--at-once", type=int, default=4, help="gateways that are asked at the same time")
    parser.add_argument("--verbose", action="store_true", help="the figures behind the errors, too")
    arguments = parser.parse_args()
    logging.getLogger("inferc").setLevel(logging.CRITICAL)
    seeds = list(range(arguments.first, arguments.first + arguments.files))
    with ThreadPoolExecutor(arguments.at_once) as threads:
        found = list(threads.map(lambda seed: compared(seed, arguments.seconds, arguments.verbose), seeds))
    worst = {name: max(each[name] for each in found) for name in found[0]}
    fine = sum(max(each.values()) <= TOLERANCE for each in found)
    said = ", ".join(f"{name} {value:.1%}" for name, value in worst.items())
    print(f"{fine} of {len(found)} within {TOLERANCE:.0%}; the worst of all: {said}")
    return 0 if fine == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
