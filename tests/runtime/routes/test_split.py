"""`split`: members by shares, the same key to the same member."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from inferc.compiler.plan import KeySource, RouteKey
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.requests.errors import ServerError
from inferc.runtime.requests.trace import Trace
from inferc.runtime.serving.routes.split import Splitting

from ...support.members import Speaker, hear, member, route
from ...support.pipelines import split

KEYS = [f"user-{number}" for number in range(20_000)]


def test_keys_spread_as_the_shares_say() -> None:
    splitting = Splitting("r", [0.7, 0.25, 0.05], Random(1))
    counts = Counter(splitting.decide(key) for key in KEYS)
    assert counts[0] / len(KEYS) == pytest.approx(0.7, abs=0.015)
    assert counts[1] / len(KEYS) == pytest.approx(0.25, abs=0.015)
    assert counts[2] / len(KEYS) == pytest.approx(0.05, abs=0.01)


def test_a_key_goes_to_the_same_member_in_every_process() -> None:
    program = (
        "from random import Random; from inferc.runtime.serving.routes.split import Splitting; "
        "s = Splitting('r', [0.5, 0.5], Random()); print([s.decide(f'k{n}') for n in range(40)])"
    )
    other = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout == f"{[Splitting('r', [0.5, 0.5], Random()).decide(f'k{n}') for n in range(40)]}\n"


def test_when_the_shares_change_only_the_keys_that_must_move_do() -> None:
    before, after = Splitting("r", [0.95, 0.05], Random(1)), Splitting("r", [0.9, 0.1], Random(1))
    moved = [key for key in KEYS if before.decide(key) != after.decide(key)]
    assert len(moved) / len(KEYS) == pytest.approx(0.05, abs=0.01)
    assert all(before.decide(key) == 0 for key in moved)


def test_two_routes_split_the_same_keys_independently() -> None:
    one, other = Splitting("one", [0.5, 0.5], Random(1)), Splitting("other", [0.5, 0.5], Random(1))
    same = sum(one.decide(key) == other.decide(key) for key in KEYS)
    assert same / len(KEYS) == pytest.approx(0.5, abs=0.02)


def test_requests_without_a_key_are_spread_by_chance() -> None:
    splitting = Splitting("r", [0.8, 0.2], Random(1))
    counts = Counter(splitting.decide(None) for _ in range(20_000))
    assert counts[1] / 20_000 == pytest.approx(0.2, abs=0.015)


async def _asked(it: object, **how: object) -> set[str | None]:
    asked = set()
    for _ in range(8):
        trace = Trace()
        await hear(it, trace=trace, **how)  # type: ignore[arg-type]
        asked.add(trace.deployment)
    return asked


def test_the_header_keeps_a_client_at_one_member() -> None:
    async def scenario() -> None:
        it = route(split("r", {"a": 0.5, "b": 0.5}), member("a"), member("b"))
        seen = set()
        for number in range(12):
            one = await _asked(it, headers={"x-inferc-key": f"client {number}"})
            assert len(one) == 1
            seen |= one
        assert seen == {"a", "b"}
        assert await _asked(it) == {"a", "b"}

    run_virtual(scenario())


def test_the_key_may_be_a_field_of_the_body() -> None:
    async def scenario() -> None:
        it = route(
            split("r", {"a": 0.5, "b": 0.5}, RouteKey(KeySource.FIELD, "user")), member("a"), member("b")
        )
        seen = set()
        for number in range(12):
            one = await _asked(it, body={"user": f"user {number}"})
            assert len(one) == 1
            seen |= one
        assert seen == {"a", "b"}

    run_virtual(scenario())


def test_a_member_that_fails_is_not_replaced_by_another() -> None:
    async def scenario() -> None:
        b = Speaker()
        it = route(
            split("r", {"a": 1.0, "b": 0.0}), member("a", Speaker(errors=[ServerError("x")])), member("b", b)
        )
        with pytest.raises(ServerError):
            await hear(it)
        assert not b.started

    run_virtual(scenario())
