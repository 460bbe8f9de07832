"""What the policies of a remote pool cost, whether a shared limit holds, and what cancelling leaves behind.

    python bench/pool.py [overhead] [proxy] [strict] [cancel]

`overhead`: time per request of a deployment with every policy on, over one with none, both in front of
a replica that answers at once. `proxy`: chat through the gateway with every policy on, over a bare aiohttp
forwarder, unary and in 200 streams at the same time, whose cost per chunk is told. `strict`: 4 processes
share one limit of 600 requests a minute through a real Redis server (`redis-server` must be installed) for
10 minutes, which pass faster here. `cancel`: 10,000 requests to a mock provider in another process, each
cancelled at a moment of its own.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from bisect import bisect_left
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from urllib.request import urlopen

from _proxy import QUESTION, measure, plan_of, show
from _servers import serving

from inferc.compiler.plan import SCHEMA, GatewayPlan, Plan, RateLimits, RetryPolicy
from inferc.runtime.concurrency.event_loop import run_async
from inferc.runtime.executor import Executor
from inferc.runtime.limits.rate_limiters import LocalRateLimiter, StrictRateLimiter
from inferc.runtime.limits.replica_policies import ReplicaPolicies
from inferc.runtime.limits.store.redis import RedisStore
from inferc.runtime.mock_provider import MockOptions, serve_mock
from inferc.runtime.policies.budget import Budget as BudgetState, Ledger
from inferc.runtime.policies.circuit_breaker import CircuitBreaker
from inferc.runtime.policies.sliding_window import MARGIN, SPAN
from inferc.runtime.policies.tariff import Tariff
from inferc.runtime.replicas.replica import ReplicaStatus
from inferc.runtime.requests.answer import ChatChunk, Chunk
from inferc.runtime.requests.call import Call
from inferc.runtime.requests.errors import RequestError
from inferc.runtime.requests.request import ChatRequest, Request
from inferc.runtime.requests.usage import Usage
from inferc.runtime.serving.deployment import Deployment, Trace

SCRIPT = str(Path(__file__).resolve())

CHAT = ChatRequest({"model": "gpt", "messages": [{"role": "user", "content": QUESTION}]}, stream=False)
STREAM = ChatRequest({**CHAT.body, "stream": True}, stream=True)

REQUESTS, ROUNDS = 20_000, 7
TARGET_MICROSECONDS = 25.0

CONNECTIONS, STREAMS = 32, 200
FEW, MANY = 20, 120
TARGET_RATIO = 0.7

PROCESSES, LIMIT, MINUTES, FASTER = 4, 600, 10, 20.0
TARGET_SHARE = 0.97

CANCELLED, AT_ONCE = 10_000, 100
TARGET_MEGABYTES = 2.0


class Instant:
    """A replica that answers at once."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def status(self) -> ReplicaStatus:
        return ReplicaStatus(ready=True)

    async def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        yield ChatChunk(b"{}", Usage(20, 50))


async def measure_overhead() -> bool:
    plan = plan_of("http://127.0.0.1:9/v1", api_key=(), retry=RetryPolicy(max_retries=0))
    assert plan.budget is not None
    assert plan.price is not None
    policies = ReplicaPolicies(
        plan,
        CircuitBreaker(plan.circuit_breaker),
        LocalRateLimiter("the account", plan.rate_limits),
        BudgetState(plan.budget, Ledger()),
        Tariff.of(plan.price),
    )
    subjects = {
        "replica alone": lambda: Instant().stream(CHAT, None),
        "no policies": Deployment(plan, [Instant()], {}, random.Random(1)),
        "all policies": Deployment(plan, [Instant()], {}, random.Random(1), [policies]),
    }
    times: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(ROUNDS):
        for name, subject in subjects.items():
            began = time.perf_counter()
            for _ in range(REQUESTS):
                stream = subject.stream(Call(CHAT), Trace()) if isinstance(subject, Deployment) else subject()
                async with aclosing(stream) as chunks:
                    async for _ in chunks:
                        pass
            times[name].append((time.perf_counter() - began) / REQUESTS * 1e6)
    medians = {name: statistics.median(each) for name, each in times.items()}
    for name, median in medians.items():
        print(f"overhead  {name:16}{median:8.1f} µs per request")
    overhead = medians["all policies"] - medians["no policies"]
    return report(
        "overhead", f"{overhead:.1f} µs, target ≤ {TARGET_MICROSECONDS:g}", overhead <= TARGET_MICROSECONDS
    )


