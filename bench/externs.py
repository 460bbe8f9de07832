"""What one call of code of one's own costs, by where it runs.

    python bench/externs.py [--rounds N]

Functions that give what they take: on threads of the executor, in processes, `async` in a process; with a
short text, and with a tensor of 1.5 MB. Beside them a prompt, rendered in place and in a worker. Prints the
median and the slowest of a hundred.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import numpy

from inferc.compiler.plan import (
    TEXT,
    DType,
    ExternPlan,
    Isolation,
    ParameterPlan,
    SourceRef,
    TensorType,
    Type,
)
from inferc.runtime.concurrency.event_loop import run_async
from inferc.runtime.serving.pipelines.externs import checked_function, load_extern
from inferc.runtime.serving.pipelines.prompts import rendering
from inferc.runtime.serving.pipelines.threads import Threads
from inferc.runtime.serving.pipelines.workers.job import Job
from inferc.runtime.serving.pipelines.workers.workers import Workers

CODE = "def same(x): return x\nasync def soon(x): return x\n"
TENSOR = TensorType(dtype=DType.F32, shape=(None, 384))
PROMPT = "{% for i in xs %}{{ loop.index }}: {{ i }}\n{% endfor %}"


def plan(function: str, kind: Type, isolation: Isolation) -> ExternPlan:
    """An extern from `kind` to the same."""
    return ExternPlan(
        extern=f"{function} {kind.kind} {isolation}",
        source=SourceRef("bench.infer", 1, 1),
        parameters=(ParameterPlan("x", kind),),
        result=kind,
        target=f"code_of_the_bench:{function}",
        isolation=isolation,
    )


async def times(call: Callable[[], Awaitable[object]], rounds: int) -> list[float]:
    """Seconds that each call takes, sorted."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        await call()
        took.append(time.perf_counter() - began)
    return sorted(took)


def show(name: str, took: list[float]) -> None:
    median, slow = statistics.median(took), took[int(len(took) * 0.99)]
    print(f"{name:42} {median * 1e6:8.0f} us {slow * 1e6:8.0f} us")


async def measure(folder: Path, rounds: int) -> None:
    """Print a line for each."""
    (folder / "code_of_the_bench.py").write_text(CODE)
    workers, threads = Workers(), Threads()
    text, tensor = "Where is my parcel?", numpy.ones((1000, 384), numpy.float32)
    print(f"{'':42} {'median':>11} {'1 of 100':>11}")
    try:
        for kind, value in ((TEXT, text), (TENSOR, tensor)):
            for function, isolation in (
                ("same", Isolation.THREAD),
                ("same", Isolation.PROCESS),
                ("soon", Isolation.PROCESS),
            ):
                extern = await load_extern(
                    plan(function, kind, isolation), folder, workers, threads, Random(1)
                )
                call = {"x": value}
                await times(lambda: extern(call, None), 20)  # noqa: B023
                took = await times(lambda: extern(call, None), rounds)  # noqa: B023
                what = "a text" if kind is TEXT else "1.5 MB"
                show(f"{'async, ' if function == 'soon' else ''}{isolation}, {what}", took)
        render, values = rendering(PROMPT), {"xs": ["some words"] * 20}
        elsewhere = workers.function("the prompt", rendering, PROMPT)

        async def in_place() -> None:
            render(values)

        await times(lambda: elsewhere(values), 20)
        show("a prompt with a loop of 20, in place", await times(in_place, rounds))
        show("the same, in a worker", await times(lambda: elsewhere(values), rounds))
        began = time.perf_counter()
        job = Job(checked_function, plan("same", TEXT, Isolation.PROCESS), folder)
        await workers.pool("again", "it", job, 1, None).start()
        print(f"{'a new process, its module imported':42} {(time.perf_counter() - began) * 1e6:8.0f} us")
    finally:
        threads.stop()
        await workers.stop()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=2000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run_async(measure(Path(folder), arguments.rounds))


if __name__ == "__main__":
    main()
