"""What code of users can do, and what a request can make slow."""

from __future__ import annotations

import json
import time

from .processes import PATIENCE, Gateway, gateway, until
from .requesting import Answer, at_once, connect, others, pipeline, post, request
from .table import Seen, fault
from .upstream import deployment, good, provider

_OWN = """
import asyncio, ctypes, os, re, subprocess, sys, time

def fine(x): return x
async def fine_too(x): return x
def exits(x): sys.exit(3)
async def exits_async(x): sys.exit(3)
async def interrupts_async(x): raise KeyboardInterrupt
def dies(x): os._exit(0)
def crashes(x): return ctypes.string_at(0)
def blocks(x): return str(re.match(r"(a|a)*b", "a" * 40))
async def blocks_async(x): return str(re.match(r"(a|a)*b", "a" * 40))
def hangs(x): time.sleep(600)
async def hangs_async(x): await asyncio.sleep(600)
def prints(x): print("x" * (8 << 20)); return x
def forks(x): subprocess.Popen(["sleep", "600"]); time.sleep(600)
def grows(x): return "x" * (1 << 30)
def secrets(x): return " ".join(os.environ.values())
"""
_NAMES = [line.partition("def ")[2].partition("(")[0] for line in _OWN.splitlines() if "def " in line]
_PATIENCE = 3
_MOST = 0.05
"""What others may wait, in seconds: 99 of 100 of them."""


def _text(upstream_text: str) -> str:
    externs = "".join(
        f'extern {name}(x: text) -> text = python("own:{name}")\n'
        f"pipeline p_{name}(x: text) -> text {{ return {name}(x) with {{ timeout = {_PATIENCE}s }} }}\n"
        for name in _NAMES
    )
    return upstream_text + externs


def _misbehaves(seen: Seen, *names: str, times: int = 1) -> None:
    """Each of these externs is called so often, at once, while others chat; then the good ones are called."""
    with (
        provider(lambda _: good()) as upstream,
        gateway(_text(deployment(upstream)), files={"own.py": _OWN}) as it,
    ):
        pipeline(it, "p_fine", x="a")
        before = it.memory(peak=True, alone=True)
        with others(it) as them:
            calls = [name for name in names for _ in range(times)]
            got = at_once(lambda number: pipeline(it, f"p_{calls[number]}", 60, x="a"), len(calls), 64)
            them_too = pipeline(it, "p_fine", x="a")
        _own_error(seen, got)
        seen.within(max(each.seconds for each in got), _PATIENCE + 5, "the last of them ended after")
        seen.grown(it.memory(peak=True, alone=True) - before, 100)
        seen(it.status is None, "the gateway runs" if it.status is None else f"it ended with {it.status}")
        seen(not them.failed, f"{len(them.failed)} of {len(them.waited)} other requests failed")
        seen.within(them.p99, _MOST, "their p99 was")
        after = [them_too, pipeline(it, "p_fine", x="a"), pipeline(it, "p_fine_too", x="a")]
        seen(all(each.status == 200 for each in after), "other externs answer")
        it.stop(20)
        left = it.left(5)
        seen(not left, f"{len(left)} processes left after the end")


def _own_error(seen: Seen, got: list[Answer]) -> None:
    codes = sorted({_code(each) for each in got})
    seen(all(each.status in (500, 502, 504) for each in got), f"{len(got)} calls got {', '.join(codes)}")


def _code(answer: Answer) -> str:
    try:
        return f"{answer.status} `{json.loads(answer.text)['error']['code']}`"
    except (ValueError, KeyError, TypeError):
        return f"{answer.status} {answer.text[:60]}"


@fault(quick=True)
def extern_that_exits(seen: Seen) -> None:
    """Code that ends its program ends its own call.

    Externs that call `sys.exit`, in an async function, too, raise KeyboardInterrupt, or call `os._exit`.
    """
    _misbehaves(seen, "exits", "exits_async", "interrupts_async", "dies")


@fault(quick=True)
def extern_that_crashes(seen: Seen) -> None:
    """Code that crashes fails its own call.

    An extern reads the address 0 (SIGSEGV), three times.
    """
    _misbehaves(seen, "crashes", times=3)


@fault(alone=True)
def extern_that_blocks_the_interpreter(seen: Seen) -> None:
    """Code that lets no other thread run is ended at its time limit, and nobody else waits: p99 below 50 ms.

    Externs, one of them async, run a regular expression that never ends; their limit is 3 s.
    """
    _misbehaves(seen, "blocks", "blocks_async")