async def measure_proxy() -> bool:
    unary = measure(policies=True, stream=False, connections=CONNECTIONS, requests=4_000, rounds=6)
    few, many = (
        measure(policies=True, stream=True, connections=STREAMS, requests=requests, rounds=4, chunks=chunks)
        for chunks, requests in ((FEW, 2_000), (MANY, 600))
    )
    ratios = {
        "unary": show("proxy, unary", unary),
        f"{FEW} chunks": show(f"proxy, {STREAMS} streams of {FEW} chunks", few),
        f"{MANY} chunks": show(f"proxy, {STREAMS} streams of {MANY} chunks", many),
    }
    for name in few:
        cost = (many[name].cpu - few[name].cpu) / (MANY - FEW) * 1e6
        print(f"proxy     {name:16}{cost:8.1f} µs of processor time per chunk")
    listed = ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items())
    return report("proxy", f"{listed}, target ≥ {TARGET_RATIO:g}", min(ratios.values()) >= TARGET_RATIO)


@contextmanager
def redis_server() -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("redis-server is not installed: apt-get install redis-server")
    with socket.socket() as free, tempfile.TemporaryDirectory() as directory:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", directory]
        process = subprocess.Popen([program, *options, "--loglevel", "warning"], stdout=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait()


async def measure_strict() -> bool:
    with redis_server() as url:
        began = str(time.monotonic() + 3)
        workers = [
            await asyncio.create_subprocess_exec(
                sys.executable, SCRIPT, "worker", url, began, stdout=subprocess.PIPE
            )
            for _ in range(PROCESSES)
        ]
        answers = await asyncio.gather(*(worker.communicate() for worker in workers))
    by_process = [json.loads(answer) for answer, _ in answers]
    sent = sorted(moment for moments in by_process for moment in moments)
    minute = SPAN / FASTER
    most = max(bisect_left(sent, moment + minute) - index for index, moment in enumerate(sent))
    share = len(sent) / (LIMIT * MINUTES)
    print(f"strict    {PROCESSES} processes sent {', '.join(str(len(moments)) for moments in by_process)}")
    text = (
        f"{most} in the fullest minute, limit {LIMIT}; "
        f"{share:.1%} of what is allowed, target ≥ {TARGET_SHARE:.0%}"
    )
    return report("strict", text, most <= LIMIT and share >= TARGET_SHARE)


async def work(url: str, began: float) -> None:
    """One of the processes that share the limit."""
    store = RedisStore(url, span=(SPAN + MARGIN) / FASTER)
    limiter = StrictRateLimiter("the account", RateLimits(LIMIT, None, None, True), "account", store.limits)
    await limiter.start()
    await asyncio.sleep(began - time.monotonic())
    end = asyncio.get_running_loop().time() + MINUTES * SPAN / FASTER
    sent: list[float] = []

    async def client() -> None:
        while asyncio.get_running_loop().time() < end:
            try:
                permit = await limiter.acquire(100, end)
            except RequestError:
                return
            sent.append(time.monotonic())
            limiter.finish(permit, 100)

    await asyncio.gather(*(client() for _ in range(50)))
    await limiter.stop()
    await store.stop()
    print(json.dumps(sent))


async def measure_cancel() -> bool:
    os.environ["BENCH_KEY"] = "bench-key"
    with serving([SCRIPT, "mock"]) as mock:
        deployment = plan_of(f"{mock.url}/v1", retry=RetryPolicy(max_retries=0))
        plan = Plan(SCHEMA, "bench", GatewayPlan(port=0), (deployment,))
        executor = Executor(plan, Path.cwd())
        await executor.start()
        policies = executor.deployment("gpt").policies[0]
        assert policies is not None
        choose = random.Random(1)
        await cancel_many(executor, choose, CANCELLED // 2)
        tasks, memory = len(asyncio.all_tasks()), resident()
        began = time.perf_counter()
        answered = await cancel_many(executor, choose, CANCELLED)
        seconds = time.perf_counter() - began
        await asyncio.sleep(0.5)
        grown = (resident() - memory) / 1e6
        left = {
            "slots": executor.deployment("gpt").running + executor.deployment("gpt").waiting,
            "limiter": policies.limiter.running + policies.limiter.waiting,
            "tasks": len(asyncio.all_tasks()) - tasks,
            "requests at the provider": (await asyncio.to_thread(stats_of, mock.url))["open"],
        }
        await executor.stop()
        await asyncio.sleep(0.1)
        left["connections"] = established(int(mock.url.rpartition(":")[2]))
    print(f"cancel    {CANCELLED} requests in {seconds:.1f} s, {answered} of them answered before")
    listed = ", ".join(f"{name} {count}" for name, count in left.items())
    text = f"left behind: {listed}, {grown:.2f} MB, target 0 and ≤ {TARGET_MEGABYTES:g} MB"
    return report("cancel", text, not any(left.values()) and grown <= TARGET_MEGABYTES)


def stats_of(url: str) -> dict[str, int]:
    """What the mock provider has counted."""
    with urlopen(f"{url}/__mock__/stats") as answer:
        counts: dict[str, int] = json.load(answer)
        return counts


async def cancel_many(executor: Executor, choose: random.Random, count: int) -> int:
    """Start `count` requests and cancel each within its first moments; gives how many were faster."""
    answered = 0
    for _ in range(count // AT_ONCE):
        tasks = [asyncio.create_task(ask(executor)) for _ in range(AT_ONCE)]
        for task in tasks:
            asyncio.get_running_loop().call_later(choose.random() * 0.15, task.cancel)
        done = await asyncio.gather(*tasks, return_exceptions=True)
        answered += sum(not isinstance(outcome, BaseException) for outcome in done)
    return answered


async def ask(executor: Executor) -> None:
    async with aclosing(executor.stream("gpt", STREAM)) as chunks:
        async for _ in chunks:
            pass


def resident() -> int:
    """Bytes of memory that this process holds."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def established(port: int) -> int:
    """Connections of this process to `port`."""
    inodes = set()
    for link in Path("/proc/self/fd").iterdir():
        try:
            inodes.add(os.readlink(link).removeprefix("socket:[").removesuffix("]"))
        except FileNotFoundError:
            continue
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(int(row[2].rpartition(":")[2], 16) == port and row[9] in inodes for row in rows)


def report(name: str, text: str, holds: bool) -> bool:
    print(f"{name:10}{'ok' if holds else 'MISSED'}: {text}")
    return holds


MEASURES = {
    "overhead": measure_overhead,
    "proxy": measure_proxy,
    "strict": measure_strict,
    "cancel": measure_cancel,
}


async def main(names: list[str]) -> None:
    outcomes = [await MEASURES[name]() for name in names or MEASURES]
    if not all(outcomes):
        raise SystemExit(1)


def asked() -> list[str]:
    """What the command line names; nothing: all."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("measures", metavar="MEASURE", nargs="*", help=", ".join(MEASURES))
    names: list[str] = parser.parse_args().measures
    for name in names:
        if name not in MEASURES:
            parser.error(f"there is no measure `{name}`: there are {', '.join(MEASURES)}")
    return names


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        run_async(work(sys.argv[2], float(sys.argv[3])))
    elif sys.argv[1:2] == ["mock"]:
        run_async(
            serve_mock(0, MockOptions(gap=0.001), ready=lambda url: print(url.rpartition(":")[2], flush=True))
        )
    else:
        run_async(main(asked()))