@fault(alone=True)
def extern_that_hangs(seen: Seen) -> None:
    """Calls that hang hold up no other extern, and nobody else: p99 below 50 ms.

    32 calls of an extern that sleeps for 10 minutes, 32 of an async one; their limit is 3 s.
    """
    _misbehaves(seen, "hangs", "hangs_async", times=32)


@fault(quick=True)
def extern_that_starts_others(seen: Seen) -> None:
    """What code starts ends with it.

    An extern starts a program of its own, and hangs.
    """
    _misbehaves(seen, "forks")


@fault(alone=True)
def extern_that_gives_a_gigabyte(seen: Seen) -> None:
    """A result is bounded, and costs others neither time nor memory.

    An extern gives a text of 1 GB.
    """
    _misbehaves(seen, "grows")


@fault(quick=True)
def extern_that_looks_for_keys(seen: Seen) -> None:
    """Code of users sees no key of a deployment, and may print what it likes.

    An extern gives all values of its environment; another one prints 8 MB.
    """
    with (
        provider(lambda _: good()) as upstream,
        gateway(_text(deployment(upstream)), files={"own.py": _OWN}) as it,
    ):
        got = pipeline(it, "p_secrets", x="a")
        seen(got.status == 200 and "sk-provider" not in got.text, "the key is not among them")
        printed = pipeline(it, "p_prints", x="a").status
        seen(printed == 200, f"the one that prints got {printed}")


def _endless(seen: Seen, text: str, value: object) -> None:
    """A pipeline `p` is asked for what never ends, while others chat; its client then leaves."""
    with provider(lambda _: good()) as upstream, gateway(deployment(upstream) + text) as it:
        body = json.dumps({"x": value}).encode()
        head = post(len(body)).replace(b"/v1/chat/completions", b"/v1/pipelines/p")
        with others(it) as them, connect(it, head + body) as connection:
            time.sleep(4)
            seen(until(lambda: len(them.waited) >= 10, PATIENCE), "others were answered meanwhile")
            connection.close()
        seen(not them.failed, f"{len(them.failed)} of {len(them.waited)} other requests failed")
        seen.within(them.p99, _MOST, "their p99 was")
        _stops(seen, it)


def _stops(seen: Seen, it: Gateway) -> None:
    took = it.stop(40)
    seen.within(took, 15, "SIGTERM ended it after")
    left = it.left(5)
    seen(not left, f"{len(left)} processes left")


@fault(alone=True)
def endless_regular_expression(seen: Seen) -> None:
    """A regular expression that never ends holds nobody up: p99 of others below 50 ms.

    `json_path` with the expression `(a|a)*b`, and 30 times the letter a. A check that refuses it is right,
    too.
    """
    text = "pipeline p(x: json) -> json? { return json_path(x, \"$[?match(@, '(a|a)*b')]\") }\n"
    with gateway(text, must_start=False) as it:
        if it.status == 1:
            seen("match" in it.log or "expression" in it.log, "the check refuses it")
            return
    _endless(seen, text, ["a" * 30])


@fault(alone=True)
def endless_template(seen: Seen) -> None:
    """A prompt that takes without end holds nobody up: p99 of others below 50 ms.

    A prompt sorts a text of 260 kB 200 times.
    """
    sorts = "{% for i in range(200) %}{% set y = (x|list|sort) %}{% endfor %}"
    _endless(
        seen, f'pipeline p(x: text) -> text {{ return m(prompt "{sorts}") }}\n', "http://a.b/<a" * 20_000
    )


@fault(quick=True)
def pipelines_alone_are_healthy(seen: Seen) -> None:
    """`/healthz` is 200 while requests are answered, also for a file without deployments.

    A file with an extern and a pipeline.
    """
    text = (
        'extern fine(x: text) -> text = python("own:fine")\npipeline p(x: text) -> text { return fine(x) }\n'
    )
    with gateway(text, files={"own.py": _OWN}) as it:
        status = pipeline(it, "p", x="a").status
        until(lambda: request(it, "GET", "/healthz").status == 200, 5)
        health = request(it, "GET", "/healthz").status
        seen((status, health) == (200, 200), f"the pipeline got {status}, `/healthz` is {health}")
